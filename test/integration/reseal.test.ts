/** A change of the secret key: what is sealed under which, and all of it sealed again, as nodes and the command line do. */
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { AgentIndex, agentIndexLayer } from "../../actors/index.ts"
import { onPlatform } from "../../cli/platform.ts"
import { renderResealed, renderSealed } from "../../cli/secrets.ts"
import { migrateTenants } from "../../cli/tenants.ts"
import {
  Changes,
  LlmModels,
  platformTenant,
  resealAll,
  Secrets,
  SigningKeys,
  sealedRows,
  Tenancy,
} from "../../resources/index.ts"
import { temporaryDataDirectory } from "../support/database.ts"
import { custom, makeAdmin } from "../support/llm-models.ts"

const keyText = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString("base64")}`
const [oldKey, newKey] = [keyText("k1", 1), keyText("k2", 2)]

const environmentOf = (directory: string, keys: string): NodeJS.ProcessEnv => ({
  DATABASE_DIRECTORY: directory,
  MILLRACE_SECRET_KEYS: keys,
  MILLRACE_HOME: directory,
})

const signing = Effect.flatMap(
  Effect.flatMap(Effect.scoped(Layer.build(SigningKeys.layer())), (built) =>
    Effect.succeed(Context.get(built, SigningKeys)),
  ),
  (keys) => keys.signing,
)

const secretText = "token-of-the-far-agent"
const agents = Effect.scoped(
  Effect.map(Layer.build(Layer.fresh(Layer.provide(agentIndexLayer, Changes.layerLocal))), (built) =>
    Context.get(built, AgentIndex),
  ),
)

/** A model's key, a signing key, an agent's credential, and the address of a tenant's database that is not there. */
const sealSome = Effect.gen(function* () {
  const { management: sql } = yield* Tenancy
  const admin = yield* makeAdmin(platformTenant)
  yield* (yield* LlmModels).register(admin, custom("m"))
  yield* signing
  const { setCredential } = yield* agents
  yield* setCredential({ tenant: platformTenant, user: "ann" }, "far", Redacted.make(secretText))
  const address = (yield* Secrets).seal("nowhere", "tenant/away/database")
  yield* sql`INSERT INTO tenants (id, name, state, database_url) VALUES ('away', 'Away', 'active', ${address})`
})

const audited = Effect.gen(function* () {
  const { within } = yield* Tenancy
  const rows = yield* within(
    platformTenant,
    (sql) => sql<{ line: string }>`SELECT actor || ' ' || action AS line FROM audit_log
      WHERE action LIKE '%.reseal' ORDER BY 1`,
  )
  return rows.map(({ line }) => line)
})

const table = (text: string) => text.split("\n").map((line) => line.split(/ {2,}/))

it.live(
  "a change of key is seen, done once for all that is sealed, and needs the old key no more",
  () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDataDirectory
      const on = <A, E>(keys: string, work: Parameters<typeof onPlatform<A, E>>[0]) =>
        onPlatform(work, environmentOf(directory, keys))
      yield* on(oldKey, sealSome)

      const report = yield* on(`${newKey},${oldKey}`, sealedRows)
      expect(report.unreachable).toEqual(["away"])
      expect(table(renderSealed(report)).slice(1, 5)).toEqual([
        ["agent-credentials", "k1", "1", "an older key: millrace secrets reseal"],
        ["model-keys", "k1", "1", "an older key: millrace secrets reseal"],
        ["signing-keys", "k1", "1", "an older key: millrace secrets reseal"],
        ["tenant-databases", "k1", "1", "an older key: millrace secrets reseal"],
      ])
      expect((yield* on(newKey, resealAll)).unreadable).toBe(4)
      expect((yield* on(newKey, sealedRows)).sealed.map(({ key }) => key)).toEqual([
        "missing",
        "missing",
        "missing",
        "missing",
      ])

      // As nodes that start at once do it.
      const [both, lines] = yield* on(
        `${newKey},${oldKey}`,
        Effect.gen(function* () {
          const all = yield* Effect.all([resealAll, resealAll, resealAll], { concurrency: "unbounded" })
          return [all, yield* audited] as const
        }),
      )
      expect(both.reduce((sum, { resealed }) => sum + resealed, 0)).toBe(4)
      expect(lines).toEqual([
        "system agent.reseal",
        "system llm-model.reseal",
        "system signing-key.reseal",
        "system tenant.reseal",
      ])
      expect(renderResealed(both[0])).toContain("not reached: away")

      const after = yield* on(newKey, sealedRows)
      expect(after.sealed.map(({ key, key_id }) => [key_id, key])).toEqual([
        ["k2", "newest"],
        ["k2", "newest"],
        ["k2", "newest"],
        ["k2", "newest"],
      ])
      expect((yield* on(newKey, signing)).kid).toBeTruthy()
      const opened = Effect.flatMap(agents, ({ credential }) => credential(platformTenant, "far"))
      expect(Redacted.value((yield* on(newKey, opened))!)).toBe(secretText)
      const migrating = migrateTenants(environmentOf(directory, newKey), true)
      expect((yield* Effect.flip(migrating)).message).toBe("1 of 1 databases were not migrated")
    }).pipe(Effect.scoped),
  60_000,
)
