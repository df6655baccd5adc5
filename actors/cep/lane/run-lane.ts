/**
 * One lane at work: takes over where the last owner's checkpoint ends, gives what is in the lane to the evaluator in the
 * order of the stream, and hands on what comes of it.
 *
 * I1 A checkpoint is stored only when every output of what it covers is durable with its receiver.
 * I2 Whoever finds the checkpoint's head to be somebody else's stops, and stores nothing more.
 * I3 The evaluator hears nothing but the stream: another owner with the same messages says the same.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { CorruptRecord, EngineShape, KeyValue, Unavailable } from "../../../engine/index.ts"
import { type EventTail, type MetricStreamService, metricToken, tickSource } from "../../../streams/index.ts"
import type { Evaluator, Reading } from "../evaluator.ts"
import * as Checkpoint from "./checkpoint.ts"
import { Fills } from "./fills.ts"
import { itemsOf, LaneReader } from "./lane-input.ts"
import { Latency } from "./latency.ts"
import type { LaneLimits } from "./limits.ts"
import type { LaneFigures, LiveLane } from "./live-lane.ts"
import { Outlet } from "./outlet.ts"

/** How evaluators are made; `read` takes what was captured, its parts joined. */
export interface Evaluators {
  readonly make: (lane: number) => Evaluator
  readonly read: (lane: number, state: Uint8Array) => Reading
}

export interface LaneOptions {
  readonly lane: number
  /** Unique for this ownership. */
  readonly owner: string
  readonly engine: EngineShape
  readonly stream: MetricStreamService
  readonly keyValue: KeyValue.KeyValueStore
  readonly evaluators: Evaluators
  readonly limits: LaneLimits
  /** Told once it evaluates. */
  readonly live: (lane: LiveLane) => void
  /** Completes when the lane is to be handed over. */
  readonly drain: Effect.Effect<void>
}

const tick = new TextEncoder().encode('{"_tag":"Tick"}')

const untilAvailable = <A, E, R>(
  effect: Effect.Effect<A, E | Unavailable, R>,
  retryMs: number,
): Effect.Effect<A, Exclude<E, Unavailable>, R> =>
  Effect.catch(effect, (error) =>
    (error as { readonly _tag?: string })._tag === "Unavailable"
      ? Effect.andThen(Effect.sleep(retryMs), untilAvailable(effect, retryMs))
      : Effect.fail(error as Exclude<E, Unavailable>),
  )

/** Others of this process have their turns meanwhile. */
const bitByBit = Effect.fnUntraced(function* (reading: Reading, { captureSliceBytes }: LaneLimits) {
  for (;;) {
    const evaluator = reading.step(captureSliceBytes)
    if (evaluator !== undefined) return evaluator
    yield* Effect.yieldNow
  }
})

/** Ends when it was drained, or with `false` when the lane belongs to somebody else. */
export const runLane = Effect.fnUntraced(function* (
  options: LaneOptions,
): Effect.fn.Return<boolean, CorruptRecord, Scope.Scope> {
  const { lane, owner, stream, keyValue, limits } = options
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const patiently = <A, E, R>(effect: Effect.Effect<A, E | Unavailable, R>) =>
    untilAvailable(effect, limits.retryMs)

  const claimed = yield* patiently(Checkpoint.claim(keyValue, lane, owner))
  let held: Checkpoint.Held = claimed
  const evaluator =
    claimed.state === undefined
      ? options.evaluators.make(lane)
      : yield* bitByBit(options.evaluators.read(lane, claimed.state), limits)
  const reader = new LaneReader(lane, stream.lanes, evaluator)
  const outlet = yield* Outlet.make(options)
  const fills = yield* Fills.make({ ...options, evaluator })
  fills.look()
  const lost = Deferred.makeUnsafe<void>()
  let sequence = held.head.sequence
  let [storedAt, pending] = [0, 0]
  let [items, messages, missed] = [0, 0, 0]
  let [since, serial, saved] = [0, 0, 0]
  let [stateBytes, pauseMs, checkpointMs] = [claimed.state?.length ?? 0, 0, 0]
  let [checkpointAt, saving] = [now(), false]
  const latency = new Latency(now())
  const millisSince = (nanos: bigint) => Number(clock.monotonicTimeNanosUnsafe() - nanos) / 1e6

  const { first } = yield* patiently(stream.bounds)
  // A lane without rules has nothing to miss, and no reason to say how far it is.
  if (first > sequence + 1 && evaluator.wanted().length > 0) {
    missed = first - sequence - 1
    yield* Effect.logWarning(
      `lane ${lane}: up to ${missed} messages left the stream before they were evaluated, after ${sequence}`,
    )
  }

  /** Hands on what came of what was taken since the last time. */
  const say = Effect.suspend(() => {
    outlet.push(evaluator.take())
    const defects = evaluator.defects()
    return Effect.forEach(
      defects,
      ({ tenant, rule, detail }) => Effect.logError(`lane ${lane}: rule ${rule} of ${tenant} ${detail}`),
      { discard: true },
    )
  })

  /** What was taken so far; it becomes bytes, and then a checkpoint, beside further evaluation. */
  const capture = (): Effect.Effect<void, CorruptRecord> => {
    const startedAt = now()
    // In one turn: what the checkpoint covers has its outputs before the mark, whichever fiber came here.
    outlet.push(evaluator.take())
    const captured = evaluator.capture()
    const through = sequence
    const settled = outlet.mark()
    since = 0
    saving = true
    pauseMs = now() - startedAt
    return Effect.gen(function* () {
      for (let isWhole = false; !isWhole; ) {
        yield* Effect.yieldNow
        const stepAt = now()
        isWhole = captured.step(limits.captureSliceBytes)
        pauseMs = Math.max(pauseMs, now() - stepAt)
      }
      const state = captured.parts()
      stateBytes = state.reduce((sum, { length }) => sum + length, 0)
      yield* settled
      serial += 1
      const result = yield* Effect.result(Checkpoint.save(keyValue, lane, held, through, state, serial))
      saving = false
      checkpointAt = now()
      checkpointMs = checkpointAt - startedAt
      if (result._tag === "Failure") {
        if (result.failure._tag === "Unavailable") return
        return yield* Effect.fail(result.failure)
      }
      if (result.success === undefined) return void Deferred.doneUnsafe(lost, Effect.void)
      held = result.success
      saved += 1
    })
  }

  const isDue = (): boolean => {
    if (saving || since === 0) return false
    const idleMs = now() - checkpointAt
    const restMs = limits.checkpointShare * Math.max(pauseMs, checkpointMs / 2)
    return idleMs >= restMs && (since >= limits.checkpointMessages || idleMs >= limits.checkpointEveryMs)
  }

  /** Reads on until more lanes count than were asked for. */
  const follow = Effect.gen(function* () {
    const tail: EventTail = yield* patiently(stream.tail(reader.filters, { sequence: sequence + 1 }))
    let slice = 0
    for (;;) {
      const events = yield* patiently(tail.take)
      let isOther = false
      for (const event of events) {
        const beganAt = clock.monotonicTimeNanosUnsafe()
        const input = reader.read(event)
        const filled = input?.type === "filled" ? yield* fills.finish(input) : undefined
        // From here to the next yield nothing can come between: an input is taken with its place or not at all.
        const isWider = input !== undefined && reader.apply(input, filled)
        isOther ||= input?.type === "change" || input?.type === "filled"
        sequence = event.sequence
        storedAt = event.storedAt
        pending = event.pending
        messages += 1
        since += 1
        const count = input === undefined ? 1 : itemsOf(input)
        if (input !== undefined && filled === undefined)
          latency.note(now(), now() - event.storedAt, count, millisSince(beganAt))
        items += count
        slice += count
        if (isWider) return fills.look()
        outlet.push(evaluator.take())
        if (slice < limits.sliceItems && !outlet.isFull) continue
        slice = 0
        yield* say
        yield* captureIfDue
        yield* outlet.hasRoom
        yield* Effect.yieldNow
      }
      if (isOther) fills.look()
      yield* say
      yield* captureIfDue
      yield* outlet.hasRoom
    }
  }).pipe(Effect.scoped)

  const scope = yield* Effect.scope
  const failed = Deferred.makeUnsafe<never, CorruptRecord>()
  const guarded = (effect: Effect.Effect<unknown, CorruptRecord>) =>
    Effect.catchCause(effect, (cause) =>
      Effect.sync(() => void Deferred.doneUnsafe(failed, Effect.failCause(cause))),
    )

  /** One at a time: whether it is due and that it began are one step. */
  const captureIfDue = Effect.suspend(() =>
    isDue() ? Effect.asVoid(Effect.forkIn(guarded(capture()), scope)) : Effect.void,
  )

  const ticking = Effect.gen(function* () {
    for (;;) {
      yield* Effect.sleep(limits.tickEveryMs)
      // Of a lane in which nothing comes any more, what came last is stored as well.
      yield* captureIfDue
      if (now() < evaluator.nextDue()) continue
      // Without one the next comes in a second.
      yield* Effect.ignore(stream.append(metricToken("", lane, tickSource), tick))
    }
  })

  const figures = (): LaneFigures => ({
    sequence,
    checkpoint: held.head.sequence,
    items,
    messages,
    damaged: reader.damaged,
    lagMessages: pending,
    lagMs: pending === 0 ? 0 : Math.max(0, now() - storedAt),
    outputs: outlet.delivered,
    outputsWaiting: outlet.pending,
    outputsLost: outlet.lost,
    missed,
    checkpoints: saved,
    stateBytes,
    pauseMs,
    checkpointMs,
    rules: evaluator.rules().length,
    isHeldUp: outlet.isFull,
    receivers: outlet.receivers(),
    ...(latency.figures(now()) === undefined ? {} : { latency: latency.figures(now())! }),
    microsPerItem: latency.microsPerItem(now()),
    filling: [...evaluator.awaiting().values()].reduce((sum, { size }) => sum + size, 0),
  })

  const working = Effect.gen(function* () {
    for (;;) {
      yield* follow
      yield* say
    }
  })
  yield* Effect.forkScoped(guarded(ticking))
  options.live({ lane, evaluator, figures })
  const ending = Effect.raceFirst(options.drain, Deferred.await(lost))
  yield* Effect.raceFirst(Effect.raceFirst(working, Deferred.await(failed)), ending)
  if (yield* Deferred.isDone(lost)) return false
  yield* say
  // Without it the next owner has more to read, no more.
  const last = Effect.gen(function* () {
    while (saving) yield* Effect.sleep(limits.retryMs)
    if (since > 0) yield* capture()
  })
  yield* Effect.timeoutOption(last, limits.drainMs)
  return !(yield* Deferred.isDone(lost))
})
