/** The alert desk of a tenant: what is pending and firing, what is silenced, and what people are told. */
import * as Schema from "effect/Schema"
import { Labels } from "../metric.ts"
import { command, protocol } from "../protocol.ts"
import { countOf, Id, Time, textOf } from "../text.ts"
import { Severity } from "./rule-document.ts"
import { AlertPolicy, AlertState, Transition } from "./transition.ts"

/** Transitions in one command. */
export const transitionsMax = 200
/** Alerts that a tenant can have that are not resolved. */
export const liveAlertsMax = 10_000

/** As Alertmanager's: `=`, `!=`, `=~`, `!~`; regular expressions are anchored. */
export const Matcher = Schema.Struct({
  name: textOf(128),
  value: textOf(1_000),
  operator: Schema.Literals(["=", "!=", "=~", "!~"]),
})
export type Matcher = typeof Matcher.Type
const matchers = Schema.Array(Matcher).check(Schema.isMinLength(1), Schema.isMaxLength(20))

export const Silence = Schema.Struct({
  id: Id,
  matchers,
  startsAt: Time,
  endsAt: Time,
  createdBy: textOf(200),
  comment: textOf(2_000),
})
export type Silence = typeof Silence.Type

/** A silence that comes again: planned work. */
export const Maintenance = Schema.Struct({
  id: Id,
  name: textOf(200),
  matchers,
  /** Either once, from and to; or by cron and how long. */
  startsAt: Schema.optionalKey(Time),
  endsAt: Schema.optionalKey(Time),
  cron: Schema.optionalKey(textOf(200)),
  timeZone: Schema.optionalKey(textOf(64)),
  lastsMs: Schema.optionalKey(Schema.Finite),
  createdBy: textOf(200),
})
export type Maintenance = typeof Maintenance.Type

/** While an alert that fits `source` fires, those that fit `target` and agree in the labels `equal` are not told. */
export const Inhibition = Schema.Struct({
  id: Id,
  source: matchers,
  target: matchers,
  equal: Schema.Array(textOf(128)).check(Schema.isMaxLength(20)),
})
export type Inhibition = typeof Inhibition.Type

export const AlertRecord = Schema.Struct({
  fingerprint: Schema.String,
  rule: Schema.String,
  version: Schema.Int,
  name: Schema.String,
  state: AlertState,
  severity: Severity,
  labels: Labels,
  annotations: Schema.Record(Schema.String, Schema.String),
  value: Schema.optionalKey(Schema.Finite),
  values: Schema.Record(Schema.String, Schema.Finite),
  /** Number of the last transition that was taken. */
  number: Schema.Int,
  since: Time,
  at: Time,
  /** Counts its firings. */
  fired: Schema.Int,
  flapping: Schema.Boolean,
  acknowledged: Schema.optionalKey(
    Schema.Struct({ by: Schema.String, at: Time, comment: Schema.optionalKey(Schema.String) }),
  ),
  /** Ids of silences, maintenances and inhibitions that keep it quiet now. */
  quietBy: Schema.Array(Schema.String),
  groupKey: Schema.String,
  detail: Schema.optionalKey(Schema.String),
  /** From a rule, or taken in over Alertmanager's web hook. */
  source: Schema.Literals(["rule", "alertmanager"]),
})
export type AlertRecord = typeof AlertRecord.Type

/** An alert from elsewhere, in what Alertmanager's web hook says of it. */
export const ForeignAlert = Schema.Struct({
  fingerprint: textOf(64),
  status: Schema.Literals(["firing", "resolved"]),
  labels: Labels,
  annotations: Schema.Record(Schema.String, Schema.String),
  startsAt: Time,
  endsAt: Schema.optionalKey(Time),
})
export type ForeignAlert = typeof ForeignAlert.Type

/** The key of a tenant's one desk. */
export const alertDeskKey = "default"

const page = { after: Schema.optionalKey(Schema.String), limit: countOf(1, 1_000) } as const

export const AlertDeskProtocol = protocol({
  kind: "alert-desk",
  version: 1,
  commands: {
    /** What a lane's rules came to. Idempotent: what was taken before is passed over by its number. */
    Take: command({ transitions: Schema.Array(Transition).check(Schema.isMaxLength(transitionsMax)) }),
    TakeForeign: command({
      alerts: Schema.Array(ForeignAlert).check(Schema.isMaxLength(transitionsMax)),
      policy: AlertPolicy,
    }),
    Acknowledge: command({
      fingerprint: Schema.String,
      by: Schema.String,
      comment: Schema.optionalKey(textOf(2_000)),
    }),
    Unacknowledge: command({ fingerprint: Schema.String, by: Schema.String }),
    /** By a person; the rule raises it again when it fires the next time. */
    Resolve: command({ fingerprint: Schema.String, by: Schema.String }),
    PutSilence: command({ silence: Silence }),
    EndSilence: command({ id: Id }),
    PutMaintenance: command({ maintenance: Maintenance }),
    EndMaintenance: command({ id: Id }),
    PutInhibition: command({ inhibition: Inhibition }),
    RemoveInhibition: command({ id: Id }),
    Read: command({ fingerprint: Schema.String }, AlertRecord),
    List: command(
      page,
      Schema.Struct({ alerts: Schema.Array(AlertRecord), next: Schema.optionalKey(Schema.String) }),
    ),
    ReadQuiet: command(
      {},
      Schema.Struct({
        silences: Schema.Array(Silence),
        maintenances: Schema.Array(Maintenance),
        inhibitions: Schema.Array(Inhibition),
      }),
    ),
  },
  rejections: {
    AlertUnknown: {},
    QuietUnknown: {},
    TooMany: { limit: Schema.String, max: Schema.Int },
  },
})

/** Topic of the live feed of a tenant's alerts; its bodies are `{ alert: AlertRecord }`. */
export const alertFeedTopic = (tenant: string): string => `alert-desk.${tenant}`
