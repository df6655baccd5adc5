/**
 * The state of a lane as bytes, bit by bit: first all tenants and rules, then labels, then the groups, each with its rule.
 *
 * I1 What a capture writes is the lane at its cut, whatever happens until it is complete: what is small is copied then, a
 *    group that is about to change writes itself before, and groups that came later are left out.
 * I2 Groups are read in the order of their serial numbers, in whatever order they were written.
 */
import type { Labels } from "../../schemas/index.ts"
import { ByteReader, ByteWriter } from "./bytes.ts"
import type { RefusedRule } from "./compile.ts"
import type { Capture, Output, Place } from "./evaluator.ts"
import type { Group } from "./group/group.ts"
import type { Host } from "./group/host.ts"
import type { LiveRule } from "./group/live-rule.ts"
import { LabelsTable } from "./labels-table.ts"
import { cutOf, readGroup, readRule, writeGroup, writeRule } from "./rule-state.ts"
import { TenantRules } from "./tenant-rules.ts"

/**
 * Of the bytes of a state. Raise it with each change of them, read the older ones as well, and record a state with
 * `node test/golden/record.ts`.
 */
export const formatVersion = 2
const chunkBytes = 256 * 1024
/** What compiling a rule costs, as bytes that are read in that time. */
const ruleCost = 16 * 1024

/** Bytes that become many, in pieces that need not be moved. */
class Chunks {
  private readonly full: Array<Uint8Array> = []
  private fullBytes = 0
  private last = new ByteWriter()

  get writer(): ByteWriter {
    if (this.last.size >= chunkBytes) {
      this.full.push(this.last.finish())
      this.fullBytes += this.last.size
      this.last = new ByteWriter(chunkBytes)
    }
    return this.last
  }

  get size(): number {
    return this.fullBytes + this.last.size
  }

  parts(): ReadonlyArray<Uint8Array> {
    return [...this.full, this.last.finish()]
  }
}

/** What is kept of a lane beside its tenants. */
export interface LaneHead {
  readonly place: Place
  readonly serial: number
  readonly outputs: ReadonlyArray<Output>
}

export class LaneCapture implements Capture {
  private readonly head = new Chunks()
  private readonly labels = new Chunks()
  private readonly groups = new Chunks()
  private readonly table = new LabelsTable(() => this.labels.writer)
  private readonly ordinals = new Map<LiveRule, number>()
  private readonly work: Iterator<void>
  private readonly cut: number
  private readonly ended: () => void

  /** The state is that of now. Groups whose `cut` is this one are left out. */
  constructor(cut: number, lane: LaneHead, tenants: Iterable<TenantRules>, ended: () => void) {
    this.cut = cut
    this.ended = ended
    const { writer } = this.head
    writer.byte(formatVersion)
    writer.count(lane.place.sequence)
    writer.number(lane.place.at)
    writer.count(lane.serial)
    writer.json(lane.outputs)
    const held = Array.from(tenants, (tenant) => {
      for (const rule of tenant.rules.values()) this.ordinals.set(rule, this.ordinals.size)
      return { tenant: tenant.cut(), rules: [...tenant.rules.values()].map(cutOf) }
    })
    writer.count(held.length)
    this.work = this.write(held)
  }

  private *write(
    held: ReadonlyArray<{
      readonly tenant: ReturnType<TenantRules["cut"]>
      readonly rules: ReadonlyArray<ReturnType<typeof cutOf>>
    }>,
  ): Generator<void> {
    for (const { tenant, rules } of held) {
      yield* tenant(() => this.head.writer)
      this.head.writer.count(rules.length)
      for (const rule of rules) {
        this.head.writer.sized(() => writeRule(this.head.writer, rule))
        yield
      }
    }
    for (const rule of this.ordinals.keys()) {
      for (const group of rule.groups.values()) {
        if (group.cut === this.cut) continue
        this.keep(group)
        yield
      }
    }
    this.labels.writer.byte(0)
    this.groups.writer.count(0)
  }

  keep(group: Group): void {
    group.cut = this.cut
    const ordinal = this.ordinals.get(group.rule)
    if (ordinal === undefined) return
    const { writer } = this.groups
    writer.count(ordinal + 1)
    writer.sized(() => writeGroup(writer, group, this.table))
  }

  step(bytes: number): boolean {
    const until = this.size + bytes
    while (this.size < until) {
      if (this.work.next().done !== true) continue
      this.ended()
      return true
    }
    return false
  }

  private get size(): number {
    return this.head.size + this.labels.size + this.groups.size
  }

  parts(): ReadonlyArray<Uint8Array> {
    return [this.head, this.labels, this.groups].flatMap((chunks) => chunks.parts())
  }
}

/** A lane that is being filled with what was captured. */
export interface LaneBeingRead extends Host {
  readonly resume: (lane: LaneHead) => void
  readonly hold: (tenant: TenantRules) => void
}

export class LaneReading {
  private readonly reader: ByteReader
  private readonly work: Iterator<number>

  constructor(bytes: Uint8Array, lane: LaneBeingRead) {
    this.reader = new ByteReader(bytes)
    this.work = this.read(lane)
  }

  /** Yields what was done beside reading bytes, in their measure. */
  private *read(lane: LaneBeingRead): Generator<number> {
    const { reader } = this
    const format = reader.byte()
    if (format < 1 || format > formatVersion)
      throw new Error(
        `a lane's state has format ${format}, this release reads up to ${formatVersion}: run a newer one`,
      )
    reader.format = format
    const place = { sequence: reader.count(), at: reader.number() }
    lane.resume({ place, serial: reader.count(), outputs: reader.json() as ReadonlyArray<Output> })
    const rules: Array<LiveRule | RefusedRule> = []
    const tenants = reader.count()
    for (let index = 0; index < tenants; index++) {
      const tenant = yield* TenantRules.read(reader, format, place.at)
      lane.hold(tenant)
      const count = reader.count()
      for (let position = 0; position < count; position++) {
        const rule = readRule(reader.sized(), lane, tenant.tenant, format)
        if ("detail" in rule) tenant.refused.set(rule.rule, rule)
        else tenant.install(rule)
        rules.push(rule)
        yield ruleCost
      }
    }
    const labels: Array<Labels> = []
    while (reader.byte() === 1) {
      labels.push(reader.json() as Labels)
      yield 0
    }
    for (let ordinal = reader.count(); ordinal > 0; ordinal = reader.count()) {
      const rule = rules[ordinal - 1]!
      const its = reader.sized()
      if ("detail" in rule) continue
      const group = readGroup(its, rule, labels)
      rule.groups.set(group.key, group)
      yield 0
    }
    for (const rule of rules) {
      if ("detail" in rule) continue
      putInOrder(rule)
      yield rule.groups.size
    }
  }

  /** True when all is read. */
  step(bytes: number): boolean {
    for (let done = 0; done < bytes; ) {
      const before = this.reader.position
      const next = this.work.next()
      if (next.done === true) return true
      done += this.reader.position - before + next.value
    }
    return false
  }
}

const putInOrder = (rule: LiveRule): void => {
  let last = -1
  for (const { serial } of rule.groups.values()) {
    if (serial < last) {
      const groups = [...rule.groups.values()].sort((one, other) => one.serial - other.serial)
      rule.groups = new Map(groups.map((group) => [group.key, group]))
      return
    }
    last = serial
  }
}
