/** Parts that many routes' contracts share: pages, cursors, ids and times as they are on the wire. */
import * as Schema from "effect/Schema"
import { textOf } from "../text.ts"

export const pageLimitMax = 100

const wholeText = (pattern: RegExp, maximum: number) =>
  Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum })).annotate({
    description: `a whole number, ${pattern.source}`,
  })

/** `page` from 1 and `limit`; the seeds' way of paging. */
export const pageQuery = {
  page: Schema.optionalKey(wholeText(/from 1/, 1_000_000)),
  limit: Schema.optionalKey(wholeText(/from 1 to 100/, pageLimitMax)),
}

/** For lists that grow without end: what the last answer gave as `next_cursor`. */
export const cursorQuery = {
  cursor: Schema.optionalKey(textOf(512)),
  limit: Schema.optionalKey(wholeText(/from 1 to 100/, pageLimitMax)),
}

/** The key of an actor as a path names it: a lock, a session, a rule. */
export const ActorKey = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isMaxLength(256),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  Schema.isPattern(/^[^\u0000-\u001f\u007f]+$/u),
)

export const Uuid = Schema.String.check(
  Schema.isPattern(/^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/u),
)

/** A day that the calendar has: others are read as the next month's, or not at all. */
const isDay = (timestamp: string): boolean => {
  const day = timestamp.slice(0, 10)
  const at = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day)
}

/** ISO 8601 in UTC, as every answer gives it. */
export const Timestamp = Schema.String.check(
  Schema.isPattern(
    /^[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d{1,6})?Z$/u,
  ),
  Schema.makeFilter(isDay, { expected: "a day that the calendar has" }),
)

/** `true` or `false` in a query. */
export const QueryBoolean = Schema.Literals(["true", "false"])

/** A whole number in a query. */
export const queryNumber = (minimum: number, maximum: number) =>
  Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })).annotate({
    description: `a whole number from ${minimum} to ${maximum}`,
  })

/** Of W3C trace context, or what the caller named its trace. */
export const TraceId = textOf(128).check(Schema.isMinLength(1))
