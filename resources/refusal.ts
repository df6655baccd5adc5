/** The one way in which a service over users' data says no: an expected answer, not a failure of the service. */
import * as Schema from "effect/Schema"

/** Why; the gateway has one HTTP status for each. */
export const RefusalReason = Schema.Literals([
  "malformed",
  "unauthenticated",
  "forbidden",
  "not-found",
  "conflict",
  /** The version that the caller names is not the current one. */
  "stale",
  /** Well-formed, and still not possible. */
  "invalid",
  "limit",
  /** Somebody further away answered wrongly, not at all, or not in time. */
  "upstream",
  "unavailable",
  "timeout",
])
export type RefusalReason = typeof RefusalReason.Type

/** `code` has the form `SERVICE_CATEGORY_NUMBER` and is part of the API. `details` names the field and the remedy. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  reason: RefusalReason,
  code: Schema.String,
  text: Schema.String,
  details: Schema.Record(Schema.String, Schema.Unknown),
  retryAfterSeconds: Schema.optionalKey(Schema.Number),
}) {
  override get message() {
    return this.text
  }
}

export const refuse = (
  reason: RefusalReason,
  code: string,
  text: string,
  details: Readonly<Record<string, unknown>> = {},
): Refused => new Refused({ reason, code, text, details })
