/** Rules of the development tenant from the command line: listed, applied from files, watched, tried on the past, explained. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AnswerOf, cepInsightEndpoints, cepRuleEndpoints } from "../schemas/index.ts"
import { renderTable } from "./render.ts"
import {
  area,
  ask,
  askWithFile,
  file,
  json,
  path,
  print,
  ruleId,
  textOf,
  warningLine,
} from "./rules-asking.ts"
import { compare, disable, enable, remove, restore, versions } from "./rules-change.ts"
import { backtest, explain, test } from "./rules-past.ts"

type Listed = AnswerOf<typeof cepRuleEndpoints.list>
type Saved = AnswerOf<typeof cepRuleEndpoints.replace>
type Monitored = AnswerOf<typeof cepInsightEndpoints.monitorAll>
type OneRun = AnswerOf<typeof cepInsightEndpoints.monitor>
type Run = Monitored["rules"][number]

const lineOf = ({ rule_id, version, document }: Listed["rules"][number]): string =>
  `${rule_id}\tv${version}\t${document.enabled === false ? "disabled" : "enabled"}\t${document.name}`

const list = Command.make(
  "list",
  { json, search: Flag.String("search").pipe(Flag.optional) },
  Effect.fnUntraced(function* (input) {
    const search = Option.match(input.search, {
      onNone: () => "",
      onSome: (text) => `&search=${encodeURIComponent(text)}`,
    })
    const found = yield* ask<Listed>("GET", `${area}?limit=100${search}`)
    yield* print(input.json, found, ({ rules, total }) =>
      [...rules.map(lineOf), ...(total > rules.length ? [`… and ${total - rules.length} more`] : [])].join(
        "\n",
      ),
    )
  }),
).pipe(Command.withDescription("List rules, by name"))

const apply = Command.make(
  "apply",
  { rule: ruleId, file, json },
  Effect.fnUntraced(function* (input) {
    const body = yield* textOf(input.file)
    const rule = yield* askWithFile<Saved>("PUT", path(input.rule), "application/yaml", body)
    yield* print(input.json, rule, ({ rule_id, version, live, warnings }) =>
      [
        `${rule_id} is in version ${version}${live === undefined ? ", on its way into its lane" : ` since ${live.since}`}`,
        ...warnings.map(warningLine),
      ].join("\n"),
    )
  }),
).pipe(Command.withDescription("Make or replace a rule; JSON is YAML too"))

const runLine = ({ rule_id, status, figures, lag_messages, latency_ms, micros_per_item }: Run) => {
  const ms = (value: number | undefined) => (value === undefined ? "-" : `${value.toFixed(1)} ms`)
  return [
    rule_id,
    status,
    String(lag_messages ?? "-"),
    [latency_ms?.p50, latency_ms?.p99, latency_ms?.max].map(ms).join(" / "),
    micros_per_item === undefined ? "-" : `${micros_per_item.toFixed(1)} µs`,
    String(figures?.evaluations ?? "-"),
    String(figures?.matches ?? "-"),
    String(figures?.errors ?? "-"),
    String(figures?.groups ?? "-"),
    String(figures?.state_bytes ?? "-"),
    figures?.last_error === undefined ? "-" : `${figures.last_error.at} ${figures.last_error.detail}`,
  ]
}
const runColumns = [
  "rule",
  "status",
  "lag",
  "latency p50 / p99 / max",
  "per item",
  "evaluations",
  "matches",
  "errors",
  "groups",
  "state bytes",
  "last error",
]

const renderRuns = ({ rules: all, total }: Monitored): string =>
  [
    renderTable(runColumns, all.map(runLine)),
    ...(total > all.length ? [`… and ${total - all.length} more`] : []),
  ].join("\n")

const groupLine = ({ labels, state, since, value, values }: OneRun["groups"][number]) => [
  JSON.stringify(labels),
  state,
  since,
  value === undefined ? "-" : String(value),
  JSON.stringify(values),
]

const renderRun = (run: OneRun): string =>
  [
    renderTable(runColumns, [runLine(run)]),
    renderTable(["group", "state", "since", "value", "values"], run.groups.map(groupLine)),
    ...(run.groups_left_out > 0 ? [`… and ${run.groups_left_out} more groups`] : []),
  ].join("\n")

const monitor = Command.make(
  "monitor",
  { rule: Argument.String("rule").pipe(Argument.optional), json },
  Effect.fnUntraced(function* (input) {
    if (Option.isSome(input.rule))
      yield* print(input.json, yield* ask<OneRun>("GET", path(input.rule.value, "/monitor")), renderRun)
    else yield* print(input.json, yield* ask<Monitored>("GET", "/api/cep/monitor?limit=100"), renderRuns)
  }),
).pipe(
  Command.withDescription(
    "Show how rules run, or one with its groups; latency and time per item are those of their lanes",
  ),
)

export const rules = Command.make("rules").pipe(
  Command.withDescription("Rules over metrics and events"),
  Command.withSubcommands([
    list,
    apply,
    compare,
    enable,
    disable,
    remove,
    versions,
    restore,
    monitor,
    test,
    backtest,
    explain,
  ]),
)
