/** What the evaluation of a rule says of one of its groups. Its id follows from the input alone: the same input again says the same. */
import * as Schema from "effect/Schema"
import { Labels } from "../metric.ts"
import { Time } from "../text.ts"
import { Action, Severity } from "./rule-document.ts"

export const AlertState = Schema.Literals(["inactive", "pending", "firing", "resolved", "no_data", "error"])
export type AlertState = typeof AlertState.Type

/** What an alert carries so that whoever tells people needs to ask nobody. */
export const AlertPolicy = Schema.Struct({
  name: Schema.String,
  actions: Schema.Array(Action),
  annotations: Schema.Record(Schema.String, Schema.String),
  /** What the rule asks, for people to read; those of its levels before it. */
  condition: Schema.optionalKey(Schema.String),
  levels: Schema.optionalKey(Schema.Array(Schema.Struct({ severity: Severity, condition: Schema.String }))),
  /** Names of the labels that make its notification group. */
  groupBy: Schema.optionalKey(Schema.Array(Schema.String)),
  repeatMs: Schema.optionalKey(Schema.Finite),
  owner: Schema.optionalKey(Schema.String),
})
export type AlertPolicy = typeof AlertPolicy.Type

export const Transition = Schema.Struct({
  /** `<rule>/<fingerprint>/<number>`. */
  id: Schema.String,
  rule: Schema.String,
  version: Schema.Int,
  /** Names the alert: of its rule and its group, whatever its severity. 16 hexadecimal digits. */
  fingerprint: Schema.String,
  /** Grows with each transition of this alert, not by one. Whoever has seen a number ignores it and what is below it. */
  number: Schema.Int,
  /** Who says it. A rule that moves is in another lane, and what its old one still has to say may come later. */
  lane: Schema.optionalKey(Schema.Int),
  to: AlertState,
  /** `severity`: fires as before, more or less severe. `matched`: of a rule in mode `trigger`, which has no states. */
  cause: Schema.Literals(["condition", "severity", "missing_data", "error", "rule_changed", "matched"]),
  severity: Severity,
  /** The group's labels and the rule's own. */
  labels: Labels,
  /** The sample's value, and each aggregate's, where there is one. */
  value: Schema.optionalKey(Schema.Finite),
  values: Schema.Record(Schema.String, Schema.Finite),
  /** Of a pattern: the inputs of each stage, shortened. */
  matched: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Schema.Unknown))),
  /** Event time: since when it is pending or firing, and of this transition. */
  since: Time,
  at: Time,
  /** When the deciding input was stored: the end of the way from publishing to alerting begins there. */
  storedAt: Time,
  detail: Schema.optionalKey(Schema.String),
  policy: AlertPolicy,
})
export type Transition = typeof Transition.Type

/** A rule began anew: what it said with smaller numbers than this holds no more, unless it was said again. */
export const RuleBegan = Schema.Struct({ rule: Schema.String, number: Schema.Int, storedAt: Time })
export type RuleBegan = typeof RuleBegan.Type
