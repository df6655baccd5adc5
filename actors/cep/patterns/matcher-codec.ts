/** Writes and reads the partial matches of one group. Shared beginnings are written once, and shared again when read. */
import type { EventAttributes, Labels } from "../../../schemas/index.ts"
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { Item } from "../item.ts"
import type { PatternMatcher } from "./matcher.ts"
import type { Entry, Start, Taken } from "./partial-matches.ts"

/** Since 2: what was shown to conditions. */
const formatVersion = 2

/** Gives each thing a number when it is seen for the first time. */
class Numbers<Thing> {
  readonly things: Array<Thing> = []
  private readonly numbers = new Map<Thing, number>()

  of(thing: Thing): number {
    const known = this.numbers.get(thing)
    if (known !== undefined) return known
    const number = this.things.length
    this.numbers.set(thing, number)
    this.things.push(thing)
    return number
  }

  has(thing: Thing): boolean {
    return this.numbers.has(thing)
  }
}

/** All that is held, what comes before always ahead of what comes after. */
const collect = (matcher: PatternMatcher, chains: Numbers<Taken>): void => {
  const add = (last: Taken): void => {
    const missing: Array<Taken> = []
    for (let taken: Taken | undefined = last; taken && !chains.has(taken); taken = taken.before)
      missing.push(taken)
    for (const taken of missing.reverse()) chains.of(taken)
  }
  for (const bucket of matcher.partials.buckets.values())
    for (const partial of bucket.partials) add(partial.last)
  for (const completed of matcher.completed.held) add(completed.last)
}

const writeItems = (writer: ByteWriter, entries: ReadonlyArray<Entry>): void => {
  const labels = new Numbers<Labels>()
  for (const { item } of entries) labels.of(item.labels)
  writer.count(labels.things.length)
  for (const one of labels.things) writer.json(one)
  writer.count(entries.length)
  for (const { item, index } of entries) {
    writer.count(index)
    writer.text(item.name)
    writer.byte(item.isEvent ? 1 : 0)
    writer.count(labels.of(item.labels))
    if (item.isEvent) writer.json(item.attributes)
    writer.number(item.value)
    writer.number(item.at)
  }
}

const noAttributes: EventAttributes = {}

const readItems = (reader: ByteReader, matcher: PatternMatcher): ReadonlyArray<Entry> => {
  const labels: Array<Labels> = []
  for (let left = reader.count(); left > 0; left--) labels.push(reader.json() as Labels)
  const entries: Array<Entry> = []
  for (let left = reader.count(); left > 0; left--) {
    const index = reader.count()
    const name = reader.text()
    const isEvent = reader.byte() === 1
    const own = labels[reader.count()]!
    const attributes = isEvent ? (reader.json() as EventAttributes) : noAttributes
    const value = reader.number()
    const item: Item = { name, isEvent, labels: own, attributes, value, at: reader.number() }
    entries.push(matcher.partials.entry(item, index))
  }
  return entries
}

export const encodeMatcher = (writer: ByteWriter, matcher: PatternMatcher): void => {
  const { partials, completed } = matcher
  const chains = new Numbers<Taken>()
  collect(matcher, chains)
  const entries = new Numbers<Entry>()
  for (const taken of chains.things) entries.of(taken.entry)
  writer.byte(formatVersion)
  writer.count(matcher.next)
  writer.count(partials.serial)
  writer.count(matcher.limitedCount)
  writeItems(writer, entries.things)
  writer.count(chains.things.length)
  for (const taken of chains.things) {
    writer.count(entries.of(taken.entry))
    writer.count(taken.position)
    writer.count(taken.alternative)
    writer.count(taken.before === undefined ? 0 : chains.of(taken.before) + 1)
    writer.byte(taken.isShown ? 1 : 0)
  }
  writer.count(partials.buckets.size)
  for (const bucket of partials.buckets.values()) {
    writer.count(bucket.position)
    writer.count(bucket.open)
    writer.count(bucket.partials.size)
    for (const partial of bucket.partials) {
      writer.count(partial.serial)
      writer.count(partial.start.index)
      writer.number(partial.start.at)
      writer.count(partial.count)
      writer.count(partial.rounds)
      writer.byte(partial.done ? 1 : 0)
      writer.count(chains.of(partial.last))
    }
  }
  writer.count(completed.held.length)
  for (const { startIndex, startAt, endAt, last } of completed.held) {
    writer.count(startIndex)
    writer.number(startAt)
    writer.number(endAt)
    writer.count(chains.of(last))
  }
}

const readChains = (reader: ByteReader, matcher: PatternMatcher, version: number): ReadonlyArray<Taken> => {
  const entries = readItems(reader, matcher)
  const chains: Array<Taken> = []
  const shown: Array<Taken> = []
  for (let left = reader.count(); left > 0; left--) {
    const entry = entries[reader.count()]!
    const position = reader.count()
    const alternative = reader.count()
    const before = reader.count()
    if (matcher.graph.positions[position]?.leaf.alternatives[alternative] === undefined) {
      throw new RangeError("partial matches of another pattern")
    }
    const taken = matcher.partials.take(
      entry,
      position,
      alternative,
      before === 0 ? undefined : chains[before - 1],
    )
    chains.push(taken)
    if (version >= 2 && reader.byte() === 1) shown.push(taken)
  }
  // Taking one says of that before it that it was not.
  for (const taken of shown) taken.isShown = true
  return chains
}

/** Fills a new matcher of the same pattern. Errors: RangeError for what was not written by `encodeMatcher`. */
export const decodeMatcher = (reader: ByteReader, matcher: PatternMatcher): void => {
  const { partials } = matcher
  const version = reader.byte()
  if (version < 1 || version > formatVersion)
    throw new RangeError(`partial matches of an unknown format, ${version}`)
  matcher.next = reader.count()
  partials.serial = reader.count()
  matcher.limitedCount = reader.count()
  const chains = readChains(reader, matcher, version)
  const starts = new Map<number, Start>()
  const read: Array<Parameters<typeof partials.add>[0]> = []
  for (let buckets = reader.count(); buckets > 0; buckets--) {
    const position = reader.count()
    const open = reader.count()
    for (let left = reader.count(); left > 0; left--) {
      const serial = reader.count()
      const index = reader.count()
      const at = reader.number()
      const start = starts.get(index) ?? partials.start(index, at)
      starts.set(index, start)
      const count = reader.count()
      const rounds = reader.count()
      const done = reader.byte() === 1
      const last = chains[reader.count()]!
      const partial = { start, position, count, rounds, last, serial, open, done, alive: true }
      partials.place(partial)
      read.push(partial)
    }
  }
  read.sort((left, right) => left.start.index - right.start.index || left.serial - right.serial)
  for (const partial of read) partials.list(partial)
  for (let left = reader.count(); left > 0; left--) {
    const startIndex = reader.count()
    const startAt = reader.number()
    const endAt = reader.number()
    matcher.completed.restore({ startIndex, startAt, endAt, last: chains[reader.count()]! })
  }
  matcher.settle()
}
