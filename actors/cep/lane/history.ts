/**
 * Makes up for the past of rules that begin: the messages from before their changes that their state depends on are still in
 * the stream, so their windows are not empty at their first sample. As deterministic as the lane, while the stream keeps them.
 */
import * as Effect from "effect/Effect"
import type { Unavailable } from "../../../engine/index.ts"
import {
  type EventStart,
  isRuleChange,
  laneOf,
  type MetricStreamService,
  metricToken,
  type StoredEvent,
  tickSource,
} from "../../../streams/index.ts"
import type { AwaitedChange, Evaluator } from "../evaluator.ts"
import { itemsOf, LaneReader } from "./lane-input.ts"
import type { LaneLimits } from "./limits.ts"
import type { Evaluators } from "./run-lane.ts"

export interface FillOptions {
  readonly lane: number
  readonly stream: MetricStreamService
  readonly evaluators: Evaluators
  readonly limits: LaneLimits
}

/** Where the past of a rule begins: neither before this time nor before this sequence. */
interface Beginning {
  readonly change: AwaitedChange["change"]
  readonly sequence: number
  readonly at: number
}

/** The past of some rules of one tenant, as far as it was read. */
export class Fill {
  readonly awaited: ReadonlyArray<AwaitedChange>
  /** Everything up to this sequence was taken. */
  position = 0
  private readonly past: Evaluator
  private readonly reader: LaneReader
  private readonly filters: ReadonlyArray<string>
  /** That have not begun, those with the longest past first. */
  private readonly waiting: Array<Beginning>
  /** By time at first; by sequence where that finds too much, or nothing. */
  private start: EventStart
  private readonly earliest: number
  private readonly options: FillOptions

  /** `awaited`: at least one, all of one tenant. */
  constructor(options: FillOptions, awaited: ReadonlyArray<AwaitedChange>) {
    const { lane, stream, evaluators, limits } = options
    const { tenant } = awaited[0]!.change
    this.options = options
    this.awaited = awaited
    this.past = evaluators.make(lane)
    this.reader = new LaneReader(lane, stream.lanes, this.past)
    const names = new Set(awaited.flatMap((one) => one.names))
    this.reader.wanted = new Set([lane, ...[...names].map((name) => laneOf(tenant, name, stream.lanes))])
    // Only the rules' own tenant, and the ticks.
    this.filters = [
      ...[...this.reader.wanted].map((one) => `${metricToken(tenant, one)}.>`),
      metricToken("", lane, tickSource),
    ]
    this.waiting = awaited
      .map(({ change, place, reachMs }) => ({
        change,
        sequence: Math.max(1, place.sequence - limits.historySequencesMax),
        at: place.at - reachMs,
      }))
      .toSorted((one, other) => one.at - other.at)
    this.start = { timeMs: this.waiting[0]!.at }
    this.earliest = Math.min(...this.waiting.map(({ sequence }) => sequence))
  }

  /**
   * Takes what is stored now or, up to a message that is there, all before it, and answers how many messages that were. Goes on
   * where it ended, also where it was interrupted. `before`: of a message of the lane from the rules' own tenant.
   */
  readonly read = Effect.fnUntraced(function* (
    this: Fill,
    before = Number.POSITIVE_INFINITY,
  ): Effect.fn.Return<number, Unavailable> {
    const { stream, limits } = this.options
    for (let count = 0; ; ) {
      const [end, more] = yield* this.readFrom(
        this.position === 0 ? this.start : { sequence: this.position + 1 },
        before,
      )
      count += more
      if (end === "there" || (end === "no more" && before === Number.POSITIVE_INFINITY)) return count
      this.start = { sequence: this.earliest }
      if (end === "too early") continue
      // A server that is behind, or fell silent, ends too soon: what it left out is not to be missing.
      if ((yield* stream.bounds).first > before) return count
      yield* Effect.sleep(limits.retryMs)
    }
  })

  private readonly readFrom = Effect.fnUntraced(function* (this: Fill, start: EventStart, before: number) {
    const { take } = yield* this.options.stream.pages(this.filters, start)
    let [count, slice] = [0, 0]
    for (let page = yield* take; page !== undefined; page = yield* take) {
      for (const event of page) {
        if (event.sequence >= before) return ["there", count] as const
        if (event.sequence < this.earliest) return ["too early", count] as const
        slice += this.give(event)
        // Nobody hears it, and a page may bring about more than memory holds.
        this.past.take()
        this.position = event.sequence
        count += 1
        if (slice < this.options.limits.sliceItems) continue
        slice = 0
        yield* Effect.yieldNow
      }
    }
    return ["no more", count] as const
  }, Effect.scoped)

  /** Answers how many items that were. */
  private give(event: StoredEvent): number {
    this.begin(({ sequence, at }) => sequence <= event.sequence && at <= event.storedAt)
    const input = isRuleChange(event.token) ? undefined : this.reader.read(event)
    if (input === undefined) return 1
    this.reader.apply(input)
    return itemsOf(input)
  }

  private begin(isDue: (one: Beginning) => boolean): void {
    while (this.waiting.length > 0 && isDue(this.waiting[0]!)) {
      const { change, sequence, at } = this.waiting.shift()!
      this.past.change(change, { sequence: sequence - 1, at })
    }
  }

  /** An evaluator with nothing but these rules, which has seen what was read. */
  finish(): Evaluator {
    this.begin(() => true)
    this.past.take()
    return this.past
  }
}
