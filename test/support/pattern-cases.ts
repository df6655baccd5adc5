/** Streams and patterns in a shorthand: items are words such as `a1`, whose letter is the kind that stages ask for. */

import type { Condition, Scope } from "../../actors/cep/expression/expression.ts"
import type { Item } from "../../actors/cep/item.ts"
import { compilePattern } from "../../actors/cep/patterns/compile-pattern.ts"
import type { Match, PatternPlan } from "../../actors/cep/patterns/pattern.ts"
import type { PatternDocument } from "../../schemas/index.ts"

/** `a1` at second 1, as an event `e` with the attributes `kind` and `id`. */
export const itemOf = (word: string, at: number): Item => ({
  name: "e",
  isEvent: true,
  labels: { kind: word[0]! },
  attributes: { kind: word[0]!, id: word },
  value: Number.NaN,
  at,
})

/** Items a second apart. */
export const itemsOf = (words: string): ReadonlyArray<Item> =>
  words
    .split(" ")
    .filter((word) => word !== "")
    .map((word, at) => itemOf(word, (at + 1) * 1_000))

const conditions: Record<string, (scope: Scope) => boolean> = {}
/** Names a condition that looks at what was matched; without a name, `abc` is true of the kinds a, b and c. */
export const named = (name: string, holds: (scope: Scope) => boolean): string => {
  conditions[name] = holds
  return name
}

export const compileKinds = (source: string): Condition => {
  const iterative = conditions[source]
  const evaluate = iterative ?? ((scope: Scope) => source.includes(String(scope.event.kind)))
  const usesMatched = iterative !== undefined
  return { source, uses: new Set(), usesPrevious: false, usesMatched, evaluate, explain: () => [] }
}

export const planOf = (document: PatternDocument): PatternPlan => {
  const compiled = compilePattern(document, { event: "e", where: {} }, compileKinds)
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems))
  return compiled.plan
}

/** `a1 b1 b2`: items of a match in order, each once. */
export const wordsOf = (match: Match): string =>
  [...new Set(Object.values(match.stages).flat())]
    .sort((left, right) => left.at - right.at)
    .map((item) => String(item.attributes.id))
    .join(" ")

export const matchesOf = (document: PatternDocument, items: ReadonlyArray<Item>): ReadonlyArray<string> => {
  const matcher = planOf(document).make()
  const found = items.flatMap((item) => matcher.offer(item))
  return [...found, ...matcher.advance(Number.MAX_SAFE_INTEGER)].map(wordsOf)
}
