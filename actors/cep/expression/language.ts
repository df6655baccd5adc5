/**
 * The language of conditions: CEL with the variables of rules. It differs from CEL in two points, both so that people
 * can write `avg_cpu / 2 > 1 / 3`: whole numbers in the source are doubles (but for places in lists), and doubles and
 * ints can be mixed. Everything that is not named here is refused, so that the cost of an expression is known.
 */
import { Environment as Language } from "@marcbachmann/cel-js"
import type { EventAttributes, Labels } from "../../../schemas/index.ts"
import type { Item } from "../item.ts"
import type { Environment } from "./expression.ts"
import { textPattern } from "./text-pattern.ts"

export const nodesMax = 500
export const depthMax = 32
export const listElementsMax = 100

/** An item that a pattern matched, as expressions see it. */
export class MatchedItem {
  readonly value: number | undefined
  readonly at: number
  readonly labels: Labels
  readonly event: EventAttributes

  constructor(item: Item) {
    this.value = item.isEvent ? undefined : item.value
    this.at = item.at
    this.labels = item.labels
    this.event = item.attributes
  }
}

/** Under this name the library finds our own `matches`, whose cost is bounded. */
export const boundedMatches = "matches_pattern"

const round = (value: number, digits: number): number => {
  const scale = 10 ** Math.min(15, Math.max(0, Math.trunc(digits)))
  return Math.round(value * scale) / scale
}

const matches = (text: string, pattern: string): boolean => {
  const compiled = textPattern(pattern)
  return "test" in compiled && compiled.test(text)
}

const both = (signature: (left: string, right: string) => string, add: (signature: string) => void) => {
  add(signature("double", "int"))
  add(signature("int", "double"))
}

const makeBase = (): Language => {
  const base = new Language({
    limits: {
      maxAstNodes: nodesMax,
      maxDepth: depthMax,
      maxListElements: listElementsMax,
      maxMapEntries: 0,
      maxCallArguments: 4,
    },
  })
  const operator = (name: string, apply: (left: number, right: number) => number) =>
    both(
      (left, right) => `${left} ${name} ${right}`,
      (signature) => base.registerOperator(signature, (left, right) => apply(Number(left), Number(right))),
    )
  operator("+", (left, right) => left + right)
  operator("-", (left, right) => left - right)
  operator("*", (left, right) => left * right)
  operator("/", (left, right) => left / right)
  operator("%", (left, right) => left % right)
  base.registerOperator("double % double", (left, right) => left % right)
  // biome-ignore lint/suspicious/noDoubleEquals: a double and a bigint of the same value are equal
  base.registerOperator("double == int", (left, right) => left == right)
  const pure = { async: false } as const
  base.registerFunction("abs(double): double", Math.abs, pure)
  base.registerFunction("abs(int): int", (value: bigint) => (value < 0n ? -value : value), pure)
  for (const [name, apply] of [
    ["min", Math.min],
    ["max", Math.max],
  ] as const) {
    const add = (signature: string) =>
      base.registerFunction(signature, (left, right) => apply(Number(left), Number(right)), pure)
    add(`${name}(double, double): double`)
    both((left, right) => `${name}(${left}, ${right}): double`, add)
    base.registerFunction(
      `${name}(int, int): int`,
      (left: bigint, right: bigint) => (left < right === (name === "min") ? left : right),
      pure,
    )
  }
  base.registerFunction("round(double): double", (value) => round(value, 0), pure)
  base.registerFunction("round(double, double): double", round, pure)
  base.registerFunction(`string.${boundedMatches}(string): bool`, matches, pure)
  base.registerType("Item", {
    ctor: MatchedItem,
    fields: {
      value: "double",
      at: "double",
      labels: "map<string, string>",
      event: "map<string, dyn>",
    },
  })
  return base
}

const base = makeBase()

/** Called as `name(…)` and as `text.name(…)`; more is not allowed. */
export const functions: ReadonlySet<string> = new Set([
  "abs",
  "min",
  "max",
  "round",
  "size",
  "double",
  "int",
  "string",
  "has",
])
export const comprehensions: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "map", "filter"])
export const methods: ReadonlySet<string> = new Set([
  ...comprehensions,
  "startsWith",
  "endsWith",
  "contains",
  "matches",
  "size",
  "lowerAscii",
  "upperAscii",
  "trim",
])

/** Names of the variables that there are. */
export const variablesOf = (environment: Environment): ReadonlyArray<string> => [
  ...(environment.hasValue ? ["value"] : []),
  ...((environment.hasPrevious ?? environment.hasValue) ? ["previous"] : []),
  "at",
  "labels",
  ...(environment.hasEvent ? ["event"] : []),
  ...environment.aggregates,
  ...(environment.stages.length > 0 ? ["matched"] : []),
]

/** Whether a word means something already, so that no aggregate can have it as its name. */
export const isTaken = (word: string): boolean => {
  if (base.hasVariable(word) || functions.has(word)) return true
  if (["value", "previous", "at", "labels", "event", "matched"].includes(word)) return true
  try {
    return base.parse(word).ast.op !== "id"
  } catch {
    return true
  }
}

/** Languages that are kept, each over other variables; beyond it those used first are made again. */
const languagesMax = 200
const languages = new Map<string, Language>()

/** Rules have many expressions over the same variables. */
export const languageOf = (environment: Environment): Language => {
  const key = JSON.stringify([variablesOf(environment), environment.stages])
  const known = languages.get(key)
  if (known !== undefined) return known
  const language = base.clone()
  languages.set(key, language)
  if (languages.size > languagesMax) languages.delete(languages.keys().next().value!)
  for (const name of variablesOf(environment)) {
    if (name === "labels") language.registerVariable(name, "map<string, string>")
    else if (name === "event") language.registerVariable(name, "map<string, dyn>")
    else if (name === "matched") {
      const schema = Object.fromEntries(environment.stages.map((stage) => [stage, "list<Item>"]))
      language.registerVariable(name, { schema })
    } else language.registerVariable(name, "double")
  }
  return language
}
