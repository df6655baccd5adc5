/**
 * A rule as its author writes it, in JSON or YAML. Each version of it is kept. What cannot be said by a schema (types
 * of conditions, windows that fit together, cycles) is checked when it is saved, and answered field by field.
 */
import * as Schema from "effect/Schema"
import { LabelName, Labels, MetricName } from "../metric.ts"
import { countOf, Id, nameOf, storableTextOf, textOf } from "../text.ts"
import { DurationText } from "./duration.ts"
import { EventType } from "./event.ts"

export const Severity = Schema.Literals(["info", "warning", "critical"])
export type Severity = typeof Severity.Type

/** A condition in the Common Expression Language. Source: https://github.com/google/cel-spec */
export const Expression = textOf(2_000).check(Schema.isMinLength(1))

/** A word that conditions can use: of an aggregate, of a stage of a pattern. */
export const Word = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_]{0,31}$/u))

export const aggregatesMax = 16
export const groupByMax = 8
export const stagesMax = 32
export const actionsMax = 16
export const levelsMax = 4

/** How samples are fetched for a rule, instead of waiting for somebody to send them. */
export const Poll = Schema.Struct({
  url: textOf(2_000),
  every: DurationText,
  timeout: Schema.optionalKey(DurationText),
  headers: Schema.optionalKey(Schema.Record(textOf(128), textOf(2_000))),
  /** `json`: the number under `path`, a JSON path (RFC 9535). `prometheus`: all samples of the text exposition format. */
  format: Schema.Literals(["json", "prometheus"]),
  path: Schema.optionalKey(textOf(500)),
  /** Added to every sample that is fetched. */
  labels: Schema.optionalKey(Labels),
})
export type Poll = typeof Poll.Type

export const MetricTrigger = Schema.Struct({
  type: Schema.Literal("metric"),
  metric: MetricName,
  /** Samples must have these labels. */
  where: Schema.optionalKey(Labels),
  poll: Schema.optionalKey(Poll),
})
export const EventTrigger = Schema.Struct({
  type: Schema.Literal("event"),
  event: EventType,
  /** Events must have these attributes. */
  where: Schema.optionalKey(Labels),
})
export const ScheduleTrigger = Schema.Struct({
  type: Schema.Literal("schedule"),
  /** Five fields; follows the daylight saving of `time_zone`. Either this or `every`. */
  cron: Schema.optionalKey(textOf(200)),
  every: Schema.optionalKey(DurationText),
  /** An IANA name; UTC when absent. */
  time_zone: Schema.optionalKey(textOf(64)),
  /** Of runs that were due while nothing ran: leave them out (default), make up for all by one, or make up for each. */
  missed: Schema.optionalKey(Schema.Literals(["skip", "once", "all"])),
})
export const Trigger = Schema.Union([MetricTrigger, EventTrigger, ScheduleTrigger])
export type Trigger = typeof Trigger.Type

export const Window = Schema.Union([
  Schema.Struct({ type: Schema.Literal("tumbling"), size: DurationText }),
  Schema.Struct({ type: Schema.Literal("hopping"), size: DurationText, slide: DurationText }),
  /** The last `size` as of each sample. */
  Schema.Struct({ type: Schema.Literal("sliding"), size: DurationText }),
  /** Ends when nothing came for `gap`. */
  Schema.Struct({
    type: Schema.Literal("session"),
    gap: DurationText,
    size: Schema.optionalKey(DurationText),
  }),
  /** The last `count` samples, result every `slide` samples (every sample when absent). */
  Schema.Struct({
    type: Schema.Literal("count"),
    count: countOf(1, 100_000),
    slide: Schema.optionalKey(countOf(1, 100_000)),
  }),
])
export type Window = typeof Window.Type

export const AggregateFunction = Schema.Literals([
  "count",
  "sum",
  "avg",
  "min",
  "max",
  "stddev",
  "percentile",
  "rate",
  "delta",
  "distinct",
  "first",
  "last",
])
export type AggregateFunction = typeof AggregateFunction.Type

export const Aggregate = Schema.Struct({
  function: AggregateFunction,
  window: Window,
  /** Whose samples; the trigger's when absent. */
  metric: Schema.optionalKey(MetricName),
  event: Schema.optionalKey(EventType),
  where: Schema.optionalKey(Labels),
  /** Of events: the attribute that is aggregated (`distinct` and `count` take any, the others numbers). Of samples:
   * with `distinct`, the label whose values are counted. */
  field: Schema.optionalKey(textOf(64)),
  /** Of `percentile`: above 0 and below 100. */
  percentile: Schema.optionalKey(Schema.Finite),
})
export type Aggregate = typeof Aggregate.Type

/** What a stage of a pattern looks at: samples of a metric, or events of a type. */
const stageInput = {
  metric: Schema.optionalKey(MetricName),
  event: Schema.optionalKey(EventType),
  where: Schema.optionalKey(Labels),
  /** Over `value`, `labels`, `event`, `at`, and `matched.<stage>` for what earlier stages matched. */
  condition: Schema.optionalKey(Expression),
} as const

/** Names and meaning of Flink's pattern API. Source: https://nightlies.apache.org/flink/flink-docs-stable/docs/libs/cep/ */
const stageShape = {
  name: Word,
  /** How it follows the stage before it: `next` (strict), `followed_by` (relaxed, default), `followed_by_any`. */
  contiguity: Schema.optionalKey(Schema.Literals(["next", "followed_by", "followed_by_any"])),
  /** `not: true`: must not come. At the end of a pattern it needs the pattern's `within`. */
  not: Schema.optionalKey(Schema.Boolean),
  /** At least and at most so often; `max` absent: no end. Once when both are absent. */
  times: Schema.optionalKey(
    Schema.Struct({ min: countOf(0, 1_000), max: Schema.optionalKey(countOf(1, 1_000)) }),
  ),
  optional: Schema.optionalKey(Schema.Boolean),
  greedy: Schema.optionalKey(Schema.Boolean),
  /** Between repetitions of this stage: relaxed by default. */
  repetition: Schema.optionalKey(Schema.Literals(["consecutive", "relaxed", "allow_combinations"])),
  /** Ends an open repetition. */
  until: Schema.optionalKey(Expression),
} as const

/** One input of a pattern. */
const SingleStage = Schema.Struct({ ...stageShape, ...stageInput })
const NamedInput = Schema.Struct({ name: Word, ...stageInput })

/** One input, or one of: any of several (logical or), all of several in any order (logical and), a sequence as one stage. */
export const PatternStage = Schema.Struct({
  ...SingleStage.fields,
  any_of: Schema.optionalKey(Schema.Array(NamedInput).check(Schema.isMaxLength(8))),
  all_of: Schema.optionalKey(Schema.Array(NamedInput).check(Schema.isMaxLength(5))),
  group: Schema.optionalKey(Schema.Array(SingleStage).check(Schema.isMaxLength(8))),
})
export type PatternStage = typeof PatternStage.Type

export const SkipStrategy = Schema.Union([
  Schema.Struct({ type: Schema.Literals(["no_skip", "skip_to_next", "skip_past_last_event"]) }),
  Schema.Struct({ type: Schema.Literals(["skip_to_first", "skip_to_last"]), stage: Word }),
])
export type SkipStrategy = typeof SkipStrategy.Type

export const PatternDocument = Schema.Struct({
  stages: Schema.Array(PatternStage).check(Schema.isMinLength(1), Schema.isMaxLength(stagesMax)),
  /** From the first to the last input of a match; 10 minutes when absent. */
  within: Schema.optionalKey(DurationText),
  after_match: Schema.optionalKey(SkipStrategy),
})
export type PatternDocument = typeof PatternDocument.Type

export const MissingData = Schema.Struct({
  /** Since the last sample of a group. */
  after: DurationText,
  state: Schema.Literals(["no_data", "firing", "resolved", "keep"]),
})

export const Timing = Schema.Struct({
  /** How far behind the newest sample of its group a sample may come and still be in order; 0 when absent. */
  out_of_orderness: Schema.optionalKey(DurationText),
  /** How long after its window's end a sample still changes its result; 0 when absent. */
  allowed_lateness: Schema.optionalKey(DurationText),
  /** What becomes of later ones: counted and dropped (default), or published as an event `millrace.late`. */
  late: Schema.optionalKey(Schema.Literals(["drop", "publish"])),
})

const moments = Schema.optionalKey(
  Schema.Array(Schema.Literals(["firing", "resolved", "no_data", "error", "severity"])).check(
    Schema.isMaxLength(5),
  ),
)
/** Texts may hold `{{ expression }}`. */
const template = storableTextOf(8_000)

export const Action = Schema.Union([
  Schema.Struct({ type: Schema.Literal("notify"), channel: Id, on: moments }),
  Schema.Struct({
    type: Schema.Literal("call_api"),
    api: textOf(2_000),
    method: Schema.optionalKey(Schema.Literals(["GET", "POST", "PUT", "PATCH", "DELETE"])),
    body: Schema.optionalKey(template),
    on: moments,
  }),
  Schema.Struct({ type: Schema.Literal("ask_ops"), question: template, on: moments }),
  Schema.Struct({ type: Schema.Literal("execute_agent"), agent: Id, message: template, on: moments }),
  Schema.Struct({
    type: Schema.Literal("publish_event"),
    event: EventType,
    attributes: Schema.optionalKey(Schema.Record(textOf(64), textOf(2_000))),
    on: moments,
  }),
])
export type Action = typeof Action.Type

export const RuleDocument = Schema.Struct({
  name: nameOf(200),
  description: Schema.optionalKey(storableTextOf(4_000)),
  /** `alert` (default of metrics and patterns): has states and is resolved. `trigger` (default of schedules): each match acts once. */
  mode: Schema.optionalKey(Schema.Literals(["alert", "trigger"])),
  trigger: Trigger,
  /** Over `value`, `labels`, `at`, `event`: what does not fulfil it is not seen by this rule. */
  filter: Schema.optionalKey(Expression),
  /** One state per combination of these labels' or attributes' values. */
  group_by: Schema.optionalKey(Schema.Array(LabelName).check(Schema.isMaxLength(groupByMax))),
  /** By the name under which conditions use them. */
  aggregates: Schema.optionalKey(Schema.Record(Word, Aggregate)),
  pattern: Schema.optionalKey(PatternDocument),
  /** Over `value`, `previous`, `labels`, `at`, `event`, the aggregates, and `matched` after a pattern. True when absent. */
  condition: Schema.optionalKey(Expression),
  /** How long the condition must hold by event time before it fires; 0 when absent. */
  for: Schema.optionalKey(DurationText),
  /** Resolves what fires; `!condition` when absent. */
  clear: Schema.optionalKey(Expression),
  /** Goes on firing for so long after the condition ended. Of patterns: how long a match fires; 5 minutes when absent. */
  keep_firing_for: Schema.optionalKey(DurationText),
  /** After resolving, the same group does not fire again for so long. */
  cooldown: Schema.optionalKey(DurationText),
  /** Said again while it fires; never when absent. */
  repeat: Schema.optionalKey(DurationText),
  missing_data: Schema.optionalKey(MissingData),
  /** When a condition cannot be evaluated: the alert's state is `error` (default), stays as it is, or fires. */
  on_error: Schema.optionalKey(Schema.Literals(["error", "keep", "firing"])),
  timing: Schema.optionalKey(Timing),
  severity: Schema.optionalKey(Severity),
  /** The severest whose condition holds while the rule fires; else `severity`. */
  levels: Schema.optionalKey(
    Schema.Array(Schema.Struct({ severity: Severity, condition: Expression })).check(
      Schema.isMaxLength(levelsMax),
    ),
  ),
  actions: Schema.optionalKey(Schema.Array(Action).check(Schema.isMaxLength(actionsMax))),
  /** Alerts that agree in these labels are told of in one notification; rule and its groups when absent. */
  notify_group_by: Schema.optionalKey(Schema.Array(LabelName).check(Schema.isMaxLength(groupByMax))),
  /** Added to the labels of its alerts. */
  labels: Schema.optionalKey(Labels),
  /** Texts for people; may hold `{{ expression }}`. */
  annotations: Schema.optionalKey(Schema.Record(textOf(64), template)),
  owner: Schema.optionalKey(textOf(128)),
  enabled: Schema.optionalKey(Schema.Boolean),
}).annotate({ identifier: "RuleDocument" })
export type RuleDocument = typeof RuleDocument.Type
