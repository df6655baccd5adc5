/**
 * The best of three: items per second of processor time of one group's pattern, with `within` of a minute against a day at the same rate of beginnings, a
 * long sequence, and what a partial match holds.
 * Run: npm run bench:patterns -- [items]
 */
import { compileCondition, compilePattern, HeldBytes, type Item } from "../../actors/index.ts"
import type { PatternDocument } from "../../schemas/index.ts"

const items = Number(process.argv[2] ?? 1_000_000)

const labels = { host: "web-1" }
const sample = (value: number, at: number): Item => ({
  name: "cpu",
  isEvent: false,
  labels,
  attributes: {},
  value,
  at,
})

const matcherOf = (document: PatternDocument) => {
  const compiled = compilePattern(document, { metric: "cpu", where: {} }, compileCondition)
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  return compiled.plan.make(new HeldBytes())
}

type Matcher = ReturnType<typeof matcherOf>

const rate = (matcher: Matcher, valueOf: (index: number) => number, everyMs: number) => {
  let matches = 0
  let partials = 0
  const begun = process.cpuUsage()
  for (let index = 0; index < items; index++) {
    matches += matcher.offer(sample(valueOf(index), index * everyMs)).length
    if (index === items - 1) partials = matcher.partialMatches()
  }
  const seconds = process.cpuUsage(begun).user / 1e6
  const bytes = partials === 0 ? 0 : Math.round(matcher.bytes() / partials)
  return { itemsPerSecond: Math.round(items / seconds), matches, partials, bytes }
}

const stage = (name: string, condition: string, rest: object = {}) => ({ name, condition, ...rest })
/** Every 120th item begins a match, and every 1,200th ends those that wait: 10 wait at most, whatever `within` is. */
const ended = (index: number) => (index % 1_200 === 1_199 ? 99 : index % 120 === 0 ? 91 : 10)
/** Nothing ends them: they wait for as long as `within` is, up to the bound. */
const waiting = (index: number) => (index % 120 === 0 ? 91 : 10)
const pair = (within: string, after = "no_skip") =>
  ({
    stages: [stage("a", "value > 90.0 && value < 95.0"), stage("b", "value > 95.0")],
    within,
    after_match: { type: after },
  }) as PatternDocument
const long: PatternDocument = {
  stages: Array.from({ length: 10 }, (_, at) => stage(`s${at}`, `value == ${at}.0`)),
  within: "1h",
}
const correlated: PatternDocument = {
  stages: [
    stage("a", "value > 90.0"),
    stage("b", "value < matched.a[0].value - 80.5", { contiguity: "followed_by" }),
  ],
  within: "1m",
}

const unmet: PatternDocument = {
  stages: [stage("a", "value > 90.0"), stage("b", "value > matched.a[0].value + 1.0")],
  within: "24h",
}

const rows: ReadonlyArray<readonly [string, () => Matcher, (index: number) => number, number]> = [
  ["a followed_by b, within 1m, ended", () => matcherOf(pair("1m")), ended, 100],
  ["a followed_by b, within 24h, ended", () => matcherOf(pair("24h")), ended, 100],
  ["a followed_by b, within 1m, waiting", () => matcherOf(pair("1m")), waiting, 100],
  ["a followed_by b, within 24h, waiting", () => matcherOf(pair("24h")), waiting, 720],
  ["ten stages", () => matcherOf(long), (index) => index % 10, 100],
  ["condition over what was matched, 1,000 waiting", () => matcherOf(unmet), waiting, 720],
  [
    "condition over what was matched",
    () => matcherOf(correlated),
    (index) => (index % 50 === 0 ? 91 : 10),
    100,
  ],
]

/** Heap per group without partial matches, and per partial match of `a followed_by b`. */
const memory = (groups: number, each: number) => {
  const heap = () => {
    globalThis.gc?.()
    return process.memoryUsage().heapUsed
  }
  const before = heap()
  const compiled = compilePattern(pair("24h"), { metric: "cpu", where: {} }, compileCondition)
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  const matchers = Array.from({ length: groups }, () => compiled.plan.make(new HeldBytes()))
  const idle = heap()
  for (let at = 0; at < each; at++) for (const matcher of matchers) matcher.offer(sample(91, at))
  const full = heap()
  const estimate = matchers[0]!.bytes() / each
  return {
    heapPerIdleGroup: Math.round((idle - before) / groups),
    heapPerPartialMatch: Math.round((full - idle) / groups / each),
    estimatePerPartialMatch: Math.round(estimate),
  }
}

console.log("memory", memory(2_000, 100))
for (const [name, make, valueOf, everyMs] of rows) {
  const tries = [1, 2, 3].map(() => rate(make(), valueOf, everyMs))
  console.log(name, tries.toSorted((left, right) => right.itemsPerSecond - left.itemsPerSecond)[0])
}
