/**
 * Which of many lists of matchers fit an alert. What the matchers of one label say of one text is asked once, and only of
 * lists that still can fit: an alert costs what is new about it, however many silences there are.
 */
import type { Matcher } from "../../schemas/index.ts"
import { labelOf } from "./grouping.ts"
import { indexedTextsMax } from "./limits.ts"
import { holds, type Labelled } from "./matchers.ts"

export interface Listed {
  readonly id: string
  readonly matchers: ReadonlyArray<Matcher>
}

/** A set of lists, a bit for each by its place. */
type Places = Uint32Array
/** Of a text: the lists that were asked, and those of them whose matchers of this label hold. */
interface Text {
  readonly asked: Places
  readonly held: Places
}

interface OfLabel {
  readonly label: string
  /** By the list's place. */
  readonly matchers: Map<number, Array<Matcher>>
  readonly places: Places
  readonly texts: Map<string, Text>
}

const isPattern = ({ operator }: Matcher): boolean => operator === "=~" || operator === "!~"
const patternsIn = ({ matchers }: OfLabel): number =>
  [...matchers.values()].reduce((sum, some) => sum + some.filter(isPattern).length, 0)

const add = (places: Places, place: number): void => {
  places[place >>> 5]! |= 1 << (place & 31)
}

const has = (places: Places, place: number): boolean => (places[place >>> 5]! & (1 << (place & 31))) !== 0

export class QuietIndex {
  private readonly lists: ReadonlyArray<Listed>
  /** Those without patterns first: what they rule out is asked no pattern. */
  private readonly labels: ReadonlyArray<OfLabel>
  private texts = 0

  constructor(lists: ReadonlyArray<Listed>) {
    this.lists = lists
    const labels = new Map<string, OfLabel>()
    lists.forEach(({ matchers }, place) => {
      for (const matcher of matchers) {
        const { name: label } = matcher
        const of = labels.get(label) ?? {
          label,
          matchers: new Map(),
          places: this.noPlaces(),
          texts: new Map(),
        }
        labels.set(label, of)
        of.matchers.set(place, [...(of.matchers.get(place) ?? []), matcher])
        add(of.places, place)
      }
    })
    this.labels = [...labels.values()].toSorted((one, other) => patternsIn(one) - patternsIn(other))
  }

  private noPlaces(): Places {
    return new Uint32Array(Math.ceil(this.lists.length / 32))
  }

  /** Ids of the lists that fit, in their order. */
  fitting(alert: Labelled): ReadonlyArray<string> {
    if (this.lists.length === 0) return []
    const left = this.noPlaces().fill(0xffffffff)
    for (const of of this.labels) {
      if (!left.some((word, index) => (word & of.places[index]!) !== 0)) continue
      const text = labelOf(alert, of.label)
      const { held } = this.ask(of, text, left)
      for (let index = 0; index < left.length; index++) left[index]! &= ~of.places[index]! | held[index]!
      if (left.every((word) => word === 0)) return []
    }
    return this.lists.flatMap(({ id }, place) => (has(left, place) ? [id] : []))
  }

  private ask(of: OfLabel, text: string, left: Places): Text {
    const known = this.textOf(of, text)
    for (let index = 0; index < left.length; index++) {
      let open = left[index]! & of.places[index]! & ~known.asked[index]!
      known.asked[index]! |= open
      for (; open !== 0; open &= open - 1) {
        const place = index * 32 + 31 - Math.clz32(open & -open)
        if (of.matchers.get(place)!.every((matcher) => holds(matcher, text))) add(known.held, place)
      }
    }
    return known
  }

  private textOf({ texts }: OfLabel, text: string): Text {
    const before = texts.get(text)
    if (before !== undefined) return before
    if (this.texts >= indexedTextsMax) {
      for (const label of this.labels) label.texts.clear()
      this.texts = 0
    }
    const fresh = { asked: this.noPlaces(), held: this.noPlaces() }
    texts.set(text, fresh)
    this.texts += 1
    return fresh
  }
}

/** An index for each record of lists: records never change. */
export const indexing = <R extends object>(
  listsOf: (record: R) => ReadonlyArray<Listed>,
): ((record: R) => QuietIndex) => {
  const known = new WeakMap<object, QuietIndex>()
  return (record) => {
    const before = known.get(record)
    if (before !== undefined) return before
    const index = new QuietIndex(listsOf(record))
    known.set(record, index)
    return index
  }
}
