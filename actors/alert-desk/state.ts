/** What an alert desk keeps, and the events by which that changes. */
import * as Schema from "effect/Schema"
import {
  AlertPolicy,
  AlertRecord,
  AlertState,
  Grouping,
  Id,
  Inhibition,
  KeptGrouping,
  Maintenance,
  MaintenanceWindow,
  QuietInhibition,
  QuietMaintenance,
  QuietSilence,
  RuleBegan,
  Severity,
  Silence,
  type Tagged,
} from "../../schemas/index.ts"

/** On what an action of a rule follows. */
export const Moment = Schema.Literals(["firing", "resolved", "no_data", "error", "severity"])
export type Moment = typeof Moment.Type

const on = Schema.optionalKey(Schema.Array(Moment))
/** Of a rule, besides notifications: checked when the rule was saved. */
const KeptAction = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("call_api"),
    api: Schema.String,
    method: Schema.optionalKey(Schema.Literals(["GET", "POST", "PUT", "PATCH", "DELETE"])),
    body: Schema.optionalKey(Schema.String),
    on,
  }),
  Schema.Struct({ type: Schema.Literal("ask_ops"), question: Schema.String, on }),
  Schema.Struct({ type: Schema.Literal("execute_agent"), agent: Schema.String, message: Schema.String, on }),
])
export type KeptAction = typeof KeptAction.Type

/** Actions besides notifications that are still to be done; their texts are filled in. */
const Act = Schema.Struct({ on: Moment, due: Schema.Finite, actions: Schema.Array(KeptAction) })

export const StoredAlert = Schema.Struct({
  ...AlertRecord.fields,
  /** What people were told of it last. */
  told: Schema.optionalKey(
    Schema.Struct({
      state: AlertState,
      severity: Severity,
      flapping: Schema.Boolean,
      /** Its severity when they were told that it fires, if that was another. */
      first: Schema.optionalKey(Severity),
    }),
  ),
  acts: Schema.Array(Act),
  /** Its own times of its last changes, at most as many as make it flap; and when the last one came. */
  turns: Schema.Array(Schema.Finite),
  turnedAt: Schema.Finite,
  /** The lane that said it last, and which number was the last one before that lane said anything. Absent: no lane did. */
  said: Schema.optionalKey(Schema.Struct({ lane: Schema.Int, after: Schema.Int })),
  /** Under which name its policy is kept. Absent: under its rule's. */
  policyKey: Schema.optionalKey(Schema.String),
  /** From elsewhere: when it is taken for resolved. */
  expiresAt: Schema.optionalKey(Schema.Finite),
  /** When it leaves the desk. */
  leavesAt: Schema.optionalKey(Schema.Finite),
  /** About how much room it takes, as of its last change. */
  bytes: Schema.Int,
  /** Of the alerts' changes in this desk the how manieth it was; set by the fold. */
  revision: Schema.Int,
})
export type StoredAlert = typeof StoredAlert.Type

/** Where its policy is. */
export const policyKeyOf = ({ rule, policyKey = rule }: Pick<StoredAlert, "rule" | "policyKey">): string =>
  policyKey

const liveStates: ReadonlySet<string> = new Set(["pending", "firing", "no_data", "error"])
/** With which severity people know it, if with another one than it has: what began with one is the same until its end. */
export const firstSeverityOf = ({
  told,
  severity,
}: Partial<Pick<StoredAlert, "told">> & Pick<StoredAlert, "severity">): Severity | undefined => {
  if (told === undefined || told.state === "resolved") return undefined
  const { first = told.severity } = told
  return first === severity ? undefined : first
}

/** Not resolved. */
export const isLive = ({ state }: { readonly state: string }): boolean => liveStates.has(state)
/** People are to know of it. */
export const isActive = ({ state }: { readonly state: string }): boolean =>
  state !== "pending" && liveStates.has(state)

export const Group = Schema.Struct({
  key: Schema.String,
  labels: Schema.Record(Schema.String, Schema.String),
  /** Fingerprints. */
  members: Schema.Array(Schema.String),
  /** When people were told of it last, and when they are to be told what is new. */
  toldAt: Schema.optionalKey(Schema.Finite),
  newsAt: Schema.optionalKey(Schema.Finite),
  /** When something is to be done for it; nothing is when absent. */
  dueAt: Schema.optionalKey(Schema.Finite),
})
export type Group = typeof Group.Type

const Bucket = Schema.Struct({
  groups: Schema.Record(Schema.String, Group),
  /** The earliest of its groups. */
  dueAt: Schema.optionalKey(Schema.Finite),
})

/** Of a rule without states, with what is to be done. */
export const Match = Schema.Struct({ alert: AlertRecord, actions: Schema.Array(KeptAction) })
export type Match = typeof Match.Type

/** What the history of an alert consists of; also what was done to the desk itself, which has no fingerprint. */
export const HistoryEntry = Schema.Struct({
  /** 1, 2, 3 … within the desk; set by the fold. */
  number: Schema.Int,
  fingerprint: Schema.String,
  rule: Schema.String,
  name: Schema.String,
  /** A state, or what was done. */
  to: Schema.String,
  from: Schema.optionalKey(Schema.String),
  cause: Schema.String,
  severity: Schema.optionalKey(Severity),
  value: Schema.optionalKey(Schema.Finite),
  at: Schema.Finite,
  /** When the desk took it in. */
  takenAt: Schema.Finite,
  by: Schema.optionalKey(Schema.String),
  detail: Schema.optionalKey(Schema.String),
  /** What was said with an acknowledgement. */
  comment: Schema.optionalKey(Schema.String),
  labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
})
export type HistoryEntry = typeof HistoryEntry.Type

const KeptPolicy = Schema.Struct({ version: Schema.Int, policy: AlertPolicy, alerts: Schema.Int })

/** Number of the last transition, and when its input was stored. */
const Seen = Schema.Tuple([Schema.Int, Schema.Finite])
export type Seen = typeof Seen.Type

export const State = Schema.Struct({
  /** Alerts, groups and numbers are in buckets by hash, so that a change copies few of them. */
  alerts: Schema.Array(Schema.Record(Schema.String, StoredAlert)),
  groups: Schema.Array(Bucket),
  seen: Schema.Array(Schema.Record(Schema.String, Seen)),
  /** By rule, those of alerts from elsewhere by their channels; with how many alerts and waiting matches need them. */
  policies: Schema.Record(Schema.String, KeptPolicy),
  live: Schema.Int,
  held: Schema.Int,
  bytes: Schema.Int,
  refused: Schema.Int,
  /** Of rules without states, oldest first. */
  matches: Schema.Array(Match),
  /** Fingerprints of what a person resolved though it still held, with since when; the oldest first. Absent: none. */
  dismissed: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
  /** Rules that began anew, whose alerts from before have not all been ended yet. Absent: none. */
  began: Schema.optionalKey(Schema.Array(RuleBegan)),
  silences: Schema.Record(Schema.String, QuietSilence),
  maintenances: Schema.Record(Schema.String, QuietMaintenance),
  inhibitions: Schema.Record(Schema.String, QuietInhibition),
  /** Counts what was told and done: no two notifications have the same. */
  tellings: Schema.Int,
  revision: Schema.Int,
  /** Up to which revision the database has the alerts. */
  indexed: Schema.Int,
  /** Entries that the database does not have yet, oldest first. */
  history: Schema.Array(HistoryEntry),
  historyNumber: Schema.Int,
  lost: Schema.Int,
  /** Absent: as it is by default. */
  grouping: Schema.optionalKey(KeptGrouping),
  index: Schema.Struct({ underWay: Schema.Boolean, failures: Schema.Int }),
})
export type State = typeof State.Type

export const bucketCount = 256

const buckets = <A>(empty: A): ReadonlyArray<A> => Array.from({ length: bucketCount }, () => empty)

export const initial = (): State => ({
  alerts: buckets({}),
  groups: buckets({ groups: {} }),
  seen: buckets({}),
  policies: {},
  live: 0,
  held: 0,
  bytes: 0,
  refused: 0,
  matches: [],
  silences: {},
  maintenances: {},
  inhibitions: {},
  tellings: 0,
  revision: 0,
  indexed: 0,
  history: [],
  historyNumber: 0,
  lost: 0,
  index: { underWay: false, failures: 0 },
})

const at = Schema.Finite
const by = Schema.String
const fingerprints = Schema.Array(Schema.String)

export const events = {
  /** Alerts as they are now, with why; numbers of transitions that were taken; matches whose actions are to be done. */
  Changed: {
    policies: Schema.Array(Schema.Struct({ rule: Schema.String, version: Schema.Int, policy: AlertPolicy })),
    alerts: Schema.Array(
      Schema.Struct({
        alert: StoredAlert,
        cause: Schema.String,
        by: Schema.optionalKey(Schema.String),
        /** Nothing for people to read in its history. */
        silent: Schema.optionalKey(Schema.Boolean),
      }),
    ),
    matches: Schema.Array(Match),
    /** What a person resolved though it holds since then; without a time, what was said to be over, or holds anew. */
    dismissed: Schema.optionalKey(
      Schema.Array(Schema.Struct({ fingerprint: Schema.String, since: Schema.optionalKey(Schema.Finite) })),
    ),
    seen: Schema.Array(Schema.Tuple([Schema.String, ...Seen.elements])),
    refused: Schema.Int,
    at,
  },
  /** What inhibits these alerts now. */
  Inhibited: { alerts: Schema.Array(Schema.Struct({ fingerprint: Schema.String, by: Schema.Array(Id) })) },
  /** Of rules that began anew. */
  Began: { began: Schema.Array(RuleBegan) },
  /** Of the first of them, all that they had said before. */
  StaleEnded: { count: Schema.Int },
  /** People were told of the group as it is, but for what is kept quiet. */
  Told: { group: Schema.String, at },
  Acted: { fingerprints },
  /** The oldest of the matches were acted on. */
  MatchesActed: { count: Schema.Int },
  Steadied: { fingerprints, at },
  Left: { fingerprints },
  Postponed: { fingerprints, until: at },
  SilencePut: { silence: Silence, active: Schema.Boolean, by, at },
  SilenceBegun: { id: Id, at },
  SilenceEnded: { id: Id, by: Schema.optionalKey(Schema.String), at },
  /** `window` absent: it does not come again. */
  MaintenancePut: {
    maintenance: Maintenance,
    window: Schema.optionalKey(MaintenanceWindow),
    active: Schema.Boolean,
    by,
    at,
  },
  MaintenanceTurned: { id: Id, window: MaintenanceWindow, active: Schema.Boolean, at },
  MaintenanceEnded: { id: Id, by: Schema.optionalKey(Schema.String), at },
  InhibitionPut: { inhibition: Inhibition, by, at },
  InhibitionRemoved: { id: Id, by, at },
  GroupingPut: { grouping: Grouping, by, at },
  IndexBegun: {},
  /** The database has alerts up to this revision and the history up to this number. */
  Indexed: { revision: Schema.Int, history: Schema.Int },
  IndexFailed: {},
}
export type Event = Tagged<typeof events>
