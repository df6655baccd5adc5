/** What a channel of type `webhook` sends to its receiver. Whoever reads it relies on it: fields are added, never changed. */
import * as Schema from "effect/Schema"
import { Notification, NotifiedAlert } from "./notification.ts"

const {
  since: _1,
  at: _2,
  firedAt: _3,
  resolvedAt: _4,
  firstSeverity: _5,
  acknowledgedBy,
  traceId,
  ...plain
} = NotifiedAlert.fields
/** RFC 3339 in UTC. */
const Moment = Schema.String.check(Schema.isPattern(/^[+-]?\d{4,6}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/u))

/** Times of alerts are those of their samples. */
const AlertOfBody = Schema.Struct({
  ...plain,
  /** Since when it is in its state, and when it changed last. */
  since: Moment,
  at: Moment,
  /** When it began to fire the last time, and when that was over. */
  fired_at: Schema.optionalKey(Moment),
  resolved_at: Schema.optionalKey(Moment),
  acknowledged_by: acknowledgedBy,
  trace_id: traceId,
  /** Where it can be read; absent when the node does not know its own address. */
  url: Schema.optionalKey(Schema.String),
})

export const NotificationBody = Schema.Struct({
  version: Schema.Literal(1),
  channel: Schema.String,
  notification: Schema.Struct({
    /** The same in every attempt. */
    id: Schema.String,
    reason: Notification.fields.reason,
    group_key: Schema.String,
    group_labels: Notification.fields.groupLabels,
    /** When it was made. */
    at: Moment,
    /** Alerts that did not fit. */
    truncated: Schema.Int,
    alerts: Schema.Array(AlertOfBody),
  }),
}).annotate({ identifier: "NotificationBody" })
export type NotificationBody = typeof NotificationBody.Type
