/** Evaluates parts of an expression by the library: for whatever is too rare to have a closure of its own. */
import type { Environment as Language } from "@marcbachmann/cel-js"
import { spend } from "./effort.ts"
import { type Environment, EvaluationError, type Scope } from "./expression.ts"
import { MatchedItem, variablesOf } from "./language.ts"
import { countOf, type Node, namesIn, print } from "./tree.ts"

export interface Uses {
  /** Slots of aggregates. */
  readonly slots: ReadonlySet<number>
  readonly previous: boolean
  readonly matched: boolean
  /** Whether it uses any value that may not be there yet. */
  readonly any: boolean
  /** Names of those that have no value yet. */
  readonly missing: (scope: Scope) => ReadonlyArray<string>
  readonly unknown: (scope: Scope) => boolean
}

export interface Library {
  readonly isVariable: (name: string) => boolean
  readonly uses: (node: Node) => Uses
  /** Errors: `get` throws `EvaluationError`. It must not be called while a value that it uses is unknown. */
  readonly evaluate: (node: Node) => {
    readonly get: (scope: Scope) => unknown
    readonly unknown: (scope: Scope) => boolean
  }
}

type Reader = (scope: Scope) => unknown

const readerOf = (name: string, environment: Environment): Reader => {
  const slot = environment.aggregates.indexOf(name)
  if (slot >= 0) return (scope) => scope.aggregates[slot]
  if (name === "matched") {
    return ({ matched }) =>
      Object.fromEntries(
        environment.stages.map((stage) => [
          stage,
          (matched[stage] ?? []).map((item) => new MatchedItem(item)),
        ]),
      )
  }
  return (scope) => scope[name as "value" | "previous" | "at" | "labels" | "event"]
}

const usesOf = (node: Node, environment: Environment): Uses => {
  const names = namesIn(node)
  const slots = new Set(environment.aggregates.flatMap((name, slot) => (names.has(name) ? [slot] : [])))
  const readers = variablesOf(environment)
    .filter(
      (name) =>
        names.has(name) && (name === "value" || name === "previous" || environment.aggregates.includes(name)),
    )
    .map((name) => [name, readerOf(name, environment)] as const)
  return {
    slots,
    previous: names.has("previous"),
    matched: names.has("matched"),
    any: readers.length > 0,
    missing: (scope) => readers.flatMap(([name, read]) => (Number.isNaN(read(scope)) ? [name] : [])),
    unknown: (scope) => readers.some(([, read]) => Number.isNaN(read(scope))),
  }
}

/** Steps of a node of the library, and of one for each item that a pattern matched. */
const nodeSteps = 3

const itemsOf = ({ matched }: Scope): number => {
  let items = 0
  for (const stage in matched) items += matched[stage]!.length
  return items
}

/** A message of the library without its picture of the source. */
const said = (error: unknown): string =>
  (error as { readonly summary?: string }).summary ?? (error instanceof Error ? error.message : String(error))

export const libraryOf = (language: Language, environment: Environment): Library => {
  const variables = variablesOf(environment)
  return {
    isVariable: (name) => variables.includes(name),
    uses: (node) => usesOf(node, environment),
    evaluate: (node) => {
      const names = namesIn(node)
      const readers = variables
        .filter((name) => names.has(name))
        .map((name) => [name, readerOf(name, environment)] as const)
      const run = language.parse(print(node))
      const checked = run.check()
      if (!checked.valid) throw checked.error
      const steps = nodeSteps * countOf(node)
      const goesOver = names.has("matched")
      const get = (scope: Scope): unknown => {
        if (goesOver) spend(steps * (1 + itemsOf(scope)))
        const context: Record<string, unknown> = {}
        for (const [name, read] of readers) context[name] = read(scope)
        try {
          return run(context)
        } catch (error) {
          if (error instanceof EvaluationError) throw error
          throw new EvaluationError(said(error))
        }
      }
      return { get, unknown: usesOf(node, environment).unknown }
    },
  }
}
