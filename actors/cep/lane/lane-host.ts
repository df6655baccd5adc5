/**
 * The lanes of one node: it runs a lane as long as the engine owns the partition of the same number here, so that lanes
 * are placed, taken over and handed over as partitions are. Two nodes may run one for a moment; checkpoints say whose it is.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { type LaneOptions, type LiveLane, runLane } from "./run-lane.ts"

export interface LaneHostOptions extends Omit<LaneOptions, "lane" | "owner" | "live" | "drain"> {
  /** Told of each lane that begins and, with undefined, that ends. */
  readonly changed: (lane: number, live: LiveLane | undefined) => void
}

interface Running {
  readonly fiber: Fiber.Fiber<void>
  readonly drain: Deferred.Deferred<void>
}

/** Follows the engine until it is interrupted; `drain` hands all lanes over and ends that. */
export const makeLaneHost = Effect.fnUntraced(function* (
  options: LaneHostOptions,
): Effect.fn.Return<{ readonly drain: Effect.Effect<void> }, never, Scope.Scope> {
  const { engine, limits, changed } = options
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const running = new Map<number, Running>()
  const notBefore = new Map<number, number>()
  const { node } = yield* engine.status
  let ownerships = 0
  let leaving = false

  const end = (lane: number, kept: boolean) => {
    running.delete(lane)
    changed(lane, undefined)
    if (!kept) notBefore.set(lane, clock.currentTimeMillisUnsafe() + limits.lostPauseMs)
  }

  const start = Effect.fnUntraced(function* (lane: number) {
    const drain = Deferred.makeUnsafe<void>()
    const live = (one: LiveLane) => changed(lane, one)
    const owner = `${node}.${++ownerships}`
    const work = Effect.scoped(runLane({ ...options, lane, owner, live, drain: Deferred.await(drain) }))
    const told = work.pipe(
      Effect.tap((kept) => (kept ? Effect.void : Effect.logInfo(`lane ${lane} belongs to another node now`))),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.succeed(true)
          : Effect.as(Effect.logError(`lane ${lane} stopped and is loaded again`, cause), false),
      ),
      Effect.map((kept) => end(lane, kept)),
    )
    running.set(lane, { fiber: yield* Effect.forkIn(told, scope), drain })
  })

  const place = Effect.fnUntraced(function* () {
    const { partitions } = yield* engine.status
    const now = clock.currentTimeMillisUnsafe()
    for (const [lane, state] of partitions.entries()) {
      const isHere = state._tag === "Live"
      const one = running.get(lane)
      if (one !== undefined && !isHere) Deferred.doneUnsafe(one.drain, Effect.void)
      if (one === undefined && isHere && now >= (notBefore.get(lane) ?? 0)) yield* start(lane)
    }
  })

  yield* Effect.forkScoped(
    Effect.gen(function* () {
      while (!leaving) {
        yield* place()
        yield* Effect.sleep(limits.followMs)
      }
    }),
  )

  const drain = Effect.gen(function* () {
    leaving = true
    const last = [...running.values()]
    for (const one of last) Deferred.doneUnsafe(one.drain, Effect.void)
    yield* Effect.forEach(last, ({ fiber }) => Fiber.await(fiber), { discard: true })
  })
  return { drain }
})
