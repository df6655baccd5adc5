/**
 * Hands a lane's outputs to their receivers: transitions to the alert desk of their tenant, events to the lanes of their
 * types. A receiver gets one message at a time and the next after that is durable, so that it sees them in order; what it
 * gets twice after a crash it knows by its number.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { EngineError, type EngineShape, type LogFull, type Unavailable } from "../../../engine/index.ts"
import {
  AlertDeskProtocol,
  alertDeskKey,
  type CepEvent,
  eventsInBatchMax,
  type RuleBegan,
  type Transition,
  transitionsMax,
} from "../../../schemas/index.ts"
import { laneOf, type MetricStreamService, metricToken } from "../../../streams/index.ts"
import type { Output } from "../evaluator.ts"
import type { LaneLimits } from "./limits.ts"

interface Waiting {
  readonly output: Output
  readonly characters: number
  readonly epoch: number
}

/** `desk <tenant>`, or `lane <number> <tenant>`. */
export interface ReceiverFigures {
  readonly receiver: string
  readonly waiting: number
}
const toldReceivers = 3

type Failure = EngineError | Unavailable | LogFull

export interface OutletOptions {
  readonly engine: EngineShape
  readonly stream: MetricStreamService
  readonly lane: number
  readonly limits: LaneLimits
}

const encoder = new TextEncoder()

/** What can never be delivered, however often it is tried. */
const isHopeless = (failure: Failure): boolean =>
  failure._tag === "LogFull"
    ? failure.tooLarge === true
    : failure instanceof EngineError && failure.kind === "terminal"

const nameOf = (output: Output): string => {
  if (output.type === "event") return output.event.id
  return output.type === "began" ? `${output.began.rule}/${output.began.number}` : output.transition.id
}

export class Outlet {
  /** Outputs that were given up, because nobody can take them. */
  lost = 0
  delivered = 0
  private waiting = 0
  private characters = 0
  private readonly queues = new Map<string, Array<Waiting>>()
  private epoch = 0
  private open = [0, 0] as [before: number, now: number]
  private marked: Deferred.Deferred<void> | undefined
  private readonly room = Latch.makeUnsafe(true)
  private readonly permits: Semaphore.Semaphore
  private readonly options: OutletOptions
  private readonly fork: (effect: Effect.Effect<void>) => unknown

  private constructor(options: OutletOptions, fork: (effect: Effect.Effect<void>) => unknown) {
    this.options = options
    this.permits = Semaphore.makeUnsafe(options.limits.deliveriesMax)
    this.fork = fork
  }

  /** Deliveries end with the scope, wherever they are. */
  static make(options: OutletOptions): Effect.Effect<Outlet, never, Scope.Scope> {
    return Effect.map(FiberSet.makeRuntime<never, void, never>(), (fork) => new Outlet(options, fork))
  }

  get pending(): number {
    return this.waiting
  }

  /** For whom the most waits, those first. */
  receivers(): ReadonlyArray<ReceiverFigures> {
    return [...this.queues]
      .map(([receiver, { length: waiting }]) => ({ receiver, waiting }))
      .toSorted((one, other) => other.waiting - one.waiting)
      .slice(0, toldReceivers)
  }

  /** More waits than should: nothing more is to be evaluated for now. */
  get isFull(): boolean {
    const { outputsMax, outputCharactersMax } = this.options.limits
    return this.waiting > outputsMax || this.characters > outputCharactersMax
  }

  /** Done when there is room for more. */
  get hasRoom(): Effect.Effect<void> {
    return this.room.await
  }

  push(outputs: ReadonlyArray<Output>): void {
    for (const output of outputs) {
      const receiver = this.receiverOf(output)
      const characters = JSON.stringify(output).length
      const queue = this.queues.get(receiver)
      const one = { output, characters, epoch: this.epoch }
      this.waiting += 1
      this.characters += characters
      this.open[1] += 1
      if (queue !== undefined) queue.push(one)
      else {
        const begun = [one]
        this.queues.set(receiver, begun)
        this.fork(this.work(receiver, begun))
      }
    }
    if (this.isFull) this.room.closeUnsafe()
  }

  /** Marks what was pushed so far; done when all of it is durable. One mark at a time. */
  mark(): Effect.Effect<void> {
    const marked = Deferred.makeUnsafe<void>()
    this.marked = marked
    this.epoch += 1
    this.open = [this.open[0] + this.open[1], 0]
    this.check()
    return Deferred.await(marked)
  }

  private check(): void {
    if (this.open[0] > 0 || this.marked === undefined) return
    Deferred.doneUnsafe(this.marked, Effect.void)
    this.marked = undefined
  }

  private receiverOf(output: Output): string {
    if (output.type !== "event") return `desk ${output.tenant}`
    return `lane ${laneOf(output.tenant, output.event.type, this.options.stream.lanes)} ${output.tenant}`
  }

  private readonly work = Effect.fnUntraced(function* (
    this: Outlet,
    receiver: string,
    queue: Array<Waiting>,
  ) {
    while (queue.length > 0) {
      const some = this.next(queue)
      yield* this.persist(some.map(({ output }) => output))
      queue.splice(0, some.length)
      this.settle(some)
    }
    this.queues.delete(receiver)
  })

  private next(queue: ReadonlyArray<Waiting>): ReadonlyArray<Waiting> {
    const most = queue[0]!.output.type === "event" ? eventsInBatchMax : transitionsMax
    let characters = 0
    let count = 0
    for (const { characters: more } of queue) {
      if (count === most || (count > 0 && characters + more > this.options.limits.commandCharactersMax)) break
      characters += more
      count += 1
    }
    return queue.slice(0, count)
  }

  private settle(some: ReadonlyArray<Waiting>): void {
    for (const { epoch, characters } of some) {
      this.open[epoch === this.epoch ? 1 : 0] -= 1
      this.characters -= characters
    }
    this.waiting -= some.length
    this.delivered += some.length
    if (!this.isFull) this.room.openUnsafe()
    this.check()
  }

  /** Until it is durable, or can never be. */
  private readonly persist = Effect.fnUntraced(function* (
    this: Outlet,
    outputs: ReadonlyArray<Output>,
  ): Effect.fn.Return<void> {
    const { retryMs, retryMsMax } = this.options.limits
    for (let pause = retryMs; ; pause = Math.min(retryMsMax, pause * 2)) {
      const result = yield* Effect.result(this.permits.withPermit(this.send(outputs)))
      if (result._tag === "Success") return
      const { failure } = result
      if (isHopeless(failure)) {
        // What nobody can take must not take others with it.
        if (outputs.length > 1) {
          for (const output of outputs) yield* this.persist([output])
          return
        }
        this.lost += outputs.length
        const what = outputs.map(nameOf)
        return yield* Effect.logError(
          `lane ${this.options.lane}: nobody can take ${what.join(", ")}: ${failure.detail}`,
        )
      }
      yield* Effect.logDebug(`lane ${this.options.lane}: outputs are offered again: ${failure.detail}`)
      yield* Effect.sleep(pause)
    }
  })

  private send(outputs: ReadonlyArray<Output>): Effect.Effect<unknown, Failure> {
    const { engine, stream, lane } = this.options
    const { tenant } = outputs[0]!
    const transitions: Array<Transition> = []
    const events: Array<CepEvent> = []
    const begun: Array<RuleBegan> = []
    for (const output of outputs) {
      if (output.type === "transition") transitions.push(output.transition)
      else if (output.type === "event") events.push(output.event)
      else begun.push(output.began)
    }
    if (events.length === 0) {
      const began = begun.length === 0 ? {} : { began: begun }
      return engine.tell(AlertDeskProtocol, alertDeskKey, { _tag: "Take", transitions, ...began }, { tenant })
    }
    const to = laneOf(tenant, events[0]!.type, stream.lanes)
    const data = encoder.encode(JSON.stringify({ _tag: "Events", events }))
    return stream.append(metricToken(tenant, to, "rules", String(lane)), data)
  }
}
