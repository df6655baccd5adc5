/**
 * Puts commands into mailboxes. Per partition there are two lanes, one for callers of this node and one for what actors
 * send; each has at most one batch on its way and the next carries all that gathered meanwhile. That keeps order, makes
 * marks exact, and pays one durable write for many commands.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { encodeBatch, type Mark } from "./envelope.ts"
import { type Conflict, EngineError, type LogFull, type Unavailable } from "./errors.ts"
import type { Limits } from "./limits.ts"
import type { Log } from "./log.ts"

/** An envelope as JSON text without its opening brace, source and mark. */
export interface Parcel {
  readonly rest: string
  readonly done: (error: EngineError | undefined) => void
}
interface MarkedParcel extends Parcel {
  readonly source: string
  readonly mark: Mark
}

export interface Sender {
  /** Offers a caller's command; false when the lane is full. `done` is called once it is stored or has failed. */
  readonly offer: (partition: number, parcel: Parcel) => boolean
  /** Offers what an actor sent. Never refused: the partition that sends keeps its own bound. Retried until stored. */
  readonly forward: (partition: number, parcel: MarkedParcel) => void
  /** Commands of callers that are not stored yet. */
  readonly waiting: () => number
}

interface Lane<P extends Parcel> {
  readonly partition: number
  queue: Array<P>
  onTheWay: ReadonlyArray<P>
  running: boolean
  batches: number
}

const retryDelayMs = 50
const retryDelayMaxMs = 1_000

export const make = Effect.fnUntraced(function* (options: {
  readonly mailbox: Log
  readonly partitions: number
  /** Unique for this life of this node. */
  readonly incarnation: string
  readonly limits: Limits
}): Effect.fn.Return<Sender, never, Scope.Scope> {
  const { mailbox, incarnation, limits } = options
  const fibers = yield* FiberSet.make<void>()
  const fork = yield* FiberSet.runtime(fibers)()
  const clock = yield* Clock.Clock
  const writing = Semaphore.makeUnsafe(limits.writesInFlightMax)
  const source = `s:${incarnation}`
  const laneOf = <P extends Parcel>() =>
    Array.from(
      { length: options.partitions },
      (_, partition): Lane<P> => ({ partition, queue: [], onTheWay: [], running: false, batches: 0 }),
    )
  /** A mailbox that was full takes no callers for a while. */
  const fullUntil: Array<number> = Array.from({ length: options.partitions }, () => 0)
  const callers = laneOf<Parcel>()
  const actors = laneOf<MarkedParcel>()

  const takeBatch = <P extends Parcel>(lane: Lane<P>, text: (parcel: P, index: number) => string) => {
    const texts: Array<string> = []
    let bytes = 2
    while (texts.length < lane.queue.length && texts.length < limits.batchCommandsMax) {
      const next = text(lane.queue[texts.length]!, texts.length)
      bytes += next.length * 3 < limits.batchBytesMax - bytes ? next.length : Buffer.byteLength(next)
      bytes += 1
      if (bytes > limits.batchBytesMax && texts.length > 0) break
      texts.push(next)
    }
    const parcels = lane.queue.slice(0, texts.length)
    lane.queue = texts.length === lane.queue.length ? [] : lane.queue.slice(texts.length)
    return { parcels, data: encodeBatch(texts) }
  }

  const drainCallers = (lane: Lane<Parcel>) => drained(lane, sendCallers(lane))
  const drainActors = (lane: Lane<MarkedParcel>) => drained(lane, sendActors(lane))

  /** One batch after the other until the lane is empty. */
  const drained = <P extends Parcel>(lane: Lane<P>, send: Effect.Effect<void>) =>
    Effect.gen(function* () {
      while (lane.queue.length > 0) yield* send
      lane.running = false
    })

  /**
   * Closes a batch only once its turn to be written has come, and offers it until `over` says that it is enough. No turn
   * is held while it waits: a mailbox that takes nothing must not keep the others waiting.
   */
  const sendBatch = Effect.fnUntraced(function* <P extends Parcel>(
    lane: Lane<P>,
    close: () => { readonly parcels: ReadonlyArray<P>; readonly data: Uint8Array; readonly id: string },
    over: (failure: LogFull | Unavailable | Conflict, nextDelayMs: number) => EngineError | undefined,
  ) {
    let batch: ReturnType<typeof close> | undefined
    for (let delay = retryDelayMs; ; delay = Math.min(2 * delay, retryDelayMaxMs)) {
      const result = yield* writing.withPermit(
        Effect.suspend(() => {
          batch ??= close()
          lane.onTheWay = batch.parcels
          return Effect.result(mailbox.append(lane.partition, batch.data, { id: batch.id }))
        }),
      )
      if (result._tag === "Failure" && result.failure._tag === "LogFull") {
        fullUntil[lane.partition] = clock.currentTimeMillisUnsafe() + retryDelayMaxMs
      }
      const error = result._tag === "Success" ? undefined : over(result.failure, delay)
      if (result._tag === "Success" || error !== undefined) {
        lane.onTheWay = []
        for (const parcel of batch!.parcels) parcel.done(error)
        return
      }
      yield* Effect.sleep(delay)
    }
  })

  const mailboxFull = (partition: number, detail: string) =>
    new EngineError({
      code: "MailboxFull",
      detail: `the mailbox of partition ${partition} is full: ${detail}`,
      retryAfterMs: retryDelayMaxMs,
      accepted: false,
    })

  const sendCallers = (lane: Lane<Parcel>) =>
    Effect.suspend(() => {
      const giveUpAt = clock.currentTimeMillisUnsafe() + limits.publishBudgetMs
      const close = () => {
        const batch = ++lane.batches
        const taken = takeBatch(
          lane,
          (parcel, index) => `{"source":"${source}","mark":[${batch},${index}],${parcel.rest}`,
        )
        return { ...taken, id: `${source}-${lane.partition}-${batch}` }
      }
      return sendBatch(lane, close, (failure, delay) => {
        if (failure._tag === "LogFull") return mailboxFull(lane.partition, failure.detail)
        if (clock.currentTimeMillisUnsafe() + delay <= giveUpAt) return undefined
        return new EngineError({
          code: "AcceptanceUnknown",
          detail: `the mailbox of partition ${lane.partition} did not answer within publishBudgetMs; the command may be stored`,
          retryAfterMs: retryDelayMaxMs,
        })
      })
    })

  const sendActors = (lane: Lane<MarkedParcel>) => {
    const close = () => {
      // Named by the node's own count: the same first message may be sent again in another company.
      const batch = ++lane.batches
      const taken = takeBatch(
        lane,
        (parcel) =>
          `{"source":"${parcel.source}","mark":[${parcel.mark[0]},${parcel.mark[1]}],${parcel.rest}`,
      )
      return { ...taken, id: `${incarnation}-actors-${lane.partition}-${batch}` }
    }
    return sendBatch(lane, close, () => undefined)
  }

  const wake = <P extends Parcel>(lane: Lane<P>, drain: (lane: Lane<P>) => Effect.Effect<void>) => {
    if (lane.running) return
    lane.running = true
    fork(drain(lane))
  }

  // Whoever still waits when the node ends cannot know whether the command was stored.
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      const error = new EngineError({
        code: "AcceptanceUnknown",
        detail: "the node stopped before the mailbox answered",
      })
      for (const lane of callers) for (const parcel of [...lane.onTheWay, ...lane.queue]) parcel.done(error)
    }),
  )

  return {
    offer: (partition, parcel) => {
      const lane = callers[partition]!
      if (lane.queue.length >= limits.senderQueueMax) return false
      if (fullUntil[partition]! > clock.currentTimeMillisUnsafe()) {
        // What actors send goes first: they cannot be refused, and their senders wait for it.
        parcel.done(mailboxFull(partition, "it was a moment ago"))
        return true
      }
      lane.queue.push(parcel)
      wake(lane, drainCallers)
      return true
    },
    forward: (partition, parcel) => {
      const lane = actors[partition]!
      lane.queue.push(parcel)
      wake(lane, drainActors)
    },
    waiting: () => callers.reduce((sum, lane) => sum + lane.onTheWay.length + lane.queue.length, 0),
  }
})
