/** The index over the tenants' databases. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import {
  Changes,
  Kept,
  keptUnder,
  recordChanges,
  refuse,
  Secrets,
  SecretUnreadable,
  Tenancy,
} from "../../../resources/index.ts"
import type { AgentView } from "../../../schemas/index.ts"
import type { IndexRow } from "../index-row.ts"
import { accessCondition } from "./access-condition.ts"
import { AgentIndex, type AgentIndexService } from "./agent-index.ts"
import { credentialPlace } from "./sealed.ts"
import { agentsTopic } from "./topic.ts"

export const agentIndexLimits = { entriesMax: 20_000, keepMs: 30_000 } as const

const searchText = ({ name, description, skills }: AgentView): string =>
  [name, description, ...skills.flatMap(({ name, description, tags = [] }) => [name, description, ...tags])]
    .join("\n")
    .toLowerCase()

const rowOf = (tenant: string, view: AgentView) => ({
  tenant,
  id: view.agent,
  revision: view.revision,
  version: view.version,
  name: view.name,
  framework: view.framework,
  status: view.status,
  archived: view.archived,
  department: view.department ?? null,
  owner: view.owner ?? null,
  access_level: view.accessLevel ?? "public",
  allowed_users: view.allowedUsers ?? [],
  allowed_teams: view.allowedTeams ?? [],
  health_status: view.health.status,
  search_text: searchText(view),
  view,
})

interface Stored {
  readonly version: number
  readonly view: AgentView
}

const settingsOf = ({
  health: _1,
  revision: _2,
  running: _3,
  answered: _4,
  failed: _5,
  ...settings
}: AgentView) => settings

const verbOf = (before: AgentView | undefined, after: AgentView): string => {
  if (before === undefined) return "register"
  if (before.archived !== after.archived) return after.archived ? "archive" : "restore"
  return before.status === after.status ? "change" : "move"
}

/** Gives whether anybody who keeps the agent has to hear of it: not of a check that found what the last one found. */
const put = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  { view, changedBy = "system" }: IndexRow,
) {
  const [before] = yield* sql<Stored>`
    SELECT version, view FROM agents WHERE tenant = ${tenant} AND id = ${view.agent} FOR UPDATE`
  const stored = yield* sql`
    INSERT INTO agents
    SELECT * FROM jsonb_populate_record(NULL::agents, ${JSON.stringify(rowOf(tenant, view))}::text::jsonb)
    ON CONFLICT (tenant, id) DO UPDATE SET
      (revision, version, name, framework, status, archived, department, owner, access_level, allowed_users,
        allowed_teams, health_status, search_text, view) =
      ROW (EXCLUDED.revision, EXCLUDED.version, EXCLUDED.name, EXCLUDED.framework, EXCLUDED.status,
        EXCLUDED.archived, EXCLUDED.department, EXCLUDED.owner, EXCLUDED.access_level, EXCLUDED.allowed_users,
        EXCLUDED.allowed_teams, EXCLUDED.health_status, EXCLUDED.search_text, EXCLUDED.view)
      WHERE agents.revision < EXCLUDED.revision
    RETURNING id`
  if (stored.length === 0) return false
  if (before?.version === view.version) return before.view.health.status !== view.health.status
  yield* recordChanges(sql, { tenant, user: changedBy }, [
    {
      action: `agent.${verbOf(before?.view, view)}`,
      objectType: "agent",
      objectId: view.agent,
      ...(before === undefined ? {} : { before: settingsOf(before.view) }),
      after: settingsOf(view),
    },
  ])
  return true
})

const make = Effect.gen(function* () {
  const [{ within }, secrets, changes] = [yield* Tenancy, yield* Secrets, yield* Changes]
  const kept = new Kept<AgentView | undefined>(agentIndexLimits)
  const service: AgentIndexService = {
    put: (tenant, row) =>
      within(tenant, (sql) => put(sql, tenant, row)).pipe(
        Effect.onExit((exit) =>
          Exit.isSuccess(exit) && !exit.value ? Effect.void : changes.announce(agentsTopic(tenant)),
        ),
        Effect.asVoid,
      ),
    find: (tenant, agent) =>
      keptUnder(
        kept,
        `${tenant}/${agent}`,
        () => changes.generation(agentsTopic(tenant)),
        within(tenant, (sql) =>
          Effect.map(
            sql<Stored>`SELECT version, view FROM agents WHERE tenant = ${tenant} AND id = ${agent}`,
            ([found]) => found?.view,
          ),
        ),
      ),
    list: (tenant, caller, search) =>
      within(
        tenant,
        Effect.fnUntraced(function* (sql) {
          const { page, limit, status, framework, department, owner, health, archived = false } = search
          const conditions = [
            sql`a.tenant = ${tenant}`,
            sql`a.archived = ${archived}`,
            accessCondition(sql, caller),
            ...(status === undefined ? [] : [sql`a.status = ${status}`]),
            ...(framework === undefined ? [] : [sql`a.framework = ${framework}`]),
            ...(department === undefined ? [] : [sql`a.department = ${department}`]),
            ...(owner === undefined ? [] : [sql`a.owner = ${owner}`]),
            ...(health === undefined ? [] : [sql`a.health_status = ${health}`]),
            ...(search.search === undefined
              ? []
              : [sql`strpos(a.search_text, ${search.search.toLowerCase()}) > 0`]),
          ]
          const [counted] = yield* sql<{ total: number }>`
            SELECT count(*)::int AS total FROM agents a WHERE ${sql.and(conditions)}`
          const rows = yield* sql<Stored>`
            SELECT a.version, a.view FROM agents a WHERE ${sql.and(conditions)}
            ORDER BY lower(a.name), a.id LIMIT ${limit}::int OFFSET ${(page - 1) * limit}::int`
          return { rows: rows.map(({ view }) => view), total: counted?.total ?? 0 }
        }),
      ),
    credential: (tenant, agent) =>
      within(tenant, (sql) =>
        Effect.flatMap(
          sql<{ sealed: string }>`
            SELECT sealed FROM agent_credentials WHERE tenant = ${tenant} AND agent = ${agent}`,
          ([found]) =>
            found === undefined
              ? Effect.succeed(undefined)
              : Effect.try({
                  try: () => Redacted.make(secrets.open(found.sealed, credentialPlace(tenant, agent))),
                  catch: (cause) =>
                    refuse("unavailable", "AGT_SEC_001", "The agent's credential cannot be opened.", {
                      reason: cause instanceof SecretUnreadable ? cause.message : "unreadable",
                    }),
                }),
        ),
      ),
    hasCredential: (tenant, agent) =>
      within(tenant, (sql) =>
        Effect.map(
          sql`SELECT 1 FROM agent_credentials WHERE tenant = ${tenant} AND agent = ${agent}`,
          ({ length }) => length > 0,
        ),
      ),
    setCredential: (by, agent, credential) =>
      within(
        by.tenant,
        Effect.fnUntraced(function* (sql) {
          yield* sql`DELETE FROM agent_credentials WHERE tenant = ${by.tenant} AND agent = ${agent}`
          if (credential !== undefined) {
            const sealed = secrets.seal(Redacted.value(credential), credentialPlace(by.tenant, agent))
            yield* sql`INSERT INTO agent_credentials (tenant, agent, sealed)
              VALUES (${by.tenant}, ${agent}, ${sealed})`
          }
          const verb = credential === undefined ? "credential-remove" : "credential-set"
          yield* recordChanges(sql, by, [{ action: `agent.${verb}`, objectType: "agent", objectId: agent }])
        }),
      ),
  }
  return AgentIndex.of(service)
})

export const agentIndexLayer = Layer.effect(AgentIndex, make)
