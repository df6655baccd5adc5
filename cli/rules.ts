/** Rules of the development tenant from the command line: listed, applied from files, tried on the past, explained. */
import { readFile } from "node:fs/promises"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AnswerOf, cepInsightEndpoints, cepPastEndpoints, cepRuleEndpoints } from "../schemas/index.ts"
import { Failure } from "./failure.ts"
import { askNode } from "./node-http.ts"
import { renderTable } from "./render.ts"

type Listed = AnswerOf<typeof cepRuleEndpoints.list>
type Saved = AnswerOf<typeof cepRuleEndpoints.replace>
type Monitored = AnswerOf<typeof cepInsightEndpoints.monitorAll>
type Run = Monitored["rules"][number]
type Past = AnswerOf<typeof cepPastEndpoints.backtest>
type Explained = AnswerOf<typeof cepPastEndpoints.explain>

const area = "/api/cep/rules"
const path = (rule: string, what = "") => `${area}/${encodeURIComponent(rule)}${what}`

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("print the node's answer"),
  Flag.withDefault(false),
)
const ruleId = Argument.String("rule")
const file = Flag.String("file").pipe(Flag.withAlias("f"), Flag.withDescription("a rule in YAML or JSON"))

const print = <A>(asJson: boolean, value: A, render: (value: A) => string) =>
  Console.log(asJson ? JSON.stringify(value, undefined, 2) : render(value))

const textOf = (name: string) =>
  Effect.tryPromise({
    try: () => readFile(name, "utf8"),
    catch: (cause) => new Failure({ reason: `${name} cannot be read: ${String(cause)}` }),
  })

const ask = <A>(method: string, of: string, body?: unknown) =>
  askNode<A>(
    {
      method,
      path: of,
      ...(body === undefined ? {} : { type: "application/json", body: JSON.stringify(body) }),
    },
    process.env,
  )

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
    const put = { method: "PUT", path: path(input.rule), type: "application/yaml", body }
    const rule = yield* askNode<Saved>(put, process.env)
    yield* print(input.json, rule, ({ rule_id, version, live, warnings }) =>
      [
        `${rule_id} is in version ${version}${live === undefined ? ", on its way into its lane" : ` since ${live.since}`}`,
        ...warnings.map(({ field, problem, remedy }) => `warning: ${field}: ${problem}; ${remedy}`),
      ].join("\n"),
    )
  }),
).pipe(Command.withDescription("Make or replace a rule; JSON is YAML too"))

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

const firingLine = ({ labels, fired_at, resolved_at, severity }: Past["firings"][number]): string =>
  `${fired_at}\t${resolved_at ?? "still firing"}\t${severity}\t${JSON.stringify(labels)}`

const backtest = Command.make(
  "backtest",
  {
    rule: ruleId,
    from: Flag.String("from").pipe(Flag.withDescription("an ISO time; a day ago when absent"), Flag.optional),
    to: Flag.String("to").pipe(Flag.withDescription("an ISO time; now when absent"), Flag.optional),
    csv: Flag.String("csv").pipe(Flag.withDescription("a file instead of the stream"), Flag.optional),
    json,
  },
  Effect.fnUntraced(function* (input) {
    const csv = Option.isSome(input.csv) ? { csv: yield* textOf(input.csv.value) } : {}
    const from = Option.isSome(input.from) ? { from: input.from.value } : {}
    const to = Option.isSome(input.to) ? { to: input.to.value } : {}
    const past = yield* ask<Past>("POST", path(input.rule, "/backtest"), { ...csv, ...from, ...to })
    yield* print(input.json, past, ({ firings, counts, items, truncated, to: until }) =>
      [
        ...firings.map(firingLine),
        `${counted(counts.firings ?? 0, "firing")}, ${counted(items, "item")}${truncated ? `, cut at ${until}` : ""}`,
      ].join("\n"),
    )
  }),
).pipe(Command.withDescription("Show what a rule would have done over the past"))

const explain = Command.make(
  "explain",
  { rule: ruleId, at: Flag.String("at").pipe(Flag.withDescription("an ISO time")), json },
  Effect.fnUntraced(function* (input) {
    const why = yield* ask<Explained>("POST", path(input.rule, "/explain"), { at: input.at })
    yield* print(input.json, why, ({ summary, groups }) =>
      [summary, ...groups.flatMap(({ steps }) => steps.flatMap(({ sentences }) => sentences.join(" ")))].join(
        "\n",
      ),
    )
  }),
).pipe(Command.withDescription("Show why a rule fired at a time, or why it did not"))

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

const monitor = Command.make("monitor", { json }, (input) =>
  Effect.flatMap(ask<Monitored>("GET", "/api/cep/monitor?limit=100"), (found) =>
    print(input.json, found, ({ rules: all, total }) =>
      [
        renderTable(runColumns, all.map(runLine)),
        ...(total > all.length ? [`… and ${total - all.length} more`] : []),
      ].join("\n"),
    ),
  ),
).pipe(Command.withDescription("Show how rules run; latency and time per item are those of their lanes"))

export const rules = Command.make("rules").pipe(
  Command.withDescription("Rules over metrics and events"),
  Command.withSubcommands([list, apply, monitor, backtest, explain]),
)
