/**
 * What is compared and calculated with, as closures over the scope that allocate nothing. A number is NaN where a value
 * is not there yet; since calculations give NaN too (0 / 0), who finds one asks `unknown`.
 */
import type { EventAttributes, Labels } from "../../../schemas/index.ts"
import type { Item } from "../item.ts"
import { type Environment, EvaluationError, type Scope } from "./expression.ts"
import type { Library } from "./library.ts"
import { numberAt, type Parameters } from "./parameters.ts"
import { type Node, print, typeOf } from "./tree.ts"

export interface Numbers {
  readonly get: (scope: Scope) => number
  /** Whether a value that it uses is not there yet. Asked only when `get` gave NaN. */
  readonly unknown: (scope: Scope) => boolean
}

export interface Anything {
  readonly get: (scope: Scope) => unknown
  readonly unknown: (scope: Scope) => boolean
}

/** What the compilers of operands share. */
export interface Compiling {
  readonly environment: Environment
  readonly library: Library
  /** Takes the numbers of the source. Absent: they stay in the closures. */
  readonly parameters?: Parameters
}

export const never = (): boolean => false

const constant = (node: Node, { parameters }: Compiling): Numbers => {
  if (parameters !== undefined) {
    const place = parameters.take(node)
    return { get: () => numberAt(place), unknown: never }
  }
  const value = Number(node.args)
  return { get: () => value, unknown: never }
}

const variable = (name: string, { environment }: Compiling): Numbers => {
  const slot = environment.aggregates.indexOf(name)
  if (slot >= 0) {
    return {
      get: (scope) => scope.aggregates[slot]!,
      unknown: (scope) => Number.isNaN(scope.aggregates[slot]),
    }
  }
  if (name === "value") return { get: (scope) => scope.value, unknown: (scope) => Number.isNaN(scope.value) }
  if (name === "previous") {
    return { get: (scope) => scope.previous, unknown: (scope) => Number.isNaN(scope.previous) }
  }
  return { get: (scope) => scope.at, unknown: never }
}

const calculate = (operator: string, left: Numbers, right: Numbers): Numbers => {
  const unknown = (scope: Scope) => left.unknown(scope) || right.unknown(scope)
  const [a, b] = [left.get, right.get]
  switch (operator) {
    case "+":
      return { get: (scope) => a(scope) + b(scope), unknown }
    case "-":
      return { get: (scope) => a(scope) - b(scope), unknown }
    case "*":
      return { get: (scope) => a(scope) * b(scope), unknown }
    case "/":
      return { get: (scope) => a(scope) / b(scope), unknown }
    default:
      return { get: (scope) => a(scope) % b(scope), unknown }
  }
}

const arithmetic: ReadonlySet<string> = new Set(["+", "-", "*", "/", "%"])

/** Those with closures of their own. */
const callable: ReadonlySet<string> = new Set(["abs", "min", "max"])

const called = (name: string, [left, right]: ReadonlyArray<Numbers>): Numbers | undefined => {
  if (left === undefined) return undefined
  if (name === "abs") return { get: (scope) => Math.abs(left.get(scope)), unknown: left.unknown }
  if (right === undefined) return undefined
  const unknown = (scope: Scope) => left.unknown(scope) || right.unknown(scope)
  if (name === "min") return { get: (scope) => Math.min(left.get(scope), right.get(scope)), unknown }
  if (name === "max") return { get: (scope) => Math.max(left.get(scope), right.get(scope)), unknown }
  return undefined
}

const isStage = (node: Node): node is Extract<Node, { readonly op: "." }> =>
  node.op === "." && node.args[0].op === "id" && node.args[0].args === "matched"

/** How many items a stage matched. */
const stageSize = (node: Node): Numbers | undefined => {
  const list = node.op === "call" && node.args[0] === "size" ? node.args[1][0] : undefined
  if (list === undefined || !isStage(list)) return undefined
  const stage = list.args[1]
  return { get: (scope) => scope.matched[stage]?.length ?? 0, unknown: never }
}

/** A number of a node whose type is double or int. */
export const compileNumber = (node: Node, compiling: Compiling): Numbers => {
  if (node.op === "value" && typeof node.args !== "object") return constant(node, compiling)
  if (node.op === "id" && compiling.library.isVariable(node.args)) return variable(node.args, compiling)
  const ofStage = stageSize(node) ?? itemNumber(node)
  if (ofStage !== undefined) return ofStage
  if (typeOf(node) === "double") {
    if (node.op === "-_") {
      const { get, unknown } = compileNumber(node.args, compiling)
      return { get: (scope) => -get(scope), unknown }
    }
    if (arithmetic.has(node.op) && Array.isArray(node.args)) {
      const [left, right] = node.args as [Node, Node]
      if (isNumber(left) && isNumber(right)) {
        return calculate(node.op, compileNumber(left, compiling), compileNumber(right, compiling))
      }
    }
    if (node.op === "call" && callable.has(node.args[0]) && node.args[1].every(isNumber)) {
      const [name, parts] = node.args
      const found = called(
        name,
        parts.map((part) => compileNumber(part, compiling)),
      )
      if (found !== undefined) return found
    }
  }
  const { get, unknown } = compiling.library.evaluate(node)
  return { get: (scope) => (unknown(scope) ? Number.NaN : Number(get(scope))), unknown }
}

export const isNumber = (node: Node): boolean => typeOf(node) === "double" || typeOf(node) === "int"
export const isText = (node: Node): boolean => typeOf(node) === "string"

/** `matched.stage[0]`: an item by its place. */
const itemOf = (node: Node): ((scope: Scope) => Item) | undefined => {
  if (node.op !== "[]") return undefined
  const [list, place] = node.args
  if (!isStage(list) || place.op !== "value" || typeof place.args !== "bigint") return undefined
  const stage = list.args[1]
  const index = Number(place.args)
  const missing = new EvaluationError(`the stage ${stage} has no item ${index}`)
  return (scope) => {
    const item = scope.matched[stage]?.[index]
    if (item === undefined) throw missing
    return item
  }
}

/** `matched.stage[0].value` and `.at`. */
const itemNumber = (node: Node): Numbers | undefined => {
  if (node.op !== ".") return undefined
  const item = itemOf(node.args[0])
  if (item === undefined) return undefined
  if (node.args[1] === "at") return { get: (scope) => item(scope).at, unknown: never }
  if (node.args[1] !== "value") return undefined
  const missing = new EvaluationError(`${print(node.args[0])} is an event and has no value`)
  const get = (scope: Scope) => {
    const found = item(scope)
    if (found.isEvent) throw missing
    return found.value
  }
  return { get, unknown: never }
}

type MapName = "labels" | "event"
export interface Field {
  readonly map: MapName
  readonly key: string
  readonly read: (scope: Scope) => Labels | EventAttributes
}

const isMapName = (name: unknown): name is MapName => name === "labels" || name === "event"

const mapOf = (node: Node): Pick<Field, "map" | "read"> | undefined => {
  if (node.op === "id" && isMapName(node.args)) {
    return node.args === "labels"
      ? { map: "labels", read: (scope) => scope.labels }
      : { map: "event", read: (scope) => scope.event }
  }
  if (node.op !== "." || !isMapName(node.args[1])) return undefined
  const item = itemOf(node.args[0])
  if (item === undefined) return undefined
  return node.args[1] === "labels"
    ? { map: "labels", read: (scope) => item(scope).labels }
    : { map: "event", read: (scope) => item(scope).attributes }
}

/** `labels.x`, `labels["x"]`, `matched.stage[0].labels.x`: which map and which key. */
export const fieldOf = (node: Node): Field | undefined => {
  if (node.op !== "." && node.op !== "[]") return undefined
  const [left, key] = node.args
  const map = mapOf(left)
  if (map === undefined) return undefined
  if (typeof key === "string") return { ...map, key }
  return key.op === "value" && typeof key.args === "string" ? { ...map, key: key.args } : undefined
}

/** Values of labels and attributes are never objects: what is one comes from the object's prototype. */
export const isThere = (value: unknown): boolean =>
  value !== undefined && typeof value !== "function" && (value === null || typeof value !== "object")

export const compileText = (node: Node, compiling: Compiling): ((scope: Scope) => string) => {
  if (node.op === "value" && typeof node.args === "string") {
    const text = node.args
    return () => text
  }
  const field = fieldOf(node)
  if (field?.map === "labels") {
    const { key, read } = field
    const missing = new EvaluationError(`there is no label "${key}"`)
    return (scope) => {
      const text = read(scope)[key]
      if (typeof text !== "string") throw missing
      return text
    }
  }
  const { get } = compiling.library.evaluate(node)
  return (scope) => get(scope) as string
}

/** Any value: of an attribute, whose type is known when it comes, or whatever else an expression makes. */
export const compileAnything = (node: Node, compiling: Compiling): Anything => {
  const field = fieldOf(node)
  if (field?.map === "event") {
    const { key, read } = field
    const missing = new EvaluationError(`the event has no attribute "${key}"`)
    const get = (scope: Scope) => {
      const value = read(scope)[key]
      if (!isThere(value)) throw missing
      return value
    }
    return { get, unknown: never }
  }
  if (node.op === "value") {
    const value = typeof node.args === "bigint" ? Number(node.args) : node.args
    return { get: () => value, unknown: never }
  }
  if (isNumber(node)) return compileNumber(node, compiling)
  if (isText(node)) {
    const { unknown } = compiling.library.uses(node)
    return { get: compileText(node, compiling), unknown }
  }
  return compiling.library.evaluate(node)
}
