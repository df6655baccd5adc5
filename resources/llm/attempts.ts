/** Tries one model again while that can help and nothing of an answer was delivered. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { UpstreamFailure } from "./failure.ts"
import type { LlmLimits } from "./limits.ts"
import type { Progress } from "./progress.ts"
import { retryDelayMs } from "./retry.ts"
import type { Upstream } from "./upstream.ts"
import type { Work } from "./work.ts"

/** `totalMs` covers all tries and the pauses between them. */
export const tryModel = Effect.fnUntraced(function* <A>(
  work: Work<A>,
  upstream: Upstream,
  progress: Progress,
  totalMs: number,
  limits: LlmLimits,
): Effect.fn.Return<A, UpstreamFailure> {
  const deadline = (yield* Clock.currentTimeMillis) + totalMs
  for (let attempt = 1; ; attempt++) {
    progress.begin()
    const at = yield* Clock.currentTimeMillis
    const left = deadline - at
    const late = () => Effect.fail(new UpstreamFailure("timeout", `no answer in ${totalMs} ms`))
    const result = yield* Effect.result(
      Effect.timeoutOrElse(work.attempt(upstream, progress), { duration: Math.max(1, left), orElse: late }),
    )
    if (Result.isSuccess(result)) return result.success
    const { failure } = result
    const { retryable = false, retryAfterMs } = failure.more
    if (!retryable || progress.started) return yield* Effect.fail(failure)
    const pause = retryDelayMs(attempt, retryAfterMs, yield* Random.next, limits)
    if (pause === undefined || (yield* Clock.currentTimeMillis) + pause >= deadline)
      return yield* Effect.fail(failure)
    if (failure.fateUnknown)
      progress.lost.push({
        at,
        durationMs: (yield* Clock.currentTimeMillis) - at,
        usage: progress.usage(work.input),
      })
    yield* Effect.sleep(pause)
  }
})
