/** Channels over which people are told, and what is told. */
import * as Schema from "effect/Schema"
import { Labels } from "../metric.ts"
import { command, protocol } from "../protocol.ts"
import { countOf, Id, nameOf, storableTextOf, Time, textOf } from "../text.ts"
import { Severity } from "./rule-document.ts"

/** One alert in a notification. */
export const NotifiedAlert = Schema.Struct({
  fingerprint: Schema.String,
  rule: Schema.String,
  name: Schema.String,
  /** `matched`: of a rule in mode `trigger`, which has no states and is not resolved. */
  status: Schema.Literals(["firing", "resolved", "no_data", "error", "matched"]),
  severity: Severity,
  /** With which people were told first that it fires, when that is another one. */
  firstSeverity: Schema.optionalKey(Severity),
  labels: Labels,
  annotations: Schema.Record(Schema.String, Schema.String),
  value: Schema.optionalKey(Schema.Finite),
  values: Schema.Record(Schema.String, Schema.Finite),
  /** Since when it is in its state, and of its last change. */
  since: Time,
  at: Time,
  /** When it began to fire the last time, and when it was resolved. */
  firedAt: Schema.optionalKey(Time),
  resolvedAt: Schema.optionalKey(Time),
  /** What its rule asks, at its severity. */
  condition: Schema.optionalKey(Schema.String),
  /** Why it is in its state, if more is to be said than its numbers do: what went wrong. */
  detail: Schema.optionalKey(Schema.String),
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
  /** `collapsed`: stands for notifications that found no place in the channel's queue; `truncated` says of how many alerts. */
  reason: Schema.Literals([
    "new",
    "changed",
    "resolved",
    "repeat",
    "severity",
    "flapping",
    "test",
    "collapsed",
  ]),
  alerts: Schema.Array(NotifiedAlert).check(Schema.isMaxLength(100)),
  /** Alerts that did not fit. */
  truncated: Schema.Int,
  at: Time,
})
export type Notification = typeof Notification.Type

const url = storableTextOf(4_000).check(Schema.isMinLength(1))
const headers = Schema.optionalKey(
  Schema.Record(storableTextOf(128), storableTextOf(4_000)).check(Schema.isMaxProperties(20)),
)
const recipientsMax = 50
const numbersMax = 20

/** Kept sealed as a whole, apart from the actor; opened where something is delivered. */
export const ChannelSettings = Schema.Union([
  /** An incoming web hook; its address is the secret. */
  Schema.Struct({ type: Schema.Literal("slack"), url }),
  Schema.Struct({
    type: Schema.Literal("webhook"),
    url,
    /** Signs what is sent. */
    secret: Schema.optionalKey(storableTextOf(1_000)),
    headers,
  }),
  /** The format of Alertmanager's `webhook_config`, version 4. */
  Schema.Struct({ type: Schema.Literal("alertmanager"), url, headers }),
  Schema.Struct({
    type: Schema.Literal("email"),
    to: Schema.Array(storableTextOf(320)).check(Schema.isMinLength(1), Schema.isMaxLength(recipientsMax)),
    from: Schema.optionalKey(storableTextOf(320)),
    /** `smtp://` or `smtps://user:password@host:port`; the node's own server when absent. */
    smtp: Schema.optionalKey(url),
  }),
  /** A gateway that takes JSON; `body` is a template with `{{ text }}` and `{{ to }}`. */
  Schema.Struct({
    type: Schema.Literal("sms"),
    url,
    to: Schema.Array(storableTextOf(40)).check(Schema.isMinLength(1), Schema.isMaxLength(numbersMax)),
    body: Schema.optionalKey(storableTextOf(4_000)),
    headers,
  }),
  /** Kept in the delivery log and shown, sent to nobody: what there is before anything is set up. */
  Schema.Struct({ type: Schema.Literal("log") }),
]).annotate({ identifier: "ChannelSettings" })
export type ChannelSettings = typeof ChannelSettings.Type

/** Without a colon: keys with one are those of rules' other actions. */
export const ChannelId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u))
/** The channel that every tenant has: only in the log, unless somebody sets it otherwise. */
export const defaultChannel = "default"
export const perMinuteMaxDefault = 60

export const Channel = Schema.Struct({
  id: ChannelId,
  name: nameOf(200),
  settings: ChannelSettings,
  /** Attempts in a minute; what is above waits. */
  perMinuteMax: countOf(1, 600),
  enabled: Schema.Boolean,
})
export type Channel = typeof Channel.Type

/** Deliveries in one answer of a channel's log. */
export const deliveryLogMax = 200

export const DeliveryStatus = Schema.Literals(["waiting", "delivered", "logged", "failed", "given_up"])
export type DeliveryStatus = typeof DeliveryStatus.Type

/** `failed`: will be tried again. `logged`: there was nobody to send it to, and it is in the log alone. */
export const DeliveryAttempt = Schema.Struct({
  /** Of the notification or action. */
  id: Schema.String,
  what: Schema.String,
  status: DeliveryStatus,
  attempts: Schema.Int,
  at: Time,
  /** Never holds a secret. */
  detail: Schema.optionalKey(Schema.String),
  traceId: Schema.optionalKey(Schema.String),
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

const Waiting = Schema.Struct({
  /** The same for every attempt: what others may know a delivery by. */
  token: Schema.String,
  notification: Schema.optionalKey(Notification),
  action: Schema.optionalKey(AlertAction),
})

/** What is told to a channel, and what else rules do. The channels themselves are settings, kept beside the actors. */
export const NotificationProtocol = protocol({
  kind: "notification",
  version: 1,
  commands: {
    /** Idempotent by the notification's id. Of a channel that is not there: in the log as given up. */
    Deliver: command({ notification: Notification }),
    /** Idempotent by the action's id. */
    Act: command({ action: AlertAction }),
    /** Sends one now, once, and answers how it went. */
    Test: command({ by: textOf(200) }, DeliveryAttempt),
    /** What waits and what is over; what changed last comes first. */
    Log: command({ limit: countOf(1, deliveryLogMax) }, Schema.Array(DeliveryAttempt)),
    /** Of one that is not over. For the activity that carries it out. */
    ReadWaiting: command({ n: Schema.Int }, Waiting),
  },
  rejections: {
    DeliveryOver: {},
    TooManyTests: { max: Schema.Int },
  },
})
