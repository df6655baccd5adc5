/**
 * Regular expressions whose cost is known: a text is read once, character by character, with all the places where the
 * pattern can be (Thompson's construction), so no pattern is slow on any text. Of RE2's syntax it has literals, `.`,
 * classes, `\d \w \s \D \W \S`, groups, `|`, `* + ?`, `{n,m}`, and `^` and `$` for the ends of the text.
 * Source: https://swtch.com/~rsc/regexp/regexp1.html
 */

import { spend } from "./effort.ts"
import { PatternReader, Refused, type State } from "./pattern-reader.ts"

export interface TextPattern {
  readonly test: (text: string) => boolean
}

/** States in the order in which they were reached, each once. */
class Reached {
  readonly states: Uint16Array
  size = 0
  private readonly places: Uint16Array

  constructor(count: number) {
    this.states = new Uint16Array(count)
    this.places = new Uint16Array(count)
  }

  /** False when it is there already. */
  add(state: number): boolean {
    const place = this.places[state]!
    if (place < this.size && this.states[place] === state) return false
    this.places[state] = this.size
    this.states[this.size] = state
    this.size += 1
    return true
  }
}

class Machine {
  private readonly states: ReadonlyArray<State>
  private readonly start: number
  private current: Reached
  private next: Reached
  private readonly open: Array<number> = []

  constructor(states: ReadonlyArray<State>, start: number) {
    this.states = states
    this.start = start
    this.current = new Reached(states.length)
    this.next = new Reached(states.length)
  }

  /** Adds a state and all that are reached from it without a character. True when the pattern's end is among them. */
  private reach(into: Reached, from: number, atStart: boolean, atEnd: boolean): boolean {
    const { open, states } = this
    open.push(from)
    let ended = false
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (!into.add(index)) continue
      const state = states[index]!
      if (state.accepts !== undefined) continue
      if ((state.assert === "start" && !atStart) || (state.assert === "end" && !atEnd)) continue
      if (state.next === -1 && state.other === -1) ended = true
      if (state.next !== -1) open.push(state.next)
      if (state.other !== -1) open.push(state.other)
    }
    return ended
  }

  run(text: string): boolean {
    const { states, start } = this
    this.current.size = 0
    for (let at = 0; ; ) {
      if (this.reach(this.current, start, at === 0, at === text.length)) return true
      spend(this.current.size)
      if (at === text.length) return false
      const code = text.codePointAt(at)!
      at += code > 0xffff ? 2 : 1
      const { current, next } = this
      next.size = 0
      for (let place = 0; place < current.size; place++) {
        const state = states[current.states[place]!]!
        if (state.accepts?.(code) === true && this.reach(next, state.next, false, at === text.length))
          return true
      }
      this.current = next
      this.next = current
    }
  }
}

/** Finds the pattern anywhere in a text, as CEL's `matches` does. Errors: in an expression `test` throws when it takes too many steps. */
export const textPattern = (source: string): TextPattern | { readonly refused: string } => {
  try {
    const reader = new PatternReader(source)
    const start = reader.compile()
    const machine = new Machine(reader.states, start)
    return { test: (text) => machine.run(text) }
  } catch (error) {
    if (error instanceof Refused) return { refused: error.message }
    throw error
  }
}
