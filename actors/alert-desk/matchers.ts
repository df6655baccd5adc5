/**
 * Matchers as Alertmanager's. Regular expressions are RE2-like: none is slow on any text, and what cannot be had that way
 * is refused when it is written down.
 */
import type { Matcher, Problem } from "../../schemas/index.ts"
import { matcherPatternMax } from "../../schemas/index.ts"
import { textPattern } from "../cep/expression/text-pattern.ts"
import { labelOf } from "./grouping.ts"
import { compiledCharactersMax } from "./limits.ts"

type Test = (text: string) => boolean
export type Labelled = Parameters<typeof labelOf>[0]

const patterns = new Map<string, Test>()
let patternCharacters = 0
const never: Test = () => false

const anchored = (source: string): string => `^(?:${source})$`

const patternOf = (source: string): Test => {
  const known = patterns.get(source)
  if (known !== undefined) return known
  const compiled = textPattern(anchored(source))
  const test = "refused" in compiled ? never : compiled.test
  patternCharacters += source.length + 1
  if (patternCharacters > compiledCharactersMax) {
    patterns.clear()
    patternCharacters = source.length + 1
  }
  patterns.set(source, test)
  return test
}

export const holds = ({ operator, value }: Matcher, text: string): boolean => {
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

/** Characters of the patterns among matchers: what asking all of them costs follows from it. */
export const patternCharactersOf = (matchers: ReadonlyArray<Matcher>): number =>
  matchers.reduce(
    (sum, { operator, value }) => sum + (operator === "=~" || operator === "!~" ? value.length : 0),
    0,
  )

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
