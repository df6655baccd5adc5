/**
 * Fills a rule that begins: the messages from before its change that its state depends on are still in the stream, so its
 * windows are not empty at its first sample. As deterministic as the lane, while the stream keeps them.
 */
import * as Effect from "effect/Effect"
import type { Unavailable } from "../../../engine/index.ts"
import { type EventStart, type MetricStreamService, metricToken, tickSource } from "../../../streams/index.ts"
import type { Evaluator } from "../evaluator.ts"
import { itemsOf, type LaneInput, LaneReader } from "./lane-input.ts"
import type { LaneLimits } from "./limits.ts"
import type { Evaluators } from "./run-lane.ts"

export interface FillOptions {
  readonly lane: number
  readonly stream: MetricStreamService
  readonly evaluators: Evaluators
  readonly limits: LaneLimits
  /** Says whether the change begins the rule anew. */
  readonly evaluator: Evaluator
  readonly input: LaneInput & { readonly type: "change" }
}

/** An evaluator with only this rule and what was before; undefined when the rule needs none. */
export const fillFromHistory = Effect.fnUntraced(function* (
  options: FillOptions,
): Effect.fn.Return<Evaluator | undefined, Unavailable> {
  const { lane, stream, limits, evaluator, input } = options
  const { change, place } = input
  const reachMs = evaluator.reachMs(change)
  if (reachMs === undefined || reachMs <= 0) return undefined
  const earliest = Math.max(1, place.sequence - limits.historySequencesMax)
  const from = place.at - reachMs
  const past = options.evaluators.make(lane)
  past.change(change, { sequence: earliest - 1, at: from })
  const reader = new LaneReader(lane, stream.lanes, past)
  // Only the rule's own tenant, and the ticks: what others send makes nobody's edit slow.
  const filters = [
    ...[...reader.wanted].map((one) => `${metricToken(change.tenant, one)}.>`),
    metricToken("", lane, tickSource),
  ]

  /** True when the past began too early. */
  const readFrom = Effect.fnUntraced(function* (start: EventStart) {
    const tail = yield* stream.tail(filters, start)
    let slice = 0
    for (;;) {
      // The change itself is among what comes, so this ends.
      for (const event of yield* tail.take) {
        if (event.sequence >= place.sequence) return false
        if (event.sequence < earliest) return true
        const old = reader.read(event)
        if (old === undefined || old.type === "change") continue
        reader.apply(old)
        slice += itemsOf(old)
        if (slice < limits.sliceItems) continue
        slice = 0
        yield* Effect.yieldNow
      }
      past.take()
    }
  }, Effect.scoped)

  if (yield* readFrom({ timeMs: from })) yield* readFrom({ sequence: earliest })
  past.take()
  return past
})
