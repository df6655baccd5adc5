/** Threshold rules over metrics, the alerts they raise, and the index that says which rules want which metric. */
import * as Schema from "effect/Schema"
import { Severity } from "./cep/rule-document.ts"
import { batchSamplesMax, Labels, Sample } from "./metric.ts"
import { Problem } from "./ops-plan.ts"
import { command, protocol } from "./protocol.ts"
import { Id, Time, textOf } from "./text.ts"

export const Operator = Schema.Literals([">", ">=", "<", "<="])

/** Loose on purpose: the rule's actor says what is wrong with it, field by field. */
export const Rule = Schema.Struct({
  name: textOf(200),
  metric: textOf(200),
  /** Samples must have these labels. */
  where: Schema.optionalKey(Labels),
  /** One state per combination of these labels' values. */
  group_by: Schema.Array(textOf(64)),
  operator: Operator,
  threshold: Schema.Finite,
  /** A firing group stays so until the value is back at or beyond this level; the threshold when absent. */
  clear: Schema.optionalKey(Schema.Finite),
  /** How long the condition must hold, by the samples' own time, before an alert is raised. */
  for_ms: Schema.Finite,
  severity: Severity,
  /** The agent that is told of alerts. */
  notify: textOf(128),
  enabled: Schema.Boolean,
})
export type Rule = typeof Rule.Type

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

export const GroupState = Schema.Struct({
  group: Labels,
  status: Schema.Literals(["inactive", "pending", "firing"]),
  /** Of the pending or firing breach. */
  since: Schema.optionalKey(Time),
  value: Schema.Finite,
  at: Time,
})
export type GroupState = typeof GroupState.Type

export const RuleView = Schema.Struct({
  rule: Id,
  definition: Rule,
  groups: Schema.Array(GroupState),
  /** Samples that were compared, and those for which the condition held. */
  evaluations: Schema.Int,
  matches: Schema.Int,
  /** Samples older than one already seen of their group, or of a group beyond the bound: not compared. */
  ignored: Schema.Int,
})
export type RuleView = typeof RuleView.Type

export const CepRuleProtocol = protocol({
  kind: "cep-rule",
  version: 1,
  commands: {
    /** Creates or replaces; the same definition again changes nothing. */
    Define: command({ rule: Rule }, Schema.Struct({ rule: Id, changed: Schema.Boolean })),
    Observe: command({ samples: Schema.Array(Sample).check(Schema.isMaxLength(batchSamplesMax)) }),
    Enable: command({}),
    /** Resolves what is firing. */
    Disable: command({}),
    Read: command({}, RuleView),
  },
  rejections: {
    RuleUnknown: {},
    BadRule: { problems: Schema.Array(Problem) },
  },
})

/** Topic of the live feed of a tenant's alerts; its bodies are `{ alert: Alert }`. */
export const alertTopic = (tenant: string): string => `alerts.${tenant}`
export const AlertFeed = Schema.Struct({ alert: Alert })
export type AlertFeed = typeof AlertFeed.Type

/** The key of a tenant's one rule index. */
export const ruleIndexKey = "default"

export const RuleIndexView = Schema.Struct({
  /** Grows with every change. The rules are those that are enabled. */
  version: Schema.Int,
  rules: Schema.Array(Schema.Struct({ rule: Id, metric: Schema.String })),
})
export type RuleIndexView = typeof RuleIndexView.Type

export const RuleIndexProtocol = protocol({
  kind: "rule-index",
  version: 1,
  commands: {
    Enrolled: command({ rule: Id, metric: Schema.String }),
    Withdrawn: command({ rule: Id }),
    Read: command({}, RuleIndexView),
  },
})

/** Topic that says that a tenant's rule index changed; its bodies are `{ version }`. */
export const ruleIndexTopic = (tenant: string): string => `rule-index.${tenant}`
