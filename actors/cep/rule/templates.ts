/** Rules for what people watch for most, to begin with: each makes a whole document of a few parameters. */
import type { RuleDocument } from "../../../schemas/index.ts"

export interface TemplateParameter {
  readonly name: string
  readonly type: "text" | "number" | "duration"
  readonly default: string | number
  readonly description: string
}

export type TemplateValues = Readonly<Record<string, string | number>>

export interface RuleTemplate {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly parameters: ReadonlyArray<TemplateParameter>
  /** Of what is not among the values, the default is taken. */
  readonly make: (values: TemplateValues) => RuleDocument
}

const text = (name: string, otherwise: string, description: string): TemplateParameter => ({
  name,
  type: "text",
  default: otherwise,
  description,
})
const number = (name: string, otherwise: number, description: string): TemplateParameter => ({
  name,
  type: "number",
  default: otherwise,
  description,
})
const duration = (name: string, otherwise: string, description: string): TemplateParameter => ({
  name,
  type: "duration",
  default: otherwise,
  description,
})

const metric = text("metric", "host_cpu_usage_percent", "Name of the metric")
const groupBy = text(
  "group_by",
  "host",
  "Labels of which each combination is watched by itself, separated by commas; empty for none",
)
const severity = text("severity", "warning", "info, warning or critical")
const holds = (otherwise: string) =>
  duration("for", otherwise, "How long it must be so before the alert fires")

/** Values of a template's parameters, by the type in which the document needs them. */
interface Values {
  readonly text: (name: string) => string
  readonly number: (name: string) => number
}

const common = (values: Values) => {
  const names = values
    .text("group_by")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
  return {
    trigger: { type: "metric", metric: values.text("metric") },
    ...(names.length === 0 ? {} : { group_by: names }),
    severity: values.text("severity") as RuleDocument["severity"] & string,
  } as const
}

const define = (
  id: string,
  title: string,
  description: string,
  parameters: ReadonlyArray<TemplateParameter>,
  make: (values: Values) => RuleDocument,
): RuleTemplate => ({
  id,
  title,
  description,
  parameters,
  make: (given) => {
    const valueOf = (name: string) =>
      given[name] ?? parameters.find((parameter) => parameter.name === name)?.default ?? ""
    return make({ text: (name) => String(valueOf(name)), number: (name) => Number(valueOf(name)) })
  },
})

const staticThreshold = define(
  "static-threshold",
  "Static threshold",
  "Fires while a value is above a fixed level, and resolves only when it has fallen below a second, lower one.",
  [
    metric,
    groupBy,
    severity,
    holds("2m"),
    number("threshold", 90, "Fires above it"),
    number("clear", 80, "Resolves at or below it"),
  ],
  (values) => ({
    name: `${values.text("metric")} above ${values.number("threshold")}`,
    ...common(values),
    condition: `value > ${values.number("threshold")}`,
    clear: `value <= ${values.number("clear")}`,
    for: values.text("for"),
    annotations: {
      summary: `${values.text("metric")} is {{ round(value, 2) }}, above ${values.number("threshold")}`,
    },
  }),
)

const deviation = define(
  "deviation",
  "Deviation from a moving mean",
  "Fires when a value is further from the mean of the last window than a number of its standard deviations.",
  [
    metric,
    groupBy,
    severity,
    holds("0"),
    duration("window", "1h", "Over which mean and deviation are taken"),
    number("deviations", 4, "Standard deviations that are still usual"),
    number("samples", 30, "Samples that the window must have before it says anything"),
    number(
      "least",
      0,
      "Deviations below this much are never told of: of values that hardly move every change is large",
    ),
  ],
  (values) => {
    const window = { type: "sliding", size: values.text("window") } as const
    return {
      name: `${values.text("metric")} deviates from its mean`,
      ...common(values),
      aggregates: {
        mean: { function: "avg", window },
        deviation: { function: "stddev", window },
        samples: { function: "count", window },
      },
      condition: `samples >= ${values.number("samples")} && abs(value - mean) > max(${values.number("deviations")} * deviation, ${values.number("least")})`,
      for: values.text("for"),
      annotations: {
        summary: `${values.text("metric")} is {{ round(value, 2) }}; usual is {{ round(mean, 2) }} ± {{ round(deviation, 2) }}`,
      },
    }
  },
)

const rateOfChange = define(
  "rate-of-change",
  "Rate of change",
  "Fires when a value rises or falls within a window by more than is allowed.",
  [
    metric,
    groupBy,
    severity,
    holds("0"),
    duration("window", "5m", "Over which the change is taken"),
    number("change", 30, "Change over the window, up or down, that is still usual"),
  ],
  (values) => ({
    name: `${values.text("metric")} changes fast`,
    ...common(values),
    aggregates: { change: { function: "delta", window: { type: "sliding", size: values.text("window") } } },
    condition: `abs(change) > ${values.number("change")}`,
    for: values.text("for"),
    annotations: {
      summary: `${values.text("metric")} changed by {{ round(change, 2) }} within ${values.text("window")}, to {{ round(value, 2) }}`,
    },
  }),
)

const flatLine = define(
  "flat-line",
  "Flat line",
  "Fires when a value that usually moves does not: a sensor or an exporter that hangs.",
  [
    metric,
    groupBy,
    severity,
    duration("window", "30m", "How long it may stand still"),
    number("range", 0, "Largest less smallest value that still counts as standing still"),
    number("samples", 5, "Samples that the window must have: nearly as many as come in its time"),
  ],
  (values) => {
    const window = { type: "sliding", size: values.text("window") } as const
    return {
      name: `${values.text("metric")} stands still`,
      ...common(values),
      aggregates: {
        least: { function: "min", window },
        most: { function: "max", window },
        samples: { function: "count", window },
      },
      condition: `samples >= ${values.number("samples")} && most - least <= ${values.number("range")}`,
      annotations: { summary: `${values.text("metric")} stands at {{ round(value, 2) }}` },
    }
  },
)

const absence = define(
  "absence",
  "Absence",
  "Fires when a group that had samples has none any more.",
  [metric, groupBy, severity, duration("after", "5m", "How long nothing may come")],
  (values) => ({
    name: `${values.text("metric")} is absent`,
    ...common(values),
    condition: "false",
    missing_data: { after: values.text("after"), state: "firing" },
    annotations: { summary: `${values.text("metric")} has not come for ${values.text("after")}` },
  }),
)

/**
 * The budget of 30 days is burnt `factor` times too fast: over the long window, so that it matters, and over the short
 * one, so that it still goes on. Source: https://sre.google/workbook/alerting-on-slos/ (multiwindow, multi-burn-rate)
 *
 * No sample of errors is no error: a sum over an empty window is 0. A rate over one has no value, and a condition without
 * a value resolves nothing; so counters have to be seen as well.
 */
const errorBudget = define(
  "error-budget-burn",
  "Error budget burn",
  "Fires when errors use up the error budget of an objective many times too fast, over an hour and over the last five minutes.",
  [
    {
      ...metric,
      default: "http_requests",
      description: "Counts requests",
    },
    { ...groupBy, default: "service" },
    { ...severity, default: "critical" },
    text(
      "errors",
      "http_errors",
      "Counts failed requests, with the same labels; while no sample of it comes, none fails",
    ),
    text(
      "samples",
      "increase",
      "What a sample of both is: increase, how many came since the last one, or total, a counter as in Prometheus",
    ),
    number("objective", 99.9, "Per cent of requests that must succeed"),
    number("factor", 14.4, "How many times too fast: 14.4 uses up 2 % of 30 days within an hour"),
    duration("long", "1h", "Over which it must be so"),
    duration("short", "5m", "And over the last of it"),
  ],
  (values) => {
    const errors = values.text("errors")
    const long = { type: "sliding", size: values.text("long") } as const
    const short = { type: "sliding", size: values.text("short") } as const
    const isTotal = values.text("samples") === "total"
    const amount = { function: isTotal ? "rate" : "sum" } as const
    const allowed = values.number("factor") * (1 - values.number("objective") / 100)
    const rate = Number(allowed.toPrecision(6))
    return {
      name: `${values.text("metric")} burns its error budget`,
      ...common(values),
      aggregates: {
        errors_long: { ...amount, metric: errors, window: long },
        total_long: { ...amount, window: long },
        errors_short: { ...amount, metric: errors, window: short },
        total_short: { ...amount, window: short },
        ...(isTotal ? { errors_seen: { function: "count", metric: errors, window: short } as const } : {}),
      },
      condition: `${isTotal ? "errors_seen > 0 && " : ""}errors_long / total_long > ${rate} && errors_short / total_short > ${rate}`,
      annotations: {
        summary: `{{ round(100 * errors_short / total_short, 2) }} % of requests fail; ${values.number("objective")} % must succeed`,
      },
    }
  },
)

export const ruleTemplates: ReadonlyArray<RuleTemplate> = [
  staticThreshold,
  deviation,
  rateOfChange,
  flatLine,
  absence,
  errorBudget,
]
