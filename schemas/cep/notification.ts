/** Channels over which people are told, and what is told. */
import * as Schema from "effect/Schema"
import { Labels } from "../metric.ts"
import { command, protocol } from "../protocol.ts"
import { countOf, Id, nameOf, Time, textOf } from "../text.ts"
import { Severity } from "./rule-document.ts"

/** One alert in a notification. */
export const NotifiedAlert = Schema.Struct({
  fingerprint: Schema.String,
  rule: Schema.String,
  name: Schema.String,
  status: Schema.Literals(["firing", "resolved", "no_data", "error"]),
  severity: Severity,
  labels: Labels,
  annotations: Schema.Record(Schema.String, Schema.String),
  value: Schema.optionalKey(Schema.Finite),
  values: Schema.Record(Schema.String, Schema.Finite),
  since: Time,
  at: Time,
  acknowledgedBy: Schema.optionalKey(Schema.String),
  /** It turns on and off too often: nothing more is told of it until it is steady. */
  flapping: Schema.optionalKey(Schema.Boolean),
  traceId: Schema.optionalKey(Schema.String),
})
export type NotifiedAlert = typeof NotifiedAlert.Type

/** What a group of alerts has to say. The same id again is the same notification, and is delivered once. */
export const Notification = Schema.Struct({
  id: textOf(300),
  groupKey: Schema.String,
  groupLabels: Labels,
  reason: Schema.Literals(["new", "changed", "resolved", "repeat", "severity", "flapping", "test"]),
  alerts: Schema.Array(NotifiedAlert).check(Schema.isMaxLength(100)),
  /** Alerts that did not fit. */
  truncated: Schema.Int,
  at: Time,
})
export type Notification = typeof Notification.Type

/** Secrets in it are sealed by the gateway before they reach an actor: texts that begin with `sealed:`. */
export const ChannelSettings = Schema.Union([
  Schema.Struct({ type: Schema.Literal("slack"), url: textOf(4_000) }),
  Schema.Struct({
    type: Schema.Literal("webhook"),
    url: textOf(4_000),
    secret: Schema.optionalKey(textOf(1_000)),
    headers: Schema.optionalKey(Schema.Record(textOf(128), textOf(4_000))),
  }),
  /** The format of Alertmanager's `webhook_config`, version 4. */
  Schema.Struct({
    type: Schema.Literal("alertmanager"),
    url: textOf(4_000),
    headers: Schema.optionalKey(Schema.Record(textOf(128), textOf(4_000))),
  }),
  Schema.Struct({
    type: Schema.Literal("email"),
    to: Schema.Array(textOf(320)).check(Schema.isMinLength(1), Schema.isMaxLength(50)),
    from: Schema.optionalKey(textOf(320)),
    smtp: Schema.optionalKey(textOf(4_000)),
  }),
  /** A gateway that takes JSON; `body` is a template with `{{ text }}` and `{{ to }}`. */
  Schema.Struct({
    type: Schema.Literal("sms"),
    url: textOf(4_000),
    to: Schema.Array(textOf(40)).check(Schema.isMinLength(1), Schema.isMaxLength(50)),
    body: Schema.optionalKey(textOf(4_000)),
    headers: Schema.optionalKey(Schema.Record(textOf(128), textOf(4_000))),
  }),
  /** Kept in the delivery log and shown, sent to nobody: what there is before anything is set up. */
  Schema.Struct({ type: Schema.Literal("log") }),
])
export type ChannelSettings = typeof ChannelSettings.Type

export const Channel = Schema.Struct({
  id: Id,
  name: nameOf(200),
  settings: ChannelSettings,
  /** Deliveries in a minute; what is above waits. */
  perMinuteMax: Schema.Int,
  enabled: Schema.Boolean,
})
export type Channel = typeof Channel.Type

export const DeliveryAttempt = Schema.Struct({
  /** Of the notification or action. */
  id: Schema.String,
  what: Schema.String,
  status: Schema.Literals(["waiting", "delivered", "failed", "given_up"]),
  attempts: Schema.Int,
  at: Time,
  detail: Schema.optionalKey(Schema.String),
})
export type DeliveryAttempt = typeof DeliveryAttempt.Type

/** An action besides telling people, for one alert; texts are filled in already. */
export const AlertAction = Schema.Struct({
  id: textOf(300),
  action: Schema.Union([
    Schema.Struct({
      type: Schema.Literal("call_api"),
      api: Schema.String,
      method: Schema.String,
      body: Schema.String,
    }),
    Schema.Struct({ type: Schema.Literal("ask_ops"), question: Schema.String }),
    Schema.Struct({ type: Schema.Literal("execute_agent"), agent: Id, message: Schema.String }),
  ]),
  alert: NotifiedAlert,
  /** In whose name it acts: the rule's owner. */
  owner: Schema.optionalKey(Schema.String),
})
export type AlertAction = typeof AlertAction.Type

/** Key of the actor that carries out the actions of a rule. Channels' ids have no colon. */
export const actionsKey = (rule: string): string => `actions:${rule}`

export const NotificationProtocol = protocol({
  kind: "notification",
  version: 1,
  commands: {
    Set: command({ channel: Channel }),
    Remove: command({}),
    ReadChannel: command({}, Channel),
    /** Idempotent by the notification's id. Of a channel that is not there: kept in its log as given up. */
    Deliver: command({ notification: Notification }),
    Act: command({ action: AlertAction }),
    /** Sends one now and answers how it went. */
    Test: command({ by: Schema.String }, DeliveryAttempt),
    Log: command({ limit: countOf(1, 1_000) }, Schema.Array(DeliveryAttempt)),
  },
  rejections: {
    ChannelUnknown: {},
    TooMany: { limit: Schema.String, max: Schema.Int },
  },
})
