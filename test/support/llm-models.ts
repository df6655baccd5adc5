/** Models for suites: a tenant with users and groups, a checker that says what it is told, and the registry over both. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  Changes,
  type Health,
  LlmModels,
  llmModelsLayer,
  ModelChecker,
  type Requester,
  Secrets,
  Tenancy,
  tenantTables,
} from "../../resources/index.ts"
import { ephemeralDatabase } from "./database.ts"

/** Sealed under `old` until a suite puts `new` before it. */
export const secretKeys = {
  old: { id: "old", key: new Uint8Array(32).fill(1) },
  new: { id: "new", key: new Uint8Array(32).fill(2) },
}

/** By name of the model; others are healthy. */
export const healthByName = new Map<string, Health>()

const checker = Layer.succeed(ModelChecker, {
  check: ({ name }) => Effect.sync(() => healthByName.get(name) ?? { status: "healthy" }),
})

const registry = (keys: ReadonlyArray<(typeof secretKeys)["old"]>) =>
  llmModelsLayer.pipe(Layer.provide([checker, Secrets.layer({ keys })]))

export const llmModelsOnDatabase = registry([secretKeys.old]).pipe(
  Layer.provideMerge(Layer.mergeAll(Tenancy.layer(tenantTables), Changes.layerLocal)),
  Layer.provideMerge(ephemeralDatabase()),
)

/** The same tables seen by a node with other keys. */
export const withKeys = <A, E, R>(
  keys: ReadonlyArray<(typeof secretKeys)["old"]>,
  work: Effect.Effect<A, E, R | LlmModels>,
) =>
  Effect.scoped(
    Effect.flatMap(Layer.build(Layer.fresh(registry(keys))), (built) => Effect.provide(work, built)),
  )

export interface Person extends Requester {
  readonly id: string
}

export const makeUser = Effect.fnUntraced(function* (
  tenant: string,
  name: string,
  permissions: ReadonlyArray<string> = ["llm-model:read", "llm-model:use"],
) {
  const { within } = yield* Tenancy
  const id = randomUUID()
  yield* within(
    tenant,
    (sql) => sql`INSERT INTO users (tenant, id, issuer, subject, username, username_key, email)
      VALUES (${tenant}, ${id}::uuid, 'test', ${name}, ${name}, ${name}, ${`${name}@example.org`})`,
  )
  const person: Person = {
    id,
    by: { tenant, user: name },
    caller: { userId: id, user: name, permissions: new Set(permissions) },
  }
  return person
})

export const makeAdmin = (tenant: string, name = "admin") => makeUser(tenant, name, ["*"])

export const makeGroup = Effect.fnUntraced(function* (
  tenant: string,
  name: string,
  members: ReadonlyArray<Person>,
) {
  const { within } = yield* Tenancy
  const id = randomUUID()
  yield* within(tenant, (sql) =>
    Effect.gen(function* () {
      yield* sql`INSERT INTO groups (tenant, id, name, name_key, description)
        VALUES (${tenant}, ${id}::uuid, ${name}, ${name}, '')`
      for (const { id: user } of members)
        yield* sql`INSERT INTO memberships (tenant, group_id, user_id, source)
          VALUES (${tenant}, ${id}::uuid, ${user}::uuid, 'hand')`
    }),
  )
  return id
})

export const apiKey = "sk-proj-0123456789abcdefWXYZ"

export const custom = (name: string) => ({
  name,
  provider: "Custom" as const,
  endpoint: "https://models.example.org/v1",
  api_key: apiKey,
})

/** Registered and activated. */
export const activeModel = Effect.fnUntraced(function* (admin: Person, name: string) {
  const models = yield* LlmModels
  const { id } = yield* models.register(admin, custom(name))
  return yield* models.setActive(admin, id, true)
})

/** The code that it is refused with. */
export const codeOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.match(effect, {
    onSuccess: (): string => "done",
    onFailure: (failure) => (failure as { readonly code?: string }).code ?? String(failure),
  })
