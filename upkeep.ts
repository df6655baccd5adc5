/**
 * What a node does by itself for the platform that people administer: the language model that its environment names, what
 * is sealed under an older key, and rows that were kept for long enough. All of it may be done by several nodes at once and again at each start.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { AlertIndex } from "./actors/index.ts"
import type { Report } from "./nats.ts"
import {
  type KeptModel,
  LlmModels,
  LlmUsage,
  PlatformSettings,
  platformTenant,
  type Requester,
  resealAll,
  TenantPlaces,
} from "./resources/index.ts"
import { everyPermission } from "./schemas/index.ts"
import type { DefaultModel } from "./settings.ts"

const defaultModelName = "openai-default"

const system = (tenant: string): Requester => ({
  by: { tenant, user: "system" },
  caller: { userId: "", user: "system", permissions: new Set([everyPermission]) },
})

const told: Record<KeptModel["done"], string> = {
  registered: `the model ${defaultModelName} was registered; grant it to who may call it`,
  changed: `the model ${defaultModelName} was changed to what OPENAI_… say`,
  nothing: `the model ${defaultModelName} is as OPENAI_… say`,
  left: `a person registered the model ${defaultModelName}: OPENAI_… change nothing`,
}

/** A model that cannot be registered keeps no node from starting. */
export const keepDefaultModel = Effect.fnUntraced(function* (
  { defaultModel }: { readonly defaultModel: DefaultModel | undefined },
  report: Report,
) {
  if (defaultModel === undefined) return
  const { baseUrl, apiKey, modelName } = defaultModel
  const models = yield* LlmModels
  yield* models
    .keep(system(platformTenant), {
      name: defaultModelName,
      provider: new URL(baseUrl).hostname === "api.openai.com" ? "OpenAI" : "Custom",
      endpoint: baseUrl,
      model_name: modelName,
      ...(apiKey === undefined ? {} : { api_key: Redacted.value(apiKey) }),
    })
    .pipe(
      Effect.flatMap(({ done }) => report(told[done])),
      Effect.catch((error) => report(`the model ${defaultModelName} is not up to date: ${error.message}`)),
    )
})

/** In the background: a node that cannot seal everything again works with the old keys. */
export const resealSecrets = (report: Report) =>
  resealAll.pipe(
    Effect.flatMap(({ resealed, unreadable, unreachable }) => {
      const parts = [
        ...(resealed > 0 ? [`${resealed} secrets were sealed again under the newest key`] : []),
        ...(unreadable > 0 ? [`${unreadable} secrets do not open with MILLRACE_SECRET_KEYS`] : []),
        ...(unreachable.length > 0 ? [`not reached: the databases of ${unreachable.length} tenants`] : []),
      ]
      return parts.length === 0 ? Effect.void : report(parts.join("; "))
    }),
    Effect.catch((error) => report(`secrets were not sealed again: ${error.message}`)),
    Effect.withTracerEnabled(false),
  )

const pruneEveryMs = 6 * 3_600_000

/** What was kept for long enough goes: now, and again now and then. A tenant whose database does not answer is left for the next time. */
export const pruneRows = Effect.gen(function* () {
  const [{ register }, settings] = [yield* TenantPlaces, yield* PlatformSettings]
  const [usage, alerts] = [yield* LlmUsage, yield* AlertIndex]
  const late = (what: string) => (error: { readonly message: string }) =>
    Effect.logWarning(`${what} not pruned: ${error.message}`)
  const prune = (tenant: string) =>
    Effect.andThen(
      settings.get(tenant, "llm.usage_retention_days").pipe(
        Effect.flatMap((days) => usage.prune(tenant, days)),
        Effect.catch(late(`the ledger of ${tenant} was`)),
      ),
      settings.get(tenant, "alerts.history_days").pipe(
        Effect.flatMap((days) => alerts.prune(tenant, days)),
        Effect.catch(late(`the alerts of ${tenant} were`)),
      ),
    )
  const all = Effect.suspend(() =>
    Effect.forEach(
      Array.from(register.all, ({ id }) => id),
      prune,
      { discard: true },
    ),
  )
  return yield* Effect.forever(Effect.andThen(all, Effect.sleep(pruneEveryMs)))
}).pipe(Effect.withTracerEnabled(false))
