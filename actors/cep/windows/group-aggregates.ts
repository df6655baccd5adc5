/** The windows of one group of one rule: brings their ends into one order of time. */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { HeldBytes } from "../held-bytes.ts"
import type { Aggregates } from "./aggregates.ts"
import type { Part, WindowState } from "./window-state.ts"

export interface GroupPlan {
  readonly slots: number
  readonly parts: ReadonlyArray<Part>
  /** By input: which parts take its items. */
  readonly partsOf: ReadonlyArray<ReadonlyArray<number>>
}

const noParts: ReadonlyArray<number> = []

export class GroupAggregates implements Aggregates {
  private readonly plan: GroupPlan
  private readonly held: HeldBytes
  /** By part; each is made when its first item comes. */
  private readonly states: Array<WindowState | undefined>
  private results: Float64Array
  /** The newest time of an item or of the watermark. */
  private time = Number.NEGATIVE_INFINITY
  /** Not later than what is due first. */
  private due = Number.POSITIVE_INFINITY

  constructor(plan: GroupPlan, held: HeldBytes) {
    this.plan = plan
    this.held = held
    held.holders += plan.parts.length
    this.states = plan.parts.map(() => undefined)
    this.results = new Float64Array(plan.slots).fill(Number.NaN)
  }

  add(
    input: number,
    at: number,
    value: number,
    text: string | undefined,
    closed: (end: number) => void,
  ): void {
    if (at >= this.due) this.close(at, closed)
    if (at > this.time) this.time = at
    const parts = this.plan.partsOf[input] ?? noParts
    if (parts.length < this.states.length) this.passOthers(input, at)
    let hasResult = false
    for (let index = 0; index < parts.length; index++) {
      const state = this.stateOf(parts[index]!)
      if (state.add(at, value, text, this.results)) hasResult = true
      if (state.due < this.due) this.due = state.due
    }
    if (hasResult) closed(at)
  }

  private passOthers(input: number, at: number): void {
    const { parts } = this.plan
    for (let part = 0; part < parts.length; part++)
      if (parts[part]!.input !== input) this.states[part]?.pass?.(at)
  }

  private stateOf(part: number): WindowState {
    const state = this.states[part]
    if (state !== undefined) return state
    const made = this.plan.parts[part]!.make(this.held)
    this.states[part] = made
    return made
  }

  /** Closes what ends until then, in order. */
  private close(until: number, closed: (end: number) => void): void {
    for (;;) {
      const end = this.dueOf()
      this.due = end
      if (end > until) return
      let hasResult = false
      for (const state of this.states) if (state?.close(end, this.results) === true) hasResult = true
      if (hasResult) closed(end)
    }
  }

  private dueOf(): number {
    let due = Number.POSITIVE_INFINITY
    for (const state of this.states) if (state !== undefined && state.due < due) due = state.due
    return due
  }

  addLate(
    input: number,
    at: number,
    value: number,
    text: string | undefined,
    closed: (end: number) => void,
  ): boolean {
    const taken: Array<WindowState> = []
    for (const part of this.plan.partsOf[input] ?? noParts) {
      const state = this.states[part] ?? this.plan.parts[part]!.make(this.held)
      if (state.addLate?.(at, value, text, this.time) !== true) continue
      this.states[part] = state
      taken.push(state)
    }
    let after = Number.NEGATIVE_INFINITY
    for (;;) {
      const ends = taken.map(
        (state) => state.nextCorrection?.(at, after, this.time) ?? Number.POSITIVE_INFINITY,
      )
      after = Math.min(...ends)
      if (after === Number.POSITIVE_INFINITY) break
      let hasResult = false
      for (const state of taken) if (state.correct?.(after, at, this.results) === true) hasResult = true
      if (hasResult) closed(after)
    }
    for (const state of taken) state.restore?.(this.results, this.time)
    this.due = this.dueOf()
    return taken.length > 0
  }

  advance(watermark: number, closed: (end: number) => void): void {
    if (watermark >= this.due) this.close(watermark, closed)
    if (watermark > this.time) this.time = watermark
  }

  nextDue(): number {
    this.due = this.dueOf()
    return this.due
  }

  read(into: Float64Array): void {
    const { results, states } = this
    for (let slot = 0; slot < results.length; slot++) into[slot] = results[slot]!
    for (let index = 0; index < states.length; index++) states[index]?.read?.(into)
  }

  release(): void {
    this.held.holders -= this.plan.parts.length
    for (const state of this.states) state?.release()
  }

  bytes(): number {
    let bytes = 150 + 8 * this.states.length + this.results.byteLength
    for (const state of this.states) bytes += state?.bytes() ?? 0
    return bytes
  }

  encode(writer: ByteWriter): void {
    writer.number(this.time)
    for (const result of this.results) writer.number(result)
    for (const state of this.states) {
      writer.byte(state === undefined ? 0 : 1)
      state?.encode(writer)
    }
  }

  static decode(plan: GroupPlan, reader: ByteReader, held: HeldBytes): GroupAggregates {
    const group = new GroupAggregates(plan, held)
    group.time = reader.number()
    for (let slot = 0; slot < plan.slots; slot++) group.results[slot] = reader.number()
    for (let part = 0; part < plan.parts.length; part++)
      if (reader.byte() === 1) group.states[part] = plan.parts[part]!.decode(reader, held)
    group.due = group.dueOf()
    return group
  }
}
