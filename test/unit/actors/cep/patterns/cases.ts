/** Streams and patterns in a shorthand: items are words such as `a1`, whose letter is the kind that stages ask for. */

import type { Condition, Scope } from "../../../../../actors/cep/expression/expression.ts"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import type { Item } from "../../../../../actors/cep/item.ts"
import { compilePattern } from "../../../../../actors/cep/patterns/compile-pattern.ts"
import type { Match, PatternPlan } from "../../../../../actors/cep/patterns/pattern.ts"
import type { PatternDocument } from "../../../../../schemas/index.ts"

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

/** What was matched before, each item once, in order. */
export type MatchedItems = ReadonlyArray<Item>

const itemsIn = (matched: Scope["matched"]): MatchedItems =>
  [...new Set(Object.values(matched).flat())].sort((left, right) => left.at - right.at)

/** Conditions that look at what was matched: its number, or whether it began with b. */
const iterative: Record<string, (kind: string, matched: MatchedItems) => boolean> = {
  odd: (kind, matched) => "ab".includes(kind) && matched.length % 2 === 1,
  c_after_b: (kind, matched) => kind === "c" && matched[0]?.attributes.kind === "b",
  even: (kind, matched) => "bc".includes(kind) && matched.length % 2 === 0,
}

/** A condition is one of those above, or the kinds that it takes: `abc`. */
export const holds = (source: string, item: Item, matched: MatchedItems): boolean => {
  const kind = String(item.attributes.kind)
  return iterative[source]?.(kind, matched) ?? source.includes(kind)
}

export const compileKinds = (source: string): Condition => {
  const usesMatched = iterative[source] !== undefined
  const evaluate = (scope: Scope): boolean => {
    const kind = String(scope.event.kind)
    return usesMatched ? iterative[source]!(kind, itemsIn(scope.matched)) : source.includes(kind)
  }
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
  const matcher = planOf(document).make(new HeldBytes())
  const found = items.flatMap((item) => matcher.offer(item))
  return [...found, ...matcher.advance(Number.MAX_SAFE_INTEGER)].map(wordsOf)
}
