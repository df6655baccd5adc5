/** Texts with `{{ expression }}` in them: of annotations, actions and published events. */
import { compileValue, isProblem } from "./compile.ts"
import {
  type Environment,
  EvaluationError,
  type ExpressionProblem,
  type Scope,
  type Value,
} from "./expression.ts"

export const expressionsInTemplateMax = 50
/** Characters of a text that was filled in; what is more is cut. */
export const filledCharactersMax = 16_000
const shownMax = 4_096

export type Template = ReadonlyArray<string | Value>

/** Puts a value into the text before it. */
export type Insert = (value: unknown, before: string) => string

/** Places of the problems are those in the whole text. */
export const compileTemplate = (
  text: string,
  environment: Environment,
): Template | ReadonlyArray<ExpressionProblem> => {
  const parts: Array<string | Value> = []
  const problems: Array<ExpressionProblem> = []
  let at = 0
  for (let count = 0; ; count += 1) {
    const open = text.indexOf("{{", at)
    if (open < 0) break
    const close = text.indexOf("}}", open)
    if (close < 0) {
      problems.push({
        problem: 'has a "{{" without a "}}"',
        remedy: "write {{ expression }}",
        start: open,
        end: text.length,
      })
      break
    }
    if (count >= expressionsInTemplateMax) {
      problems.push({
        problem: `has more than ${expressionsInTemplateMax} expressions`,
        remedy: "use fewer",
        start: open,
        end: close + 2,
      })
      break
    }
    if (open > at) parts.push(text.slice(at, open))
    const source = text.slice(open + 2, close)
    const value = compileValue(source, environment)
    if (isProblem(value)) {
      const shift = open + 2
      problems.push({
        ...value,
        start: shift + (value.start ?? 0),
        end: shift + (value.end ?? source.length),
      })
    } else parts.push(value)
    at = close + 2
  }
  if (problems.length > 0) return problems
  if (at < text.length) parts.push(text.slice(at))
  return parts
}

const shown = (value: unknown): string => {
  if (value === undefined) return "<no value yet>"
  if (typeof value === "object" && value !== null) {
    return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? Number(inner) : inner))
  }
  return String(value)
}

/** An odd number of quotes that are none of a text's own: what comes next stands in a text. */
const endsInText = (json: string): boolean =>
  json.replaceAll(/\\./gsu, "").replaceAll(/[^"]/gu, "").length % 2 === 1

/** For templates of JSON: a value stays one, whatever was sent; in quotes it is a part of that text. */
export const insertJson: Insert = (value, before) => {
  if (endsInText(before)) return JSON.stringify(shown(value).slice(0, shownMax)).slice(1, -1)
  if (value === undefined || (typeof value === "number" && !Number.isFinite(value))) return "null"
  return typeof value === "string" ? JSON.stringify(value.slice(0, shownMax)) : shown(value)
}

const insertPlain: Insert = (value) => shown(value).slice(0, shownMax)

/** Whether it is JSON with values left out. */
export const isJsonTemplate = (template: Template): boolean => {
  try {
    const example = template.map((part) => (typeof part === "string" ? part : "0")).join("")
    return typeof JSON.parse(example) === "object"
  } catch {
    return false
  }
}

/** Never throws: what cannot be evaluated says so in the text. */
export const fillTemplate = (
  template: Template,
  scope: Scope,
  charactersMax = filledCharactersMax,
  insert: Insert = insertPlain,
): string => {
  let text = ""
  for (const part of template) {
    if (text.length >= charactersMax) break
    if (typeof part === "string") text += part
    else {
      try {
        text += insert(part.evaluate(scope), text)
      } catch (error) {
        const problem = `<error: ${error instanceof EvaluationError ? error.message : "not evaluated"}>`
        text += insert(problem, text)
      }
    }
  }
  return text.slice(0, charactersMax)
}
