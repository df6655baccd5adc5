/**
 * The offline planner: turns a question, English or Korean, into a plan by looking for words. It understands what its
 * catalogue and patterns cover and rejects the rest with a reason; it never guesses a metric.
 */
import type { Aggregation, MetricQuery, Plan } from "../schemas/index.ts"
import { type Language, languageOf } from "./language.ts"
import { metricCatalog } from "./metric-catalog.ts"
import { windowOf } from "./time-window.ts"
import { rowsMax } from "./validator.ts"

export const defaultWindowMs = 5 * 60_000
export const chartBuckets = 30

const percentileOf = (question: string): number | undefined => {
  if (/\bmedian\b|중앙값|중간값/.test(question)) return 50
  const match =
    /\bp(\d{1,2}(?:\.\d+)?)\b/.exec(question) ??
    /(\d{1,2}(?:\.\d+)?)(?:st|nd|rd|th)?\s*(?:percentile|백분위)/.exec(question) ??
    /백분위\s*(\d{1,2})/.exec(question)
  return match === null ? undefined : Number(match[1])
}

const aggregations: ReadonlyArray<readonly [Aggregation, RegExp]> = [
  ["max", /\bmax(?:imum)?\b|\bpeaks?\b|\bhighest\b|최대|최고|피크/],
  ["min", /\bmin(?:imum)?\b|\blowest\b|최소|최저/],
  ["avg", /\bav(?:era)?ge?\b|\bmean\b|평균/],
]

const groupOf = (question: string): string | undefined => {
  if (
    /\b(?:per|by|each|every)\s+(?:hosts?|servers?|machines?|nodes?)\b|(?:호스트|서버|노드|장비)\s*별/.test(
      question,
    )
  ) {
    return "host"
  }
  const match = /\b(?:per|group(?:ed)?\s+by|by)\s+([a-z_]+)\b/.exec(question)
  return match?.[1] === "second" ? undefined : match?.[1]
}

const whereOf = (question: string): MetricQuery["where"] => {
  const match = /\b(?:host|server|호스트|서버)\s*[=:]\s*"?([a-z0-9._-]+)"?/.exec(question)
  return match === null ? {} : { host: match[1]! }
}

const graph =
  /depends?\b|dependenc(?:y|ies)\b|topology|connected to|upstream|downstream|의존|토폴로지|연결\s*관계|연결된/
const direct: ReadonlyArray<readonly [(Plan & { route: "DIRECT" })["topic"], RegExp]> = [
  [
    "time",
    /what(?:'s| is)?\s+(?:the\s+)?(?:current\s+|system\s+)?time\b|system time|몇\s*시|시스템\s*시간|현재\s*(?:시간|시각)/,
  ],
  [
    "metrics",
    /(?:which|what|list|show)\s+(?:all\s+)?(?:the\s+)?(?:available\s+)?metrics\b|메트릭\s*(?:목록|종류)|(?:어떤|무슨)\s*(?:메트릭|지표)/,
  ],
  ["help", /^\s*help\b|what can you (?:do|answer)|도움말|무엇을?\s*(?:할|물어)/],
]

const rejection = (language: Language): Plan => {
  const known = metricCatalog.map(({ name, korean }) => (language === "ko" ? korean : name)).join(", ")
  return language === "ko"
    ? {
        route: "REJECT",
        reason: "질문에서 아는 지표를 찾지 못했습니다.",
        remedy: `다음 중 하나를 물어보세요: ${known}`,
      }
    : {
        route: "REJECT",
        reason: "The question names no metric that is known here.",
        remedy: `Ask about one of: ${known}`,
      }
}

/** Deterministic: the same question at the same time gives the same plan. `now`: milliseconds since the epoch. */
export const planQuestion = (question: string, now: number): Plan => {
  const text = question.toLowerCase().normalize("NFC")
  const topic = direct.find(([, pattern]) => pattern.test(text))?.[0]
  if (topic !== undefined) return { route: "DIRECT", topic }
  if (graph.test(text))
    return { route: "GRAPH", reason: "the question is about how things depend on each other" }
  const window = windowOf(text)
  const rest = window?.rest ?? text
  const metric = metricCatalog.find((known) => known.words.test(rest))
  if (metric === undefined) return rejection(languageOf(question))
  const percentile = percentileOf(rest)
  // "load average" is the name of a metric, not a wish for a mean.
  const wished = rest.replace(/load\s+averages?/, "load").replace(/로드\s*평균/, "로드")
  const aggregation =
    percentile !== undefined ? "percentile" : aggregations.find(([, found]) => found.test(wished))?.[0]
  const groupBy = groupOf(rest)
  const lookup = aggregation === undefined && window === undefined
  const query: MetricQuery = {
    metric: metric.name,
    aggregation: lookup ? "last" : (aggregation ?? "avg"),
    ...(percentile === undefined ? {} : { percentile }),
    from: now - (window?.ms ?? defaultWindowMs),
    to: now,
    where: whereOf(text),
    ...(groupBy === undefined ? (lookup ? { groupBy: "host" } : {}) : { groupBy }),
    buckets: chartBuckets,
    rowsMax,
  }
  return { route: lookup ? "LOOKUP" : "AGGREGATE", query }
}

/** Whether a question is one for the planner rather than for small talk. */
export const concernsInfrastructure = (question: string): boolean => {
  const plan = planQuestion(question, 0)
  return plan.route !== "REJECT" && !(plan.route === "DIRECT" && plan.topic === "help")
}
