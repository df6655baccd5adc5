/** The compose stage: says in words what was found, in the language of the question. */
import * as Schema from "effect/Schema"
import type { Aggregation, MetricQuery, Plan, Problem } from "../schemas/index.ts"
import type { Findings, MetricFindings } from "./findings.ts"
import { type Language, languageOf } from "./language.ts"
import { catalogEntry, metricCatalog } from "./metric-catalog.ts"
import { formatSpan, formatTime, formatValue } from "./number-text.ts"

export const Composition = Schema.Struct({
  /** One or more paragraphs. */
  text: Schema.String,
  /** Title of the table and chart. */
  title: Schema.String,
  unit: Schema.String,
})
export type Composition = typeof Composition.Type

const aggregationNames: Record<Language, Record<Aggregation, string>> = {
  en: { last: "latest", avg: "average", min: "minimum", max: "maximum", percentile: "percentile" },
  ko: { last: "현재값", avg: "평균", min: "최솟값", max: "최댓값", percentile: "백분위" },
}

/** How the aggregation of a query is called. */
export const aggregationName = ({ aggregation, percentile }: MetricQuery, language: Language): string => {
  const name = aggregationNames[language][aggregation]
  return aggregation === "percentile" ? `${percentile ?? 50} ${name}` : name
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

const nothingFound = (query: MetricQuery, language: Language): string =>
  language === "ko"
    ? `${formatTime(query.from)}부터 ${formatTime(query.to)}까지 ${query.metric}의 표본이 없습니다.`
    : `There are no samples of ${query.metric} from ${formatTime(query.from)} to ${formatTime(query.to)}.`

const metricText = (query: MetricQuery, found: MetricFindings, language: Language): string => {
  if (found.rows.length === 0) return nothingFound(query, language)
  const entry = catalogEntry(query.metric)
  const unit = entry?.unit ?? ""
  const span = formatSpan(query.to - query.from, language)
  const name = aggregationName(query, language)
  const lines = found.rows.map(({ group, value, at }) => {
    const of = group === "" ? "" : language === "ko" ? `${group}의 ` : ` of ${group}`
    const measured = query.aggregation === "last" ? ` (${formatTime(at)})` : ""
    return language === "ko"
      ? `${of}${entry?.korean ?? query.metric} ${name}: ${formatValue(value, unit)}${measured}`
      : `${capital(entry?.english ?? query.metric)}${of}, ${name}: ${formatValue(value, unit)}${measured}`
  })
  const basis =
    language === "ko"
      ? `최근 ${span}의 표본 ${found.samples}개 기준.`
      : `From ${found.samples} ${found.samples === 1 ? "sample" : "samples"} of ${span}.`
  const left =
    language === "ko" ? "한도를 넘는 일부는 제외했습니다." : "Some were left out because a limit was reached."
  return [...lines, found.truncated ? `${basis} ${left}` : basis].join("\n")
}

const directText = (
  topic: (Plan & { route: "DIRECT" })["topic"],
  now: number,
  language: Language,
): string => {
  const names = metricCatalog.map(({ name, korean, description }) =>
    language === "ko" ? `${name}: ${korean}` : `${name}: ${description}`,
  )
  switch (topic) {
    case "time":
      return language === "ko"
        ? `시스템 시간은 ${formatTime(now)}입니다.`
        : `The system time is ${formatTime(now)}.`
    case "metrics":
      return [
        language === "ko" ? "다음 지표를 물어볼 수 있습니다." : "These metrics can be asked about:",
        ...names,
      ].join("\n")
    case "help":
      return language === "ko"
        ? "호스트의 CPU, 메모리, 로드, 디스크, 네트워크를 물어보세요. 예: 최근 5분 평균 로드"
        : "Ask about CPU, memory, load, disk or network of the hosts, for example: average load over the last 5 minutes"
  }
}

/** `now`: when the question was asked. */
export const compose = (question: string, plan: Plan, findings: Findings, now: number): Composition => {
  const language = languageOf(question)
  if (plan.route === "DIRECT") return { text: directText(plan.topic, now, language), title: "", unit: "" }
  if (findings.of === "nothing" || !("query" in plan)) return { text: "", title: "", unit: "" }
  const entry = catalogEntry(plan.query.metric)
  const name = language === "ko" ? entry?.korean : capital(entry?.english ?? "")
  return {
    text: metricText(plan.query, findings, language),
    title: `${name || plan.query.metric} (${aggregationName(plan.query, language)})`,
    unit: entry?.unit ?? "",
  }
}

/** What a plan that may not run, or that failed, is answered with: never silence. */
export const composeProblems = (question: string, problems: ReadonlyArray<Problem>): string => {
  const lines = problems.map(({ field, problem, remedy }) => `${field}: ${problem}. ${remedy}`)
  return languageOf(question) === "ko"
    ? ["이 질문에는 답할 수 없습니다.", ...lines].join("\n")
    : ["This question cannot be answered.", ...lines].join("\n")
}

export const composeFailure = (question: string, stage: string, detail: string): string =>
  languageOf(question) === "ko"
    ? `답을 만들지 못했습니다. ${stage} 단계에서 실패했습니다: ${detail}`
    : `There is no answer: stage ${stage} failed: ${detail}`
