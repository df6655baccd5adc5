/** Puts the registry together: each operation in one transaction of the tenant, announced once it is committed. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { Changes } from "../changes/changes.ts"
import { PlatformSettings } from "../platform-settings/platform-settings.ts"
import { Secrets } from "../secrets/secrets.ts"
import { Tenancy } from "../tenants/tenancy.ts"
import { compareMany, grantMany } from "./batch.ts"
import { ModelChecker } from "./checker.ts"
import { grant, listGrants, pageOfGrants, revoke } from "./grants.ts"
import { checkableModels, checkOne, type Found, keepHealth } from "./health.ts"
import { keepModel } from "./kept-model.ts"
import { openKey, resealKeys } from "./keys.ts"
import { change, ensureBuiltin, register, remove, setActive } from "./lifecycle.ts"
import { llmModelLimits as limits } from "./limits.ts"
import { LlmModels, type LlmModelsService, llmModelsTopic } from "./llm-models.ts"
import type { ModelCaller } from "./model.ts"
import { listPrices, priceAt, setPrice } from "./prices.ts"
import { inactive, notAllowed } from "./refusals.ts"
import { listModels, mayCall, requireRight, requireWriter, seenModel } from "./rights.ts"
import { readModel } from "./rows.ts"

/** The one statement more that a tenant costs until this node knows that it has its offline model. */
const makeWithin = (within: (typeof Tenancy)["Service"]["within"]) => {
  const known = new Set<string>()
  return <A, E>(tenant: string, work: (sql: SqlClient) => Effect.Effect<A, E>) =>
    within(tenant, (sql) =>
      known.has(tenant) ? work(sql) : Effect.andThen(ensureBuiltin(sql, tenant), work(sql)),
    ).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          if (known.size >= limits.tenantsKnownMax) known.clear()
          known.add(tenant)
        }),
      ),
    )
}

const make = Effect.gen(function* () {
  const [tenancy, secrets, changes] = [yield* Tenancy, yield* Secrets, yield* Changes]
  const [checker, settings] = [yield* ModelChecker, yield* PlatformSettings]
  const within = makeWithin(tenancy.within)
  /** Announced whatever the end: a connection lost at the commit may have committed. */
  const changing = <A, E>(tenant: string, work: (sql: SqlClient) => Effect.Effect<A, E>) =>
    Effect.onExit(within(tenant, work), () => changes.announce(llmModelsTopic(tenant)))

  const callable = (tenant: string, caller: ModelCaller, nameOrId: string) =>
    within(
      tenant,
      Effect.fnUntraced(function* (sql) {
        const { rights, ...model } = yield* seenModel(sql, caller, nameOrId)
        if (!rights.includes("use") || !mayCall(caller)) return yield* notAllowed(model.id, "use")
        if (!model.is_active) return yield* inactive(model.id)
        const [stored] = yield* sql<{ sealed_key: string | null }>`
          SELECT sealed_key FROM llm_models WHERE id = ${model.id}::uuid`
        const apiKey = yield* openKey(secrets, tenant, model.id, stored?.sealed_key ?? null)
        return { model, apiKey, price: yield* priceAt(sql, model.id, yield* Clock.currentTimeMillis) }
      }),
    )

  const keep = (tenant: string, found: ReadonlyArray<Found>) =>
    changing(tenant, (sql) => keepHealth(sql, tenant, found))

  const checkHealth = Effect.fnUntraced(function* (tenant: string) {
    const models = yield* within(tenant, (sql) => checkableModels(sql, sql`m.is_active`))
    let unhealthy = 0
    for (let from = 0; from < models.length; from += limits.checksKeptTogether) {
      const some = models.slice(from, from + limits.checksKeptTogether)
      const found = yield* Effect.forEach(some, (model) => checkOne(checker, secrets, model), {
        concurrency: limits.checksAtOnce,
      })
      yield* keep(tenant, found)
      unhealthy += found.filter(({ health }) => health.status === "unhealthy").length
    }
    return { checked: models.length, unhealthy }
  })

  const service: LlmModelsService = {
    callable,
    priceAt: (tenant, modelId, at) => within(tenant, (sql) => priceAt(sql, modelId, at)),
    list: (tenant, caller, search) => within(tenant, (sql) => listModels(sql, caller, search)),
    read: (tenant, caller, id) => within(tenant, (sql) => seenModel(sql, caller, id)),
    managed: (tenant, caller, id) => within(tenant, (sql) => requireRight(sql, caller, id, "manage")),
    register: Effect.fnUntraced(function* (requester, model) {
      const { tenant } = requester.by
      const seconds = yield* settings.get(tenant, "llm.call_time_out_seconds")
      const whole = { ...model, time_out_ms: model.time_out_ms ?? seconds * 1_000 }
      return yield* changing(tenant, (sql) => register(sql, secrets, requester, whole))
    }),
    keep: (requester, model) =>
      changing(requester.by.tenant, (sql) => keepModel(sql, secrets, requester, model)),
    change: (requester, id, model, version) =>
      changing(requester.by.tenant, (sql) => change(sql, secrets, requester, id, model, version)),
    setActive: (requester, id, active, version) =>
      changing(requester.by.tenant, (sql) => setActive(sql, requester, id, active, version)),
    remove: (requester, id, version) =>
      changing(requester.by.tenant, (sql) => remove(sql, requester, id, version)),
    prices: (tenant, caller, id) => within(tenant, (sql) => listPrices(sql, caller, id)),
    setPrice: (requester, id, price) =>
      changing(requester.by.tenant, (sql) => setPrice(sql, requester, id, price)),
    check: Effect.fnUntraced(function* ({ by: { tenant }, caller }, id) {
      const [model] = yield* within(tenant, (sql) =>
        requireRight(sql, caller, id, "manage").pipe(
          Effect.andThen(requireWriter(caller, id)),
          Effect.andThen(checkableModels(sql, sql`m.id = ${id}::uuid`)),
        ),
      )
      yield* keep(tenant, model === undefined ? [] : [yield* checkOne(checker, secrets, model)])
      return yield* within(tenant, (sql) => readModel(sql, id))
    }),
    checkHealth,
    healthChanged: (tenant, id, health) => Effect.asVoid(keep(tenant, [{ id, health }])),
    permissions: (tenant, caller, modelId) => within(tenant, (sql) => listGrants(sql, caller, modelId)),
    permissionsPage: (tenant, caller, modelId, page) =>
      within(tenant, (sql) => pageOfGrants(sql, caller, modelId, page)),
    grant: (requester, wanted) => changing(requester.by.tenant, (sql) => grant(sql, requester, wanted)),
    revoke: (requester, modelId, permissionId) =>
      changing(requester.by.tenant, (sql) => revoke(sql, requester, modelId, permissionId)),
    grantMany: (requester, grants) =>
      changing(requester.by.tenant, (sql) => grantMany(sql, requester, grants)),
    compareMany: (requester, grants) =>
      within(requester.by.tenant, (sql) => compareMany(sql, requester, grants)),
    resealKeys: (by) => changing(by.tenant, (sql) => resealKeys(sql, secrets, by)),
  }
  return LlmModels.of(service)
})

export const llmModelsLayer = Layer.effect(LlmModels, make).pipe(Layer.provide(PlatformSettings.layer))
