/**
 * Regular expressions whose cost is known: a text is read once, character by character, with all the places where the
 * pattern can be (Thompson's construction), so no pattern is slow on any text. Of RE2's syntax it has literals, `.`,
 * classes, `\d \w \s \D \W \S`, groups, `|`, `* + ?`, `{n,m}`, and `^` and `$` for the ends of the text.
 * Source: https://swtch.com/~rsc/regexp/regexp1.html
 */

import { PatternReader, Refused, type State } from "./pattern-reader.ts"

export interface TextPattern {
  readonly test: (text: string) => boolean
}

/** Adds a state and all that are reached from it without a character. True when the pattern's end is among them. */
const reach = (
  states: ReadonlyArray<State>,
  into: Set<number>,
  from: number,
  atStart: boolean,
  atEnd: boolean,
) => {
  const open = [from]
  let ended = false
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (into.has(index)) continue
    into.add(index)
    const state = states[index]!
    if (state.accepts !== undefined) continue
    if ((state.assert === "start" && !atStart) || (state.assert === "end" && !atEnd)) continue
    if (state.next === -1 && state.other === -1) ended = true
    if (state.next !== -1) open.push(state.next)
    if (state.other !== -1) open.push(state.other)
  }
  return ended
}

const run = (states: ReadonlyArray<State>, start: number, text: string): boolean => {
  let current = new Set<number>()
  for (let at = 0; ; ) {
    if (reach(states, current, start, at === 0, at === text.length)) return true
    if (at === text.length) return false
    const code = text.codePointAt(at)!
    at += code > 0xffff ? 2 : 1
    const next = new Set<number>()
    for (const index of current) {
      const state = states[index]!
      if (state.accepts?.(code) === true && reach(states, next, state.next, false, at === text.length))
        return true
    }
    current = next
  }
}

/** Finds the pattern anywhere in a text, as CEL's `matches` does. */
export const textPattern = (source: string): TextPattern | { readonly refused: string } => {
  try {
    const reader = new PatternReader(source)
    const start = reader.compile()
    return { test: (text) => run(reader.states, start, text) }
  } catch (error) {
    if (error instanceof Refused) return { refused: error.message }
    throw error
  }
}
