/**
 * Conditions as closures. Three values, as CEL has them for what is not known: false && unknown is false, true || unknown
 * is true, everything else with an unknown is unknown. Errors likewise give way to what decides without them.
 */
import { EvaluationError, type Scope, type Truth } from "./expression.ts"
import { boundedMatches } from "./language.ts"
import {
  type Compiling,
  compileAnything,
  compileNumber,
  compileText,
  fieldOf,
  isNumber,
  isText,
  isThere,
  type Numbers,
} from "./operand.ts"
import { textPattern } from "./text-pattern.ts"
import { isComparison, type Node, typeOf } from "./tree.ts"

export type Truths = (scope: Scope) => Truth

/** `decides`: the value of one side that makes the other one's unimportant: false for `&&`, true for `||`. */
const joined = (decides: boolean, left: Truths, right: Truths): Truths => {
  const slowly = (scope: Scope, failed: EvaluationError | undefined): Truth => {
    let other: Truth
    try {
      other = right(scope)
    } catch (error) {
      if (failed === undefined && error instanceof EvaluationError) return undefined
      throw error
    }
    if (other === decides) return decides
    if (failed !== undefined && other !== undefined) throw failed
    return undefined
  }
  return (scope) => {
    let first: Truth
    try {
      first = left(scope)
    } catch (error) {
      if (error instanceof EvaluationError) return slowly(scope, error)
      throw error
    }
    if (first === decides) return decides
    return first === undefined ? slowly(scope, undefined) : right(scope)
  }
}

const chosen =
  (condition: Truths, left: Truths, right: Truths): Truths =>
  (scope) => {
    const first = condition(scope)
    return first === undefined ? undefined : first ? left(scope) : right(scope)
  }

type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">="

const compareNumbers = (operator: Comparison, left: Numbers, right: Numbers): Truths => {
  const [a, b] = [left.get, right.get]
  /** Of NaN: nothing is known, or a calculation gave it, which is unequal to everything. */
  const undecided = (scope: Scope): Truth =>
    left.unknown(scope) || right.unknown(scope) ? undefined : operator === "!="
  const isNaNOf = (x: number, y: number) => Number.isNaN(x) || Number.isNaN(y)
  switch (operator) {
    case ">":
      return (scope) => {
        const x = a(scope)
        const y = b(scope)
        return x > y ? true : x <= y ? false : undecided(scope)
      }
    case ">=":
      return (scope) => {
        const x = a(scope)
        const y = b(scope)
        return x >= y ? true : x < y ? false : undecided(scope)
      }
    case "<":
      return (scope) => {
        const x = a(scope)
        const y = b(scope)
        return x < y ? true : x >= y ? false : undecided(scope)
      }
    case "<=":
      return (scope) => {
        const x = a(scope)
        const y = b(scope)
        return x <= y ? true : x > y ? false : undecided(scope)
      }
    default: {
      const equal = operator === "=="
      return (scope) => {
        const x = a(scope)
        const y = b(scope)
        return x === y ? equal : isNaNOf(x, y) ? undecided(scope) : !equal
      }
    }
  }
}

/** Of two values of one type. */
const holds = (operator: Comparison, a: never, b: never): boolean => {
  switch (operator) {
    case "<":
      return a < b
    case "<=":
      return a <= b
    case ">":
      return a > b
    case ">=":
      return a >= b
    case "==":
      return a === b
    default:
      return a !== b
  }
}

const compareTexts = (operator: Comparison, left: Node, right: Node, compiling: Compiling): Truths => {
  const [a, b] = [compileText(left, compiling), compileText(right, compiling)]
  const compare: Truths = (scope) => holds(operator, a(scope) as never, b(scope) as never)
  if (!needsNumbers(left, compiling) && !needsNumbers(right, compiling)) return compare
  const [first, second] = [compiling.library.uses(left), compiling.library.uses(right)]
  return (scope) => (first.unknown(scope) || second.unknown(scope) ? undefined : compare(scope))
}

/** Whether a text is made of numbers that may not be there yet, such as `string(avg_cpu)`. */
const needsNumbers = (node: Node, { library }: Compiling): boolean => library.uses(node).any

const isAttribute = (node: Node) => fieldOf(node)?.map === "event"
const isPlain = (node: Node) => isAttribute(node) || node.op === "value" || isNumber(node) || isText(node)

/** Of attributes, whose type shows when they come: equal only in the same type, ordered only in the same type. */
const compareAnything = (operator: Comparison, left: Node, right: Node, compiling: Compiling): Truths => {
  const [a, b] = [compileAnything(left, compiling), compileAnything(right, compiling)]
  const isEquality = operator === "==" || operator === "!="
  return (scope) => {
    if (a.unknown(scope) || b.unknown(scope)) return undefined
    const x = a.get(scope)
    const y = b.get(scope)
    if (!isEquality && (typeof x !== typeof y || x === null || y === null)) {
      throw new EvaluationError(`${kindOf(x)} ${operator} ${kindOf(y)} cannot be compared`)
    }
    return holds(operator, x as never, y as never)
  }
}

export const kindOf = (value: unknown): string =>
  value === null
    ? "null"
    : typeof value === "object"
      ? "a list"
      : typeof value === "string"
        ? "a text"
        : typeof value === "boolean"
          ? "true or false"
          : "a number"

const compileComparison = (node: Node, compiling: Compiling): Truths | undefined => {
  if (!isComparison(node)) return undefined
  const [left, right] = node.args
  const operator = node.op as Comparison
  if (isNumber(left) && isNumber(right)) {
    return compareNumbers(operator, compileNumber(left, compiling), compileNumber(right, compiling))
  }
  if (isText(left) && isText(right)) return compareTexts(operator, left, right, compiling)
  if (isPlain(left) && isPlain(right)) return compareAnything(operator, left, right, compiling)
  return undefined
}

const compileIn = (node: Node, compiling: Compiling): Truths | undefined => {
  if (node.op !== "in") return undefined
  const [item, list] = node.args
  if (list.op === "id" && item.op === "value" && typeof item.args === "string") {
    return compileHas(list.args, item.args)
  }
  if (list.op !== "list" || !isPlain(item)) return undefined
  if (list.args.some((part) => part.op !== "value" || typeof part.args === "object")) return undefined
  const among = new Set(
    list.args.map(({ args }) => (typeof args === "bigint" ? Number(args) : args) as unknown),
  )
  if (isText(item) && needsNumbers(item, compiling)) return undefined
  const { get, unknown } = compileAnything(item, compiling)
  return (scope) => {
    const value = get(scope)
    if (typeof value === "number" && Number.isNaN(value)) return unknown(scope) ? undefined : false
    return among.has(value)
  }
}

const compileHas = (map: string, key: string): Truths | undefined => {
  if (map === "labels") return (scope) => isThere(scope.labels[key])
  if (map === "event") return (scope) => isThere(scope.event[key])
  return undefined
}

const compileCall = (node: Node, compiling: Compiling): Truths | undefined => {
  if (node.op === "call" && node.args[0] === "has") {
    const field = node.args[1][0] === undefined ? undefined : fieldOf(node.args[1][0])
    return field === undefined ? undefined : compileHas(field.map, field.key)
  }
  if (node.op !== "rcall") return undefined
  const [name, receiver, [argument]] = node.args
  if (argument === undefined || !isText(receiver) || !isText(argument)) return undefined
  if (needsNumbers(receiver, compiling) || needsNumbers(argument, compiling)) return undefined
  const text = compileText(receiver, compiling)
  if (name === boundedMatches && argument.op === "value") {
    const pattern = textPattern(String(argument.args))
    return "test" in pattern ? (scope) => pattern.test(text(scope)) : undefined
  }
  const part = compileText(argument, compiling)
  if (name === "startsWith") return (scope) => text(scope).startsWith(part(scope))
  if (name === "endsWith") return (scope) => text(scope).endsWith(part(scope))
  if (name === "contains") return (scope) => text(scope).includes(part(scope))
  return undefined
}

const byValue = (node: Node, compiling: Compiling): Truths => {
  const { get, unknown } = compileAnything(node, compiling)
  return (scope) => {
    if (unknown(scope)) return undefined
    const value = get(scope)
    if (typeof value !== "boolean")
      throw new EvaluationError(`${kindOf(value)} stands where true or false is needed`)
    return value
  }
}

/** Only of nodes whose type is bool or dyn. */
export const compileTruth = (node: Node, compiling: Compiling): Truths => {
  switch (node.op) {
    case "&&":
    case "||": {
      const [left, right] = node.args
      return joined(node.op === "||", compileTruth(left, compiling), compileTruth(right, compiling))
    }
    case "!_": {
      const inner = compileTruth(node.args, compiling)
      return (scope) => {
        const value = inner(scope)
        return value === undefined ? undefined : !value
      }
    }
    case "?:": {
      const [condition, left, right] = node.args
      return chosen(
        compileTruth(condition, compiling),
        compileTruth(left, compiling),
        compileTruth(right, compiling),
      )
    }
    default:
      return (
        compileComparison(node, compiling) ??
        compileIn(node, compiling) ??
        compileCall(node, compiling) ??
        byValue(node, compiling)
      )
  }
}

export const isTruth = (node: Node): boolean => typeOf(node) === "bool" || typeOf(node) === "dyn"
