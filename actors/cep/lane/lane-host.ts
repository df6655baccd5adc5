/**
 * The lanes of one node: it runs a lane as long as the engine owns the partition of the same number here, so that lanes
 * are placed, taken over and handed over as partitions are. Two nodes may run one for a moment; checkpoints say whose it is.
 * A lane that cannot be loaded, or stops, is begun again after a pause that grows; why is told until it is loaded, or has
 * run for a while.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { CorruptRecord } from "../../../engine/index.ts"
import { type LaneProblem, mendingCommand } from "./lanes.ts"
import type { LiveLane } from "./live-lane.ts"
import { type LaneOptions, runLane } from "./run-lane.ts"

export interface LaneHostOptions extends Omit<LaneOptions, "lane" | "owner" | "live" | "drain"> {
  /** Told of each lane that begins and, with undefined, that ends. */
  readonly changed: (lane: number, live: LiveLane | undefined) => void
}

export interface LaneHost {
  /** Hands all lanes over, and ends. */
  readonly drain: Effect.Effect<void>
  /** Lanes of this node that cannot be loaded, or stopped and have not run for a while since. */
  readonly problems: () => ReadonlyArray<LaneProblem>
  /** Begins a lane again now, if it is here: what is stored of it has changed. */
  readonly again: (lane: number) => void
}

interface Running {
  readonly fiber: Fiber.Fiber<void>
  readonly drain: Deferred.Deferred<void>
  /** Undefined while it is being loaded. */
  liveAt: number | undefined
}

const reasonCharactersMax = 300

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (error instanceof CorruptRecord) return error.detail
  return (error instanceof Error ? error.message : String(error)).slice(0, reasonCharactersMax)
}

const isCorrupt = (cause: Cause.Cause<unknown>): boolean => Cause.squash(cause) instanceof CorruptRecord

/** Follows the engine until it is interrupted. */
export const makeLaneHost = Effect.fnUntraced(function* (
  options: LaneHostOptions,
): Effect.fn.Return<LaneHost, never, Scope.Scope> {
  const { engine, limits, changed } = options
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const scope = yield* Effect.scope
  const running = new Map<number, Running>()
  const notBefore = new Map<number, number>()
  const problems = new Map<number, LaneProblem>()
  const asked = new Set<number>()
  const { node } = yield* engine.status
  let ownerships = 0
  let leaving = false

  const isSteady = (lane: number): boolean => {
    const liveAt = running.get(lane)?.liveAt
    return liveAt !== undefined && now() - liveAt >= limits.steadyMs
  }

  const end = (lane: number, kept: boolean) => {
    running.delete(lane)
    changed(lane, undefined)
    if (!kept && !asked.delete(lane)) notBefore.set(lane, now() + limits.lostPauseMs)
  }

  const fail = (lane: number, cause: Cause.Cause<unknown>) => {
    if (isSteady(lane)) problems.delete(lane)
    const isRead = running.get(lane)?.liveAt !== undefined && !isCorrupt(cause)
    end(lane, false)
    const before = problems.get(lane)
    asked.delete(lane)
    const times = (before?.times ?? 0) + 1
    const pauseMs = Math.min(limits.stoppedPauseMsMax, limits.lostPauseMs * 2 ** (times - 1))
    notBefore.set(lane, now() + pauseMs)
    const state = isRead ? ("stopped" as const) : ("unreadable" as const)
    const since = before?.since ?? now()
    problems.set(lane, { lane, state, reason: reasonOf(cause), since, times, againAt: now() + pauseMs })
    const what = isRead ? "stopped" : "cannot be loaded"
    return Effect.logError(
      `lane ${lane} ${what}, and is begun again in ${pauseMs / 1_000} s; \`${mendingCommand(lane)}\` throws its state away and fills its rules from the stream`,
      cause,
    )
  }

  const start = Effect.fnUntraced(function* (lane: number) {
    const drain = Deferred.makeUnsafe<void>()
    const live = (one: LiveLane) => {
      const own = running.get(lane)
      if (own !== undefined) own.liveAt = now()
      if (problems.get(lane)?.state === "unreadable") problems.delete(lane)
      changed(lane, one)
    }
    const owner = `${node}.${++ownerships}`
    const work = Effect.scoped(runLane({ ...options, lane, owner, live, drain: Deferred.await(drain) }))
    const told = work.pipe(
      Effect.tap((kept) =>
        kept ? Effect.void : Effect.logInfo(`lane ${lane} belongs to another owner now`),
      ),
      Effect.map((kept) => end(lane, kept)),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.sync(() => end(lane, true)) : fail(lane, cause),
      ),
    )
    running.set(lane, { fiber: yield* Effect.forkIn(told, scope), drain, liveAt: undefined })
  })

  const place = Effect.fnUntraced(function* () {
    const { partitions } = yield* engine.status
    for (const [lane, state] of partitions.entries()) {
      const isHere = state._tag === "Live"
      const one = running.get(lane)
      if (!isHere || isSteady(lane)) problems.delete(lane)
      if (one !== undefined && !isHere) Deferred.doneUnsafe(one.drain, Effect.void)
      if (one === undefined && isHere && now() >= (notBefore.get(lane) ?? 0)) yield* start(lane)
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

  const again = (lane: number) => {
    const one = running.get(lane)
    notBefore.delete(lane)
    problems.delete(lane)
    if (one === undefined) return
    asked.add(lane)
    Deferred.doneUnsafe(one.drain, Effect.void)
  }

  return { drain, problems: () => [...problems.values()], again }
})
