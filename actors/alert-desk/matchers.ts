/**
 * Matchers as Alertmanager's. Regular expressions are RE2-like: none is slow on any text, and what cannot be had that way
 * is refused when it is written down.
 */
import type { Inhibition, Matcher, Problem } from "../../schemas/index.ts"
import { matcherPatternMax } from "../../schemas/index.ts"
import { textPattern } from "../cep/expression/text-pattern.ts"
import { labelOf } from "./grouping.ts"
import type { StoredAlert } from "./state.ts"

type Test = (text: string) => boolean
type Labelled = Parameters<typeof labelOf>[0]

/** Patterns, and texts of each, that are remembered: many alerts have the same few values. */
const patternsMax = 2_000
const textsMax = 1_000

const patterns = new Map<string, Test>()
const never: Test = () => false

const anchored = (source: string): string => `^(?:${source})$`

const remembering = (test: Test): Test => {
  const known = new Map<string, boolean>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    if (known.size >= textsMax) known.clear()
    const found = test(text)
    known.set(text, found)
    return found
  }
}

const patternOf = (source: string): Test => {
  const known = patterns.get(source)
  if (known !== undefined) return known
  const compiled = textPattern(anchored(source))
  const test = "refused" in compiled ? never : remembering(compiled.test)
  if (patterns.size >= patternsMax) patterns.clear()
  patterns.set(source, test)
  return test
}

const holds = ({ operator, value }: Matcher, text: string): boolean => {
  switch (operator) {
    case "=":
      return text === value
    case "!=":
      return text !== value
    case "=~":
      return patternOf(value)(text)
    case "!~":
      return !patternOf(value)(text)
  }
}

export const matches = (matchers: ReadonlyArray<Matcher>, alert: Labelled): boolean =>
  matchers.every((matcher) => holds(matcher, labelOf(alert, matcher.name)))

/** What is wrong with the patterns of matchers; `field` is where they stand. */
export const patternProblems = (field: string, matchers: ReadonlyArray<Matcher>): ReadonlyArray<Problem> =>
  matchers.flatMap(({ operator, value }, index): ReadonlyArray<Problem> => {
    if (operator === "=" || operator === "!=") return []
    const of = `${field}.${index}.value`
    if (value.length > matcherPatternMax) {
      const problem = `the pattern is longer than ${matcherPatternMax} characters`
      return [{ field: of, problem, remedy: "shorten it, or use several matchers" }]
    }
    const compiled = textPattern(anchored(value))
    return "refused" in compiled
      ? [{ field: of, problem: `the pattern ${compiled.refused}`, remedy: "write it as RE2 would take it" }]
      : []
  })

const nothing = { labels: {}, fingerprint: "", rule: "", name: "", severity: "" }

/** The same of matchers that have to ask for something: as Alertmanager, one has to refuse the empty text. */
export const matcherProblems = (field: string, matchers: ReadonlyArray<Matcher>): ReadonlyArray<Problem> => {
  const problems = patternProblems(field, matchers)
  if (problems.length > 0 || !matches(matchers, nothing)) return problems
  const problem = "they match an alert without any label: everything"
  return [{ field, problem, remedy: "name at least one value that is not empty" }]
}

const keyOf = (alert: Labelled, { equal }: Inhibition): string =>
  JSON.stringify(equal.map((label) => labelOf(alert, label)))

/** Sources of an inhibition within one bucket: fingerprints by the labels that have to be equal. */
type Sources = ReadonlyMap<string, ReadonlyArray<string>>
type Bucket = Readonly<Record<string, StoredAlert>>

/** Buckets never change, so what was found in one holds as long as it is there. */
const found = new WeakMap<Bucket, Map<Inhibition, Sources>>()

const sourcesIn = (bucket: Bucket, inhibition: Inhibition): Sources => {
  const ofBucket = found.get(bucket) ?? new Map<Inhibition, Sources>()
  found.set(bucket, ofBucket)
  const known = ofBucket.get(inhibition)
  if (known !== undefined) return known
  const sources = new Map<string, Array<string>>()
  for (const alert of Object.values(bucket)) {
    if (alert.state !== "firing" || !matches(inhibition.source, alert)) continue
    const key = keyOf(alert, inhibition)
    sources.set(key, [...(sources.get(key) ?? []), alert.fingerprint])
  }
  ofBucket.set(inhibition, sources)
  return sources
}

/** Ids of the inhibitions that hold for an alert. What fits the source itself is not inhibited, so nothing inhibits itself. */
export const inhibitedBy = (
  alert: StoredAlert,
  inhibitions: Readonly<Record<string, Inhibition>>,
  buckets: ReadonlyArray<Bucket>,
): ReadonlyArray<string> =>
  Object.values(inhibitions)
    .filter((inhibition) => {
      if (!matches(inhibition.target, alert) || matches(inhibition.source, alert)) return false
      const key = keyOf(alert, inhibition)
      return buckets.some((bucket) => sourcesIn(bucket, inhibition).get(key) !== undefined)
    })
    .map(({ id }) => id)
