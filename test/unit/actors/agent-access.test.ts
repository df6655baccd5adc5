/** Who may use which agent: every access level against every kind of caller, and the same said in SQL. */
import { expect, it, layer } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import { describe } from "vitest"
import {
  type AccessRule,
  type AgentCaller,
  mayChangeAgent,
  mayUseAgent,
} from "../../../actors/agent/access.ts"
import { accessCondition } from "../../../actors/agent/index/access-condition.ts"
import { AccessLevel } from "../../../schemas/index.ts"
import { ephemeralDatabase } from "../../support/database.ts"

const caller = (user: string, more: Partial<AgentCaller> = {}): AgentCaller => ({
  user,
  department: undefined,
  groups: [],
  permissions: new Set(),
  isAdministrator: false,
  ...more,
})

const callers = {
  owner: caller("olga"),
  named: caller("nam"),
  department: caller("dora", { department: "CS팀" }),
  group: caller("gil", { groups: ["g-1", "g-2"] }),
  administrator: caller("root", { isAdministrator: true }),
  stranger: caller("sten", { department: "Sales", groups: ["g-9"] }),
  homeless: caller("hal"),
}
type Who = keyof typeof callers

const rule = (accessLevel: AccessRule["accessLevel"]): AccessRule => ({
  ...(accessLevel === undefined ? {} : { accessLevel }),
  owner: "olga",
  allowedUsers: ["nam"],
  allowedTeams: ["CS팀", "g-2"],
})

const everybody = Object.keys(callers) as ReadonlyArray<Who>
/** The owner and administrators always; besides them: */
const besides: Readonly<Record<AccessLevel, ReadonlyArray<Who>>> = {
  public: everybody,
  private: [],
  team: ["department", "group"],
  user_specific: ["named"],
}

describe("who may use an agent", () => {
  for (const level of AccessLevel.literals)
    for (const who of everybody) {
      const allowed = ["owner", "administrator", ...besides[level]].includes(who)
      it(`${level}: ${who} ${allowed ? "may" : "may not"}`, () => {
        expect(mayUseAgent(rule(level), callers[who])).toBe(allowed)
      })
    }

  it("is everybody where no level is said, and nobody of an agent without owner that is private", () => {
    expect(everybody.filter((who) => !mayUseAgent(rule(undefined), callers[who]))).toEqual([])
    const orphan = { accessLevel: "private" } as const
    expect(everybody.filter((who) => mayUseAgent(orphan, callers[who]))).toEqual(["administrator"])
  })

  it("may change it only as its owner or as an administrator, whatever its level", () => {
    for (const level of AccessLevel.literals)
      expect(everybody.filter((who) => mayChangeAgent(rule(level), callers[who]))).toEqual([
        "owner",
        "administrator",
      ])
    const shipped = { accessLevel: "public" } as const
    expect(everybody.filter((who) => mayChangeAgent(shipped, callers[who]))).toEqual(["administrator"])
  })
})

describe("the agent that answers about the machines", () => {
  const ops = { accessLevel: "public", behaviour: "ops", owner: "olga" } as const
  const holding = (permissions: ReadonlyArray<string>) =>
    everybody.filter((who) => mayUseAgent(ops, { ...callers[who], permissions: new Set(permissions) }))

  it("is only for who may ask about them, its owner and administrators among them", () => {
    expect(holding(["chat:use", "agent:execute", "agent:admin"])).toEqual([])
    expect(holding(["ops:ask"])).toEqual(everybody)
    expect(holding(["*"])).toEqual(everybody)
  })
})

/** Few names, so that they meet; some that a query could stumble over. */
const Name = Schema.Literals(["olga", "nam", "CS팀", "g-1", "g-2", "", "'", '"', "{}", "NULL", "a,b", "\\"])
const Names = Schema.Array(Name).check(Schema.isMaxLength(4))
const Rule = Schema.Struct({
  accessLevel: AccessLevel,
  owner: Schema.optionalKey(Name),
  allowedUsers: Names,
  allowedTeams: Names,
  behaviour: Schema.optionalKey(Schema.Literals(["guide", "ops"])),
})
const Caller = Schema.Struct({
  user: Name,
  department: Schema.UndefinedOr(Name),
  groups: Names,
  isAdministrator: Schema.Boolean,
  mayAskOps: Schema.Boolean,
})

layer(ephemeralDatabase(), { excludeTestServices: true, timeout: "2 minutes" })("the index", (it) => {
  it.effect("lets in by SQL exactly whom the function lets in", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const inSql = (
        { accessLevel, owner, allowedUsers, allowedTeams, behaviour }: typeof Rule.Type,
        asking: AgentCaller,
      ) => {
        const row = {
          access_level: accessLevel,
          owner,
          allowed_users: allowedUsers,
          allowed_teams: allowedTeams,
          view: { behaviour },
        }
        return Effect.map(
          sql<{ let_in: boolean | null }>`SELECT ${accessCondition(sql, asking)} AS let_in
            FROM jsonb_to_record(${JSON.stringify(row)}::text::jsonb)
              AS a (access_level text, owner text, allowed_users text[], allowed_teams text[], view jsonb)`,
          ([found]) => found?.let_in === true,
        )
      }
      let both = { let_in: 0, kept_out: 0 }
      const result = yield* Arbitrary.checkEffect(
        Arbitrary.schema(Schema.Struct({ rule: Rule, caller: Caller })),
        ({ rule, caller: { mayAskOps, ...someone } }) => {
          const caller = { ...someone, permissions: new Set(mayAskOps ? ["ops:ask"] : []) }
          return Effect.map(inSql(rule, caller), (found) => {
            const wanted = mayUseAgent(rule, caller)
            both = wanted ? { ...both, let_in: both.let_in + 1 } : { ...both, kept_out: both.kept_out + 1 }
            expect(found).toBe(wanted)
            return true
          })
        },
        { runs: 600, size: 12 },
      )
      expect(Arbitrary.formatCheckFailure(result)).toBeUndefined()
      expect(Math.min(both.let_in, both.kept_out)).toBeGreaterThan(50)
    }),
  )
})
