/** Sees to it that every tenant's models are watched: those that there are, and soon those that come. */
import * as Effect from "effect/Effect"
import { Engine } from "../engine/index.ts"
import { Tenants } from "../resources/index.ts"
import { LlmHealthProtocol, llmHealthKey } from "../schemas/index.ts"

export interface WatchModelsOptions {
  /** How often a tenant's models are checked. */
  readonly everyMs: number
  /** How often new tenants are looked for. */
  readonly lookEveryMs?: number
}

const defaultLookEveryMs = 30_000
const pageTenants = 100
/** Of so many tenants this node remembers that it asked; beyond, it asks again, which changes nothing. */
const rememberedMax = 10_000

const activeTenants = Effect.fnUntraced(function* () {
  const tenants = yield* Tenants
  const found: Array<string> = []
  for (let page = 1; ; page++) {
    const { rows, total } = yield* tenants.list({ page, limit: pageTenants, state: "active" })
    found.push(...rows.map(({ id }) => id))
    if (rows.length === 0 || page * pageTenants >= total) return found
  }
})

/** Runs until it is interrupted. Several nodes may run it: each tenant has one schedule all the same. */
export const runModelWatch = Effect.fnUntraced(function* (
  options: WatchModelsOptions,
): Effect.fn.Return<never, never, Engine | Tenants> {
  const engine = yield* Engine
  const watched = new Set<string>()
  const watch = (tenant: string) =>
    engine.ask(LlmHealthProtocol, llmHealthKey, { _tag: "Watch", everyMs: options.everyMs }, { tenant }).pipe(
      Effect.andThen(Effect.sync(() => watched.add(tenant))),
      // The next time again; one tenant's trouble keeps no other's models from being watched.
      Effect.catch((error) =>
        Effect.logWarning(`the models of ${tenant} are not watched yet: ${error.message}`),
      ),
    )
  const look = Effect.gen(function* () {
    if (watched.size >= rememberedMax) watched.clear()
    for (const tenant of yield* activeTenants()) if (!watched.has(tenant)) yield* watch(tenant)
  }).pipe(
    Effect.catch((error) => Effect.logWarning(`models of new tenants are not watched yet: ${error.message}`)),
  )
  for (;;) {
    yield* look
    yield* Effect.sleep(options.lookEveryMs ?? defaultLookEveryMs)
  }
})
