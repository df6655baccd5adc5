/** Reads a regular expression into the states of `text-pattern.ts` (Thompson's construction), or refuses it. */

export const patternStatesMax = 500
const repeatMax = 100

type Accepts = (code: number) => boolean
/** A state either takes a character and goes on to `next`, or is passed through to `next` and `other`. */
export interface State {
  readonly accepts?: Accepts
  readonly assert?: "start" | "end"
  next: number
  other: number
}

export class Refused extends Error {}

const digit: Accepts = (code) => code >= 48 && code <= 57
const word: Accepts = (code) =>
  digit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95
const space: Accepts = (code) => code === 32 || (code >= 9 && code <= 13)
const classes: Readonly<Record<string, Accepts>> = {
  d: digit,
  w: word,
  s: space,
  D: (code) => !digit(code),
  W: (code) => !word(code),
  S: (code) => !space(code),
}
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9 }

/** A piece of the machine: where it begins, and the states whose `next` (or `other`) is to be joined to what follows. */
interface Piece {
  readonly start: number
  readonly ends: ReadonlyArray<readonly [number, "next" | "other"]>
}

export class PatternReader {
  readonly states: Array<State> = []
  private at = 0
  private readonly characters: ReadonlyArray<string>

  constructor(source: string) {
    this.characters = [...source]
  }

  compile(): number {
    const piece = this.alternatives()
    if (this.at < this.characters.length) throw new Refused('has a ")" without a "("')
    this.join(piece, this.add({ next: -1, other: -1 }))
    return piece.start
  }

  private add(state: State): number {
    if (this.states.length >= patternStatesMax) {
      throw new Refused(`needs more than ${patternStatesMax} steps`)
    }
    return this.states.push(state) - 1
  }

  private join(piece: Piece, to: number): void {
    for (const [state, way] of piece.ends) this.states[state]![way] = to
  }

  private peek(): string | undefined {
    return this.characters[this.at]
  }

  private alternatives(): Piece {
    let left = this.sequence()
    while (this.peek() === "|") {
      this.at += 1
      const right = this.sequence()
      left = {
        start: this.add({ next: left.start, other: right.start }),
        ends: [...left.ends, ...right.ends],
      }
    }
    return left
  }

  private sequence(): Piece {
    let whole: Piece | undefined
    for (let next = this.peek(); next !== undefined && next !== "|" && next !== ")"; next = this.peek()) {
      const piece = this.repeated()
      if (whole !== undefined) this.join(whole, piece.start)
      whole = whole === undefined ? piece : { start: whole.start, ends: piece.ends }
    }
    return whole ?? this.passed()
  }

  /** Takes nothing. */
  private passed(): Piece {
    const start = this.add({ next: -1, other: -1 })
    return { start, ends: [[start, "next"]] }
  }

  private repeated(): Piece {
    const from = this.at
    let piece = this.atom()
    const mark = this.peek()
    const bounds = mark === "{" ? this.bounds() : undefined
    if (bounds !== undefined) {
      const after = this.at
      piece = this.times(piece, from, bounds.min, bounds.max)
      this.at = after
    } else if (mark === "*" || mark === "+" || mark === "?") {
      this.at += 1
      piece = mark === "*" ? this.star(piece) : mark === "+" ? this.plus(piece) : this.maybe(piece)
    }
    if (bounds !== undefined || mark === "*" || mark === "+" || mark === "?") {
      if (this.peek() === "?") this.at += 1
      if (["*", "+", "{"].includes(this.peek() ?? "")) throw new Refused("repeats a repetition")
    }
    return piece
  }

  private star(piece: Piece): Piece {
    const fork = this.add({ next: piece.start, other: -1 })
    this.join(piece, fork)
    return { start: fork, ends: [[fork, "other"]] }
  }

  private plus(piece: Piece): Piece {
    return { start: piece.start, ends: this.star(piece).ends }
  }

  private maybe(piece: Piece): Piece {
    const fork = this.add({ next: piece.start, other: -1 })
    return { start: fork, ends: [...piece.ends, [fork, "other"]] }
  }

  /** Reads the atom again for each time that it may come. */
  private times(first: Piece, from: number, min: number, max: number | undefined): Piece {
    const again = (): Piece => {
      this.at = from
      return this.atom()
    }
    if (max === 0) return this.passed()
    const follow = (whole: Piece, piece: Piece): Piece => {
      this.join(whole, piece.start)
      return { start: whole.start, ends: piece.ends }
    }
    let whole = min > 0 ? first : max === undefined ? this.star(first) : this.maybe(first)
    for (let count = 1; count < min; count += 1) whole = follow(whole, again())
    if (min > 0 && max === undefined) whole = follow(whole, this.star(again()))
    for (let count = Math.max(1, min); count < (max ?? 0); count += 1)
      whole = follow(whole, this.maybe(again()))
    return whole
  }

  /** `{n}`, `{n,}`, `{n,m}`; anything else after a `{` is that character. */
  private bounds(): { readonly min: number; readonly max: number | undefined } | undefined {
    const rest = this.characters.slice(this.at, this.at + 12).join("")
    const found = /^\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\}/u.exec(rest)
    if (found === null) return undefined
    const min = Number(found[1])
    const max = found[2] === undefined ? min : found[3] === "" ? undefined : Number(found[3])
    if (min > repeatMax || (max ?? 0) > repeatMax) throw new Refused(`repeats more than ${repeatMax} times`)
    if (max !== undefined && max < min) throw new Refused("repeats at least more often than at most")
    this.at += found[0].length
    return { min, max }
  }

  private atom(): Piece {
    const character = this.characters[this.at]!
    this.at += 1
    if (character === "(") return this.group()
    if (character === "[") return this.one(this.bracket())
    if (character === "\\") return this.one(this.escape())
    if (character === ".") return this.one((code) => code !== 10)
    if (character === "^" || character === "$") {
      const start = this.add({ assert: character === "^" ? "start" : "end", next: -1, other: -1 })
      return { start, ends: [[start, "next"]] }
    }
    if (character === "*" || character === "+" || character === "?") {
      throw new Refused(`has a "${character}" that repeats nothing`)
    }
    const code = character.codePointAt(0)!
    return this.one((candidate) => candidate === code)
  }

  private one(accepts: Accepts): Piece {
    const start = this.add({ accepts, next: -1, other: -1 })
    return { start, ends: [[start, "next"]] }
  }

  private group(): Piece {
    if (this.peek() === "?") {
      if (this.characters[this.at + 1] !== ":") {
        throw new Refused('has a group "(?…" other than "(?:…)"; there is no looking ahead, behind or back')
      }
      this.at += 2
    }
    const piece = this.alternatives()
    if (this.peek() !== ")") throw new Refused('has a "(" without a ")"')
    this.at += 1
    return piece
  }

  private escape(): Accepts {
    const character = this.characters[this.at]
    if (character === undefined) throw new Refused('ends with a "\\"')
    this.at += 1
    const known = classes[character]
    if (known !== undefined) return known
    const control = controls[character]
    if (control === undefined && /[0-9a-zA-Z]/u.test(character)) {
      throw new Refused(`has "\\${character}", which is not among \\d \\w \\s \\D \\W \\S \\n \\r \\t`)
    }
    const code = control ?? character.codePointAt(0)!
    return (candidate) => candidate === code
  }

  private bracket(): Accepts {
    const negated = this.peek() === "^"
    if (negated) this.at += 1
    const parts: Array<Accepts> = []
    for (let first = true; first || this.peek() !== "]"; first = false) {
      const from = this.peek()
      if (from === undefined) throw new Refused('has a "[" without a "]"')
      this.at += 1
      if (from === "\\") {
        parts.push(this.escape())
        continue
      }
      const low = from.codePointAt(0)!
      const to = this.characters[this.at + 1]
      if (this.peek() !== "-" || to === undefined || to === "]" || to === "\\") {
        parts.push((code) => code === low)
        continue
      }
      const high = to.codePointAt(0)!
      if (high < low) throw new Refused(`has the range "${from}-${to}", which is empty`)
      this.at += 2
      parts.push((code) => code >= low && code <= high)
    }
    this.at += 1
    return (code) => parts.some((part) => part(code)) !== negated
  }
}
