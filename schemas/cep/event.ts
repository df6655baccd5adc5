/** Events as rules see them: a type, a time and attributes. Sent by people, by schedules, and by rules themselves. */
import * as Schema from "effect/Schema"
import { Time, textOf } from "../text.ts"

/** Dotted words, such as `deploy.finished`. Those that begin with `millrace.` are Millrace's own. */
export const EventType = Schema.String.check(
  Schema.isPattern(/^[a-zA-Z][a-zA-Z0-9_-]{0,63}(?:\.[a-zA-Z0-9_-]{1,63}){0,7}$/u),
)

export const eventAttributesMax = 64
export const eventsInBatchMax = 1_000

export const EventAttributes = Schema.Record(
  textOf(64),
  Schema.Union([textOf(4_096), Schema.Finite, Schema.Boolean, Schema.Null]),
)
export type EventAttributes = typeof EventAttributes.Type

export const CepEvent = Schema.Struct({
  /** The same id again, from the same source, is the same event. */
  id: textOf(200),
  /** An `EventType`, or that of a schedule, which nobody sends. */
  type: textOf(200),
  /** Event time: when it happened. */
  at: Time,
  attributes: EventAttributes,
  /** Of an event that a rule published: how many rules it came through, at most `derivationsMax`. */
  depth: Schema.optionalKey(Schema.Int),
  /** Of an event that a rule published: who, and its place among those of that rule in that lane. */
  origin: Schema.optionalKey(Schema.Struct({ rule: Schema.String, lane: Schema.Int, number: Schema.Int })),
})
export type CepEvent = typeof CepEvent.Type

/** How many rules an event may come through; cycles are refused when a rule is saved, this holds even then. */
export const derivationsMax = 16
