/**
 * What must hold for every actor kind, whatever it does: what it writes is read as it was, its journal folds to the
 * same state from any snapshot, and a command that is delivered twice has one effect. Violations come as lines.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AnyProtocol, Fields, PlainCodec } from "../../schemas/index.ts"
import * as Address from "../address.ts"
import { Cell } from "../cell.ts"
import * as Checkpoint from "../checkpoint.ts"
import type { AnyKind } from "../define.ts"
import { encodeBatch } from "../envelope.ts"
import type { Input } from "../handle.ts"
import * as Limits from "../limits.ts"
import { Partition } from "../partition.ts"
import * as Record from "../record.ts"

export interface LawOptions {
  /** Values per schema, and lives of an actor. Default: 60 */
  readonly runs?: number
  /** Commands in one life. Default: 12 */
  readonly commands?: number
  /** How large generated values grow. Default: 12 */
  readonly size?: number
  readonly seed?: string
}

interface Named {
  readonly name: string
  readonly schema: PlainCodec
}

/** Every schema that ends up in a mailbox, a journal or a snapshot of this kind. */
export const schemasOf = (kind: AnyKind): ReadonlyArray<Named> => {
  const protocol: AnyProtocol = kind.protocol
  const tagged = (what: string, map: Readonly<Record<string, Fields>>): ReadonlyArray<Named> =>
    Object.entries(map).map(([tag, fields]) => ({
      name: `${what} ${tag}`,
      schema: Schema.TaggedStruct(tag, fields) as unknown as PlainCodec,
    }))
  const commands = Object.entries(protocol.commands) as ReadonlyArray<
    readonly [string, { readonly fields: Fields; readonly reply: PlainCodec }]
  >
  return [
    ...tagged("command", Object.fromEntries(commands.map(([tag, { fields }]) => [tag, fields]))),
    ...tagged("event", kind.events),
    ...tagged("rejection", protocol.rejections),
    ...commands
      .filter(([tag]) => protocol.answersLater.has(tag))
      .map(([tag, { reply }]) => ({ name: `answer to ${tag}`, schema: reply })),
    { name: "state", schema: kind.state },
  ]
}

const json = (value: unknown): string => JSON.stringify(value ?? null)

/** What is written is read as it was: `decode` of `encode`, through JSON, gives what encodes to the same again. */
const encodingLaw = (kind: AnyKind, options: Required<LawOptions>): ReadonlyArray<string> =>
  schemasOf(kind).flatMap(({ name, schema }) => {
    const decode = Schema.decodeUnknownSync(schema)
    const encode = Schema.encodeUnknownSync(schema)
    return samples(schema, options.runs, options).flatMap((value) => {
      const written = json(encode(value))
      // No object can have a field of this name: schemas leave it out.
      if (written.includes('"__proto__":')) return []
      const again = json(encode(decode(JSON.parse(written))))
      return written === again ? [] : [`${name}: ${written} is read as ${again}`]
    })
  })

const samples = (
  schema: PlainCodec,
  count: number,
  { size, seed }: Required<LawOptions>,
): ReadonlyArray<unknown> =>
  Effect.runSync(Arbitrary.sampleEffect(Arbitrary.schema(schema), { count, size, seed }))

/** A partition without anything around it: commands go in, records come out and are committed at once. */
class Loop {
  readonly records: Array<{ readonly sequence: number; readonly data: Uint8Array }> = []
  readonly partition: Partition
  private now = 1_800_000_000_000

  constructor(kind: AnyKind) {
    this.partition = new Partition({
      partition: 0,
      owner: "law",
      kinds: new Map([[kind.protocol.kind, kind]]),
      limits: Limits.make(),
      outlet: {
        wake: ignore,
        forward: ignore,
        answer: ignore,
        bury: ignore,
        startActivity: ignore,
        cancelActivity: ignore,
        signal: ignore,
        flush: ignore,
      },
      now: () => this.now,
      checkpoint: Checkpoint.empty,
      captured: ignore,
    })
  }

  deliver(sequence: number, data: Uint8Array): void {
    this.now += 1_000
    this.partition.deliver({ sequence, data, storedAt: this.now })
    for (const cell of this.partition.cold) {
      cell.loaded = true
      this.partition.cold.delete(cell)
      this.partition.run(cell)
    }
    for (;;) {
      const record = this.partition.takeRecord()
      if (record === undefined) return
      const stored = this.partition.journalSequence + 1
      this.records.push({ sequence: stored, data: record.data })
      this.partition.committed(stored, record.entries)
    }
  }
}

const ignore = () => {}

/** Lives of one actor under arbitrary commands: every cut folds to the same state, and repeats change nothing. */
const lifeLaw = (kind: AnyKind, options: Required<LawOptions>): ReadonlyArray<string> => {
  const schemas = schemasOf(kind).filter(({ name }) => name.startsWith("command "))
  const address = { tenant: "law", kind: kind.protocol.kind, key: "one" }
  const violations: Array<string> = []
  for (let run = 0; run < options.runs; run++) {
    const lane = { ...options, seed: `${options.seed} ${run}` }
    const commands = schemas.map(({ schema }) =>
      samples(schema, options.commands, lane).map((value) => Schema.encodeUnknownSync(schema)(value)),
    )
    const loop = new Loop(kind)
    for (let index = 0; index < options.commands; index++) {
      const body = commands[(index * 7 + run) % commands.length]![index]
      const data = batchOf(address, kind, body, index)
      loop.deliver(2 * index + 1, data)
      const before = loop.records.length
      loop.deliver(2 * index + 2, data)
      if (loop.records.length !== before) violations.push(`handled twice: ${json(body)}`)
    }
    violations.push(...foldLaw(kind, address, loop))
  }
  return violations
}

const batchOf = (address: Address.Address, kind: AnyKind, body: unknown, index: number): Uint8Array =>
  encodeBatch([
    JSON.stringify({
      id: `c${index}`,
      to: Address.format(address),
      version: kind.protocol.version,
      body,
      source: "s:law",
      mark: [index + 1, 0],
      trace: `00-${"1".repeat(32)}-${"2".repeat(16)}-01`,
      replyTo: { node: "law", ask: index + 1 },
    }),
  ])

const drain = <A>(steps: Generator<unknown, A>): A => {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** A large state that is written and read in slices is what it is when it is written and read whole. */
const sliceLaw = (kind: AnyKind, options: Required<LawOptions>): ReadonlyArray<string> => {
  const address = { tenant: "law", kind: kind.protocol.kind, key: "one" }
  const cellOf = () => new Cell<Input>(Address.format(address), address, kind)
  const { snapshotBytesMax } = Limits.defaults
  return samples(kind.state, options.runs, options).flatMap((state) => {
    const cell = cellOf()
    cell.state = state
    const taken = cell.capture(7, snapshotBytesMax)
    const data = taken instanceof Uint8Array ? taken : drain(taken)
    const [sliced, whole] = [cellOf(), cellOf()]
    drain(sliced.restoreSlices(data, 1))
    whole.restore(data, 1)
    const [expected, ...read] = [cell, sliced, whole].map((one) => json(kind.codec.state.encode(one.state)))
    if (expected!.includes('"__proto__":')) return []
    return read.every((one) => one === expected)
      ? []
      : [`in slices: ${expected} is read as ${read.join(" and ")}`]
  })
}

/** fold(all) = fold(snapshot + tail) = what the actor was in memory, for every place of the snapshot. */
const foldLaw = (kind: AnyKind, address: Address.Address, loop: Loop): ReadonlyArray<string> => {
  const id = Address.format(address)
  const entries = loop.records.flatMap(({ data }) => {
    const record = Record.decode(data)
    return "corrupt" in record ? [] : record.entries
  })
  const fresh = () => new Cell<Input>(id, address, kind)
  const apply = (cell: Cell<Input>, entry: Record.Entry) => {
    cell.replayEvents(entry, 0)
    if (entry.cause.t !== "malformed") cell.applyChanges(entry, entry.cause.trace, Limits.defaults)
  }
  const told = (cell: Cell<Input>) =>
    new TextDecoder()
      .decode(cell.encodeSnapshot(0, Limits.defaults.snapshotBytesMax))
      .replaceAll(/"trace":"[^"]*"/g, "")
  const lived = loop.partition.cellOf(id)
  const expected = lived === undefined ? "" : told(lived)
  const violations: Array<string> = []
  const running = fresh()
  for (let cut = 0; cut <= entries.length; cut++) {
    const rebuilt = fresh()
    rebuilt.restore(running.encodeSnapshot(0, Limits.defaults.snapshotBytesMax), 1)
    for (const entry of entries.slice(cut)) apply(rebuilt, entry)
    if (told(rebuilt) !== expected) {
      violations.push(
        `a snapshot after ${cut} of ${entries.length} entries: ${told(rebuilt)}, in memory ${expected}`,
      )
    }
    if (cut < entries.length) apply(running, entries[cut]!)
  }
  return violations
}

/** Checks a kind; answers what does not hold, shortest first and at most twenty lines. */
export const standingLaws = (kind: AnyKind, options: LawOptions = {}): ReadonlyArray<string> => {
  const all = { runs: 60, commands: 12, size: 12, seed: "law", ...options }
  return [...encodingLaw(kind, all), ...sliceLaw(kind, all), ...lifeLaw(kind, all)]
    .toSorted((left, right) => left.length - right.length)
    .slice(0, 20)
}
