/**
 * Gives agents their vectors that have none of the current model: after the model was changed, when it failed while an
 * agent was, and after an upgrade whose offline model makes other vectors. One node at a time works for a tenant.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Engine } from "../../../engine/index.ts"
import { TenantPlaces } from "../../../resources/index.ts"
import { withLock } from "../../lock/with-lock.ts"
import { recommendLimits } from "./limits.ts"
import { AgentRecommendations } from "./recommendations.ts"

/** A lock of the tenant like any other. */
const lock = "platform:agent-embeddings"

export interface EmbeddingUpkeepOptions {
  /** Unique to this node. */
  readonly node: string
  readonly everyMs?: number
}

/** Runs until it is interrupted. */
export const runEmbeddingUpkeep = Effect.fnUntraced(function* ({
  node,
  everyMs = recommendLimits.upkeepEveryMs,
}: EmbeddingUpkeepOptions): Effect.fn.Return<never, never, Engine | TenantPlaces | AgentRecommendations> {
  const [engine, { register }] = [yield* Engine, yield* TenantPlaces]
  const recommendations = yield* AgentRecommendations
  /** Of tenants whose model failed: when they are looked at again. */
  const paused = new Map<string, number>()

  const embed = (tenant: string) =>
    withLock(engine, { lock, owner: node, waitMs: 0, ttlMs: recommendLimits.lockTtlMs }, { tenant }, () =>
      recommendations.keepAll(tenant),
    ).pipe(Effect.catchTag("LockNotHeld", () => Effect.succeed(0)))

  const look = Effect.fnUntraced(function* (tenant: string) {
    const now = yield* Clock.currentTimeMillis
    if (now < (paused.get(tenant) ?? 0)) return
    paused.delete(tenant)
    const pause = Effect.sync(() => paused.set(tenant, now + recommendLimits.pauseMs))
    yield* recommendations.stale(tenant).pipe(
      Effect.flatMap((stale) => (stale === 0 ? Effect.succeed(0) : embed(tenant))),
      Effect.tap((refused) => (refused === 0 ? Effect.void : pause)),
      Effect.catch((failure) =>
        Effect.andThen(
          Effect.logWarning(`agents of ${tenant} wait for their vectors: ${failure.message}`),
          pause,
        ),
      ),
    )
  })

  return yield* Effect.forever(
    Effect.andThen(
      Effect.suspend(() =>
        Effect.forEach(
          Array.from(register.all, ({ id }) => id),
          look,
          { discard: true },
        ),
      ),
      Effect.sleep(everyMs),
    ),
  )
}, Effect.withTracerEnabled(false))
