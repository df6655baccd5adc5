/** Says in the words of rule authors what the library refuses, and what to do about it. */
import type { Environment, ExpressionProblem } from "./expression.ts"
import { depthMax, functions, listElementsMax, methods, nodesMax, variablesOf } from "./language.ts"

interface LibraryError {
  readonly code?: string
  readonly summary?: string
  readonly message: string
  readonly range?: { readonly start: number; readonly end: number }
}

/** How many letters have to be changed to make one word of the other (Levenshtein). */
const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let at = 1; at <= left.length; at += 1) {
    const next = [at]
    for (let to = 1; to <= right.length; to += 1) {
      const changed = row[to - 1]! + (left[at - 1] === right[to - 1] ? 0 : 1)
      next.push(Math.min(changed, row[to]! + 1, next[to - 1]! + 1))
    }
    row = next
  }
  return row[right.length]!
}

/** The name that was probably meant. */
export const nearest = (word: string, names: ReadonlyArray<string>): string | undefined => {
  const allowed = Math.ceil(word.length / 3)
  let best: string | undefined
  let least = allowed + 1
  for (const name of names) {
    const away = distance(word, name)
    if (away < least) {
      least = away
      best = name
    }
  }
  return best
}

const unknownVariable = (name: string, environment: Environment): string => {
  const names = variablesOf(environment)
  const meant = nearest(name, names)
  if (name === "previous" && environment.hasValue)
    return `a filter and the stages of a pattern look at each item by itself: compare with previous in condition; here there are ${names.join(", ")}`
  if (name === "previous" || name === "value" || name === "event") {
    const where = { value: "samples of metrics", previous: "conditions over metrics", event: "events" }[name]
    return `${name} is there for ${where} only; here there are ${names.join(", ")}`
  }
  return `${meant === undefined ? "use" : `did you mean ${meant}? There are`} ${names.join(", ")}`
}

const overload = (summary: string, part: string): string => {
  const types = /no such overload: (.+?) (==|!=|<=?|>=?|\+|-|\*|\/|%|in) (.+)$/u.exec(summary)
  const [, left, , right] = types ?? []
  const isNumber = (type: string | undefined) => type === "double" || type === "int"
  if ((left === "string" && isNumber(right)) || (right === "string" && isNumber(left))) {
    return "a label is a text: write double(labels.x) to compare it as a number, or put the number in quotes"
  }
  if (left === "bool" || right === "bool")
    return "join comparisons with && and ||, for example 1 < value && value < 3"
  return `make both sides of one type: double(), int() and string() convert (${part})`
}

const badCharacter = (source: string, at: number): string => {
  if (/\b(?:and|or|not)\b/iu.test(source)) return "write && for and, || for or, ! for not"
  if (source[at] === "=") return "write == to compare"
  if (source[at] === "&" || source[at] === "|") return "write && and ||"
  if (source[at] === "$" || source[at] === "@") return "names are written without $ and @"
  return 'write for example value > 80 && labels.env == "prod"'
}

const limitOf = (summary: string): string => {
  if (summary.includes("maxDepth")) return `is nested more than ${depthMax} deep`
  if (summary.includes("maxListElements")) return `has a list of more than ${listElementsMax} values`
  if (summary.includes("maxMapEntries")) return "has a map, which cannot be written here"
  if (summary.includes("maxCallArguments")) return "has a function with too many arguments"
  return `has more than ${nodesMax} parts`
}

const words = (error: LibraryError, source: string, environment: Environment) => {
  const summary = error.summary ?? error.message
  const range = error.range
  const part = range === undefined ? source : source.slice(range.start, range.end)
  switch (error.code) {
    case "unknown_variable":
      return { problem: `there is no ${part}`, remedy: unknownVariable(part, environment) }
    case "no_such_overload":
      return { problem: summary.replace("no such overload: ", "cannot do "), remedy: overload(summary, part) }
    case "no_such_key":
      return {
        problem: summary.replace("No such key: ", "there is no "),
        remedy: `the stages are ${environment.stages.join(", ")}; of an item there are value, at, labels and event`,
      }
    case "no_matching_overload":
      return {
        problem: summary.replace("found no matching overload for ", "cannot call "),
        remedy: `look at the types of its arguments; there are ${[...functions].join(", ")} and .${[...methods].join(", .")}`,
      }
    case "invalid_logical_operand":
    case "invalid_condition_type":
      return {
        problem: summary,
        remedy: "&&, || and ? need something that is true or false: compare with a value",
      }
    case "invalid_macro_argument":
      return {
        problem: summary,
        remedy: "write for example has(labels.env), or matched.start.all(item, item.value > 3)",
      }
    case "limit_exceeded":
      return { problem: limitOf(summary), remedy: "make it shorter, or use several rules" }
    case "unexpected_character":
    case "unexpected_token":
      return {
        problem: range !== undefined && range.start >= source.length ? "ends too early" : summary,
        remedy: badCharacter(source, range?.start ?? 0),
      }
    default:
      return { problem: summary, remedy: "see the language's definition at https://cel.dev" }
  }
}

export const troubleOf = (error: unknown, source: string, environment: Environment): ExpressionProblem => {
  const known = error as LibraryError
  const said = words(known, source, environment)
  return known.range === undefined ? said : { ...said, start: known.range.start, end: known.range.end }
}
