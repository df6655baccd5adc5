/** The actor of one rule: its document in all its versions, whether it runs, and what agents are told of alerts. */
import * as Schema from "effect/Schema"
import { RuleDocument, Severity } from "./cep/rule-document.ts"
import { Labels } from "./metric.ts"
import { Problem } from "./ops-plan.ts"
import { command, protocol } from "./protocol.ts"
import { Id, Time, textOf } from "./text.ts"

/** An alert as agents are told of it. */
export const Alert = Schema.Struct({
  /** Unique per raised alert; the same when it is resolved. */
  id: Schema.String,
  rule: Id,
  name: Schema.String,
  severity: Severity,
  status: Schema.Literals(["raised", "resolved"]),
  metric: Schema.String,
  /** The group's labels. */
  group: Labels,
  value: Schema.Finite,
  threshold: Schema.Finite,
  /** When the condition began to hold, and when this was decided; both by the samples' time. */
  since: Time,
  at: Time,
})
export type Alert = typeof Alert.Type

/** Versions of a rule that are kept: the newest. */
export const ruleVersionsMax = 50

/** Where in which lane a change of a rule stands: from there on it decides. */
export const RulePlace = Schema.Struct({ lane: Schema.Int, sequence: Schema.Int, at: Time })
export type RulePlace = typeof RulePlace.Type

export const RuleRuns = Schema.Struct({
  /** When it is due next. */
  nextAt: Schema.optionalKey(Time),
  /** Of the last run that is in the rule's lane. */
  lastAt: Schema.optionalKey(Time),
  /** Runs that were due and are not in the lane yet. */
  waiting: Schema.Int,
  /** Runs that were due while nothing ran, and were left out by the rule's policy or for want of room. */
  missed: Schema.Int,
})
export type RuleRuns = typeof RuleRuns.Type

export const RuleView = Schema.Struct({
  rule: Id,
  /** Counts documents. */
  version: Schema.Int,
  /** Counts changes: a new document, enabling, disabling, removal. What an edit says it is based on. */
  number: Schema.Int,
  document: RuleDocument,
  createdAt: Time,
  updatedAt: Time,
  updatedBy: Schema.optionalKey(Schema.String),
  /** Of the newest change; absent while it is on its way into the lane, and of a rule that never ran. */
  live: Schema.optionalKey(RulePlace),
  /** Of a schedule. */
  runs: Schema.optionalKey(RuleRuns),
})
export type RuleView = typeof RuleView.Type

export const RuleVersion = Schema.Struct({
  version: Schema.Int,
  at: Time,
  by: Schema.optionalKey(Schema.String),
  /** The version that was restored as this one. */
  restored: Schema.optionalKey(Schema.Int),
  document: RuleDocument,
})
export type RuleVersion = typeof RuleVersion.Type

/** The change number that the caller has seen; 0: there must be no such rule. */
const expected = Schema.optionalKey(Schema.Int)
const Changed = Schema.Struct({ changed: Schema.Boolean, view: RuleView })

export const CepRuleProtocol = protocol({
  kind: "cep-rule",
  version: 2,
  commands: {
    /** Creates or replaces; the same document again changes nothing. Its owner is whoever sends this. */
    Define: command({ document: RuleDocument, expected }, Changed),
    Enable: command({ expected }, Changed),
    /** Resolves what is firing. */
    Disable: command({ expected }, Changed),
    /** Its versions stay, so that one can be restored. */
    Remove: command({ expected }, Schema.Struct({ removed: Schema.Boolean })),
    Read: command({}, RuleView),
    /** Its lane lost what it knew: the rule begins anew there. Idempotent by `request`, of which the last is remembered. */
    Enter: command({ request: textOf(64) }),
    /** Newest first; of a removed rule as well. */
    Versions: command({}, Schema.Struct({ versions: Schema.Array(RuleVersion) })),
    /** Makes the document of an older version the newest one. */
    Restore: command({ version: Schema.Int, expected }, Changed),
  },
  rejections: {
    RuleUnknown: {},
    BadRule: { problems: Schema.Array(Problem) },
    RuleConflict: { number: Schema.Int },
    RuleVersionUnknown: {},
  },
})
