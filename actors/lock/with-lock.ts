/**
 * Runs an effect while holding a named lock: acquired before, extended on its way, released whatever happens. When the
 * lock cannot be kept the effect is interrupted; a resource that must be sure checks the fencing token all the same.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { CallOptions, EngineError, EngineShape, Rejected } from "../../engine/index.ts"
import { LockProtocol } from "../../schemas/index.ts"

/** The lock was not granted within the wait, or was lost while the effect ran. */
export class LockNotHeld extends Schema.TaggedError<LockNotHeld>()("LockNotHeld", {
  lock: Schema.String,
  reason: Schema.Literals(["timed out", "lost"]),
}) {}

export interface LockOptions {
  /** The lock's name. */
  readonly lock: string
  /** Unique for this use. */
  readonly owner: string
  readonly waitMs: number
  /** How long the lock outlives a holder that dies. It is extended three times in that time. */
  readonly ttlMs: number
}

/** Added to the wait for the answer: the actor ends the wait, not the ask. */
const answerMs = 10_000

export const withLock = <A, E, R>(
  engine: EngineShape,
  { lock, owner, waitMs, ttlMs }: LockOptions,
  call: CallOptions,
  use: (fence: number) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | LockNotHeld | EngineError | Rejected, R> =>
  Effect.acquireUseRelease(
    engine.ask(
      LockProtocol,
      lock,
      { _tag: "Acquire", owner, waitMs, ttlMs },
      { ...call, timeoutMs: waitMs + answerMs },
    ),
    (answer): Effect.Effect<A, E | LockNotHeld, R> => {
      if (answer._tag === "TimedOut") return Effect.fail(new LockNotHeld({ lock, reason: "timed out" }))
      const { fence } = answer
      const keep = Effect.forever(
        Effect.andThen(
          Effect.sleep(ttlMs / 3),
          engine.ask(LockProtocol, lock, { _tag: "Extend", owner, fence, ttlMs }, call),
        ),
      ).pipe(Effect.catch(() => Effect.fail(new LockNotHeld({ lock, reason: "lost" }))))
      return Effect.raceFirst(use(fence), keep)
    },
    // It may have expired meanwhile, and a node that stops cannot ask: the lock then frees itself.
    (answer) =>
      answer._tag === "TimedOut"
        ? Effect.void
        : Effect.ignore(
            engine.ask(LockProtocol, lock, { _tag: "Release", owner, fence: answer.fence }, call),
          ),
  )
