/**
 * `npm run bench:templates -- <directory> [--json]`: what the shipped templates find in series with labelled anomalies.
 * The directory has CSV files of `timestamp,value` and `anomaly-windows.json`, as in the Numenta Anomaly Benchmark. Levels
 * are taken from the first two days of each series, which hold no labelled anomaly; nothing is fitted to the labels. None
 * of them counts errors, so an objective for latency is tried: each sample of a latency is one request, and one above the
 * highest of the first two days has failed; while none fails, the metric of errors has no samples.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import {
  Backtest,
  type Firing,
  messagesOf,
  type PastMessage,
  readCsv,
  ruleTemplates,
} from "../../actors/index.ts"

const { values: options, positionals } = parseArgs({
  options: { json: { type: "boolean" } },
  allowPositionals: true,
})
const [directory] = positionals
if (directory === undefined)
  throw new Error("say where the series are: npm run bench:templates -- <directory>")

const hourMs = 3_600_000
const learnedMs = 48 * hourMs
const metric = "observed"

type TemplateValues = Readonly<Record<string, string | number>>

interface Point {
  readonly at: number
  readonly value: number
}
interface Window {
  readonly from: number
  readonly until: number
}

const pointsOf = (messages: ReadonlyArray<PastMessage>): ReadonlyArray<Point> =>
  messages.flatMap((message) =>
    "columns" in message
      ? [...message.columns.values].map((value, index) => ({ at: message.columns.times[index]!, value }))
      : [],
  )

/** The largest change within half an hour. */
const largestChange = (points: ReadonlyArray<Point>): number =>
  Math.max(
    ...points.map(({ at, value }) => {
      const near = points.filter((other) => other.at <= at && other.at >= at - hourMs / 2)
      return Math.abs(value - near[0]!.value)
    }),
  )

const parametersOf = (points: ReadonlyArray<Point>): Readonly<Record<string, TemplateValues>> => {
  const learned = points.filter(({ at }) => at < points[0]!.at + learnedMs)
  const values = learned.map(({ value }) => value)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const rounded = (value: number) => Number(value.toPrecision(4))
  return {
    "static-threshold": {
      for: "5m",
      threshold: rounded(most + (most - least) / 4),
      clear: rounded(most),
    },
    deviation: { window: "1d", deviations: 5, samples: 144 },
    "rate-of-change": { window: "30m", change: rounded(1.5 * largestChange(learned)) },
    "flat-line": { window: "3h", range: 0, samples: 30 },
    absence: { after: "20m" },
  }
}

/**
 * 99 % of requests are to be fast enough. Windows and factor are the workbook's second row, for 5 % of 30 days within six
 * hours; with a request each five minutes the first one, with a short window of five minutes, would see a single request.
 */
const budget = {
  metric: "requests",
  errors: "slow_requests",
  objective: 99,
  factor: 6,
  long: "6h",
  short: "30m",
} as const

/** An objective for latency as two counts, from a series of latencies. */
const requestsOf = (points: ReadonlyArray<Point>): ReadonlyArray<PastMessage> => {
  const learned = points.filter(({ at }) => at < points[0]!.at + learnedMs)
  const slow = Math.max(...learned.map(({ value }) => value))
  const count = (name: string, at: number) => ({ name, labels: {}, value: 1, at })
  return messagesOf(
    points.flatMap(({ at, value }) => [
      count(budget.metric, at),
      ...(value > slow ? [count(budget.errors, at)] : []),
    ]),
    [],
  )
}

interface Found {
  readonly series: string
  readonly template: string
  readonly parameters: TemplateValues
  readonly windows: number
  readonly hit: number
  readonly outside: number
  readonly delaysMs: ReadonlyArray<number>
  readonly items: number
}

const overlaps = ({ firedAt, resolvedAt = Number.POSITIVE_INFINITY }: Firing, { from, until }: Window) =>
  firedAt <= until && resolvedAt >= from

const find = (
  series: string,
  template: string,
  parameters: TemplateValues,
  messages: ReadonlyArray<PastMessage>,
  windows: ReadonlyArray<Window>,
): Found => {
  const made = ruleTemplates.find(({ id }) => id === template)!
  const document = made.make({ metric, group_by: "", ...parameters })
  const range = { from: messages[0]!.place.at, until: messages.at(-1)!.place.at }
  const backtest = new Backtest({ tenant: "bench", rule: template, version: 1, document }, range)
  for (const message of messages) backtest.offer(message)
  const { firings, items } = backtest.finish()
  const first = windows.map((window) => firings.find((firing) => overlaps(firing, window)))
  return {
    series,
    template,
    parameters,
    windows: windows.length,
    hit: first.filter((firing) => firing !== undefined).length,
    outside: firings.filter((firing) => !windows.some((window) => overlaps(firing, window))).length,
    delaysMs: first.flatMap((firing, index) =>
      firing === undefined ? [] : [Math.max(0, firing.firedAt - windows[index]!.from)],
    ),
    items,
  }
}

const labels = JSON.parse(readFileSync(join(directory, "anomaly-windows.json"), "utf8")) as Readonly<
  Record<string, ReadonlyArray<readonly [string, string]>>
>
const timeOf = (text: string) => Date.parse(`${text.replace(" ", "T")}Z`)

const found: Array<Found> = []
const startedAt = performance.now()
for (const file of readdirSync(directory).filter((name) => name.endsWith(".csv"))) {
  const read = readCsv(readFileSync(join(directory, file), "utf8"), metric)
  if ("problems" in read) throw new Error(`${file}: ${JSON.stringify(read.problems)}`)
  const windows = (labels[file] ?? []).map(([from, until]) => ({ from: timeOf(from), until: timeOf(until) }))
  const series = file.replace(".csv", "")
  const points = pointsOf(read.messages)
  for (const [template, parameters] of Object.entries(parametersOf(points)))
    found.push(find(series, template, parameters, read.messages, windows))
  if (file.includes("latency"))
    found.push(find(series, "error-budget-burn", budget, requestsOf(points), windows))
}
const seconds = (performance.now() - startedAt) / 1_000

const hoursText = (ms: number) => `${(ms / hourMs).toFixed(1)} h`
if (options.json === true) console.log(JSON.stringify({ seconds, found }, null, 2))
else {
  console.log("| series | template | windows with a firing | firings outside | after the window's begin |")
  console.log("| --- | --- | ---: | ---: | ---: |")
  for (const { series, template, windows, hit, outside, delaysMs } of found)
    console.log(
      `| \`${series}\` | ${template} | ${hit} of ${windows} | ${outside} | ${delaysMs.map(hoursText).join(", ")} |`,
    )
  for (const template of new Set(found.map((one) => one.template))) {
    const its = found.filter((one) => one.template === template)
    const sum = (of: (one: Found) => number) => its.reduce((total, one) => total + of(one), 0)
    console.log(
      `| all | ${template} | ${sum(({ hit }) => hit)} of ${sum(({ windows }) => windows)} | ${sum(({ outside }) => outside)} | |`,
    )
  }
  console.error(`${found.length} back-tests of 14 days in ${seconds.toFixed(1)} s`)
}
