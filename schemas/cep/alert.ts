/** The alert desk of a tenant: what is pending and firing, what is silenced, and what people are told. */
import * as Schema from "effect/Schema"
import { LabelName, Labels } from "../metric.ts"
import { Problem } from "../ops-plan.ts"
import { command, protocol } from "../protocol.ts"
import { Id, nameOf, storableTextOf, Time, textOf } from "../text.ts"
import { Grouping, KeptGrouping } from "./grouping.ts"
import { Matcher, Matchers } from "./matcher.ts"
import { Severity } from "./rule-document.ts"
import { AlertPolicy, AlertState, RuleBegan, Transition } from "./transition.ts"

/** Transitions in one command. */
export const transitionsMax = 200
/**
 * Bytes of the transitions in one command, as JSON; one that is larger goes alone. What the desk records of a command has
 * to fit into one entry of its journal beside the command itself.
 */
export const takeBytesMax = 128 * 1024
/** Alerts that a tenant can have that are not resolved. */
export const liveAlertsMax = 10_000
export const silencesMax = 500
export const maintenancesMax = 100
export const inhibitionsMax = 50
/** How long a silence or one window of planned work may last. */
export const silenceMsMax = 366 * 24 * 60 * 60_000
export const maintenanceMsMax = 31 * 24 * 60 * 60_000

const who = storableTextOf(200)
const comment = storableTextOf(1_000)

export const Silence = Schema.Struct({
  id: Id,
  matchers: Matchers,
  startsAt: Time,
  endsAt: Time,
  createdBy: who,
  comment,
})
export type Silence = typeof Silence.Type

/** A silence that comes again: planned work. */
export const Maintenance = Schema.Struct({
  id: Id,
  name: nameOf(200),
  matchers: Matchers,
  /** Either once, from and to; or by cron and how long. */
  startsAt: Schema.optionalKey(Time),
  endsAt: Schema.optionalKey(Time),
  cron: Schema.optionalKey(textOf(200)),
  /** An IANA name; UTC when absent. */
  timeZone: Schema.optionalKey(textOf(64)),
  lastsMs: Schema.optionalKey(Schema.Finite),
  createdBy: who,
})
export type Maintenance = typeof Maintenance.Type

/** While an alert that fits `source` fires, those that fit `target` and agree in the labels `equal` are not told. */
export const Inhibition = Schema.Struct({
  id: Id,
  source: Matchers,
  target: Matchers,
  equal: Schema.Array(LabelName).check(Schema.isMaxLength(20)),
})
export type Inhibition = typeof Inhibition.Type

/** When planned work is on, or will be the next time. */
export const MaintenanceWindow = Schema.Struct({ from: Time, to: Time })
export type MaintenanceWindow = typeof MaintenanceWindow.Type

/** Counts its changes; 1 when absent. */
const version = Schema.optionalKey(Schema.Int)
/** As the desk has them: whether they are on now, and the window that is on or comes next. */
const kept = { matchers: Schema.Array(Matcher), active: Schema.Boolean, version }
export const QuietSilence = Schema.Struct({ ...Silence.fields, ...kept })
export type QuietSilence = typeof QuietSilence.Type
export const QuietMaintenance = Schema.Struct({
  ...Maintenance.fields,
  ...kept,
  window: Schema.optionalKey(MaintenanceWindow),
})
export type QuietMaintenance = typeof QuietMaintenance.Type

export const QuietInhibition = Schema.Struct({
  ...Inhibition.fields,
  source: kept.matchers,
  target: kept.matchers,
  version,
})
export type QuietInhibition = typeof QuietInhibition.Type

/** Of one that is there already: which version the change is based on, if that matters. */
const edited = { expected: Schema.optionalKey(Schema.Int) }
/** The same id again replaces it; with `replaces` there has to be one. */
const put = { by: who, replaces: Schema.optionalKey(Schema.Boolean), ...edited }
const ended = { id: Id, by: who, ...edited }

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
  /** Since when it is in its state, and of its last change. */
  since: Time,
  at: Time,
  /** When it began to fire the last time, and when that was over. */
  firedAt: Schema.optionalKey(Time),
  resolvedAt: Schema.optionalKey(Time),
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
}).annotate({ identifier: "AlertRecord" })
export type AlertRecord = typeof AlertRecord.Type

/** An alert from elsewhere, in what Alertmanager's web hook says of it. */
export const ForeignAlert = Schema.Struct({
  /** Follows from its labels. */
  fingerprint: textOf(64),
  name: nameOf(200),
  severity: Severity,
  status: Schema.Literals(["firing", "resolved"]),
  labels: Labels,
  annotations: Schema.Record(Schema.String, Schema.String),
  startsAt: Time,
  /** When it is taken for resolved unless it was said again. */
  endsAt: Schema.optionalKey(Time),
  /** Said as to an Alertmanager, without an end: taken for resolved after `resolveTimeoutMs` unless it was said again. */
  timesOut: Schema.optionalKey(Schema.Boolean),
})
export type ForeignAlert = typeof ForeignAlert.Type

/** The key of a tenant's one desk. */
export const alertDeskKey = "default"
/** What stands in for the rule of alerts from elsewhere. */
export const foreignRule = "alertmanager"

export const AlertDeskProtocol = protocol({
  kind: "alert-desk",
  version: 1,
  commands: {
    /**
     * What a lane's rules came to. Idempotent: a number at or below the last one of its fingerprint, from an input that is
     * not newer, is passed over.
     */
    Take: command({
      transitions: Schema.Array(Transition).check(Schema.isMaxLength(transitionsMax)),
      /** Alerts of these rules with smaller numbers are over, once the transitions were taken. */
      began: Schema.optionalKey(Schema.Array(RuleBegan).check(Schema.isMaxLength(transitionsMax))),
    }),
    TakeForeign: command({
      alerts: Schema.Array(ForeignAlert).check(Schema.isMaxLength(transitionsMax)),
      policy: AlertPolicy,
    }),
    Acknowledge: command(
      { fingerprint: textOf(64), by: who, comment: Schema.optionalKey(comment) },
      AlertRecord,
    ),
    Unacknowledge: command({ fingerprint: textOf(64), by: who }, AlertRecord),
    /** By a person; the rule raises it again when it fires the next time. */
    Resolve: command({ fingerprint: textOf(64), by: who }, AlertRecord),
    PutSilence: command({ silence: Silence, ...put }, QuietSilence),
    EndSilence: command(ended),
    PutMaintenance: command({ maintenance: Maintenance, ...put }, QuietMaintenance),
    EndMaintenance: command(ended),
    PutInhibition: command({ inhibition: Inhibition, ...put }, QuietInhibition),
    RemoveInhibition: command(ended),
    /** All of it anew; alerts that are there go into their groups at once. */
    PutGrouping: command({ grouping: Grouping, by: who, ...edited }, KeptGrouping),
    ReadGrouping: command({}, KeptGrouping),
    Read: command({ fingerprint: textOf(64) }, AlertRecord),
    /** By their ids, from the one after `after`, as many as one answer holds; `next` when there are more. */
    ReadQuiet: command(
      { of: Schema.Literals(["silences", "maintenances", "inhibitions"]), after: Schema.optionalKey(Id) },
      Schema.Struct({
        /** Those that have not ended. */
        silences: Schema.Array(QuietSilence),
        maintenances: Schema.Array(QuietMaintenance),
        inhibitions: Schema.Array(QuietInhibition),
        next: Schema.optionalKey(Id),
      }),
    ),
    Status: command(
      {},
      Schema.Struct({
        /** Alerts that are not resolved, and all that the desk holds. */
        live: Schema.Int,
        held: Schema.Int,
        groups: Schema.Int,
        bytes: Schema.Int,
        /** Alerts that found no place. */
        refused: Schema.Int,
        /** Entries of the history that the database does not have yet, and those that were given up. */
        unwritten: Schema.Int,
        lost: Schema.Int,
      }),
    ),
  },
  rejections: {
    AlertUnknown: {},
    /** Resolved already. */
    AlertOver: {},
    QuietUnknown: {},
    QuietConflict: { version: Schema.Int },
    BadGrouping: { problems: Schema.Array(Problem) },
    GroupingConflict: { version: Schema.Int },
    BadQuiet: { problems: Schema.Array(Problem) },
    TooMany: { limit: Schema.String, max: Schema.Int },
  },
})

/** Topic of the live feed of a tenant's alerts; its bodies are `{ alert: AlertRecord }`. */
export const alertFeedTopic = (tenant: string): string => `alert-desk.${tenant}`
