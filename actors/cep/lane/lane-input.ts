/**
 * What of the metric stream is the input of one lane: its own messages, and the items of other lanes that its rules look
 * at, from the change on that made them do so. Everybody who reads the same messages sees the same input.
 */
import * as Schema from "effect/Schema"
import { type CepEvent, LaneMessage } from "../../../schemas/index.ts"
import {
  laneOf,
  laneOfMetric,
  metricsOfLane,
  ruleChangesOfLane,
  SampleDecoder,
  type StoredEvent,
  tenantOfMetric,
} from "../../../streams/index.ts"
import type { AwaitedChange, Evaluator, Place, RuleChange, SampleColumns } from "../evaluator.ts"

export type LaneInput =
  | {
      readonly type: "samples"
      readonly tenant: string
      readonly columns: SampleColumns
      readonly place: Place
    }
  | {
      readonly type: "events"
      readonly tenant: string
      readonly events: ReadonlyArray<CepEvent>
      readonly place: Place
    }
  | { readonly type: "change"; readonly change: RuleChange; readonly place: Place }
  | FilledInput
  | { readonly type: "tick"; readonly place: Place }

/** The past of some rules is made up for: what was announced of them counts from here on. */
export interface FilledInput {
  readonly type: "filled"
  readonly tenant: string
  readonly rules: ReadonlyArray<{ readonly rule: string; readonly number: number }>
  readonly place: Place
}

/** Whose changes those are; undefined when not all of them wait any more, and the message means nothing. */
export const changesOf = (
  evaluator: Evaluator,
  { tenant, rules }: FilledInput,
): ReadonlyArray<AwaitedChange> | undefined => {
  const awaiting = evaluator.awaiting().get(tenant)
  const found = rules.flatMap(({ rule, number }) => {
    const awaited = awaiting?.get(rule)
    return awaited?.change.number === number ? [awaited] : []
  })
  return found.length === rules.length ? found : undefined
}

/** What a message brought that says whose past is made up for. */
export interface Filled {
  readonly awaited: ReadonlyArray<AwaitedChange>
  readonly past: Evaluator
}

const decodeMessage = Schema.decodeUnknownOption(Schema.fromJsonString(LaneMessage))
const decoder = new TextDecoder()
const openingBrace = 0x7b

/** Items of an input, as far as they cost. */
export const itemsOf = (input: LaneInput): number =>
  input.type === "samples" ? input.columns.values.length : input.type === "events" ? input.events.length : 1

export class LaneReader {
  readonly lane: number
  /** Whose items count now. None while there are no rules: only changes of rules can matter then. */
  wanted: ReadonlySet<number>
  /** Messages that cannot be read. They are passed over. */
  damaged = 0
  private readonly lanes: number
  private readonly evaluator: Evaluator
  private readonly samples = new SampleDecoder()

  constructor(lane: number, lanes: number, evaluator: Evaluator) {
    this.lane = lane
    this.lanes = lanes
    this.evaluator = evaluator
    this.wanted = this.look()
  }

  /** Of the stream; they do not overlap. */
  get filters(): ReadonlyArray<string> {
    return this.wanted.size === 0 ? [ruleChangesOfLane(this.lane)] : [...this.wanted].map(metricsOfLane)
  }

  /** Undefined for what is no input of this lane. */
  read(event: StoredEvent): LaneInput | undefined {
    const [lane, tenant] = [laneOfMetric(event.token), tenantOfMetric(event.token)]
    if (lane === undefined || tenant === undefined) return undefined
    if (lane !== this.lane && !this.wanted.has(lane)) return undefined
    const place: Place = { sequence: event.sequence, at: event.storedAt }
    const columns = this.samples.read(event.data)
    if (columns !== undefined) return { type: "samples", tenant, columns, place }
    const message = event.data[0] === openingBrace ? decodeMessage(decoder.decode(event.data)) : undefined
    if (message === undefined || message._tag === "None") {
      this.damaged += 1
      return undefined
    }
    const { value } = message
    if (value._tag === "Events") return { type: "events", tenant, events: value.events, place }
    // What another lane's rules are, and that time passes there, is no matter of this one.
    if (lane !== this.lane) return undefined
    if (value._tag === "Tick") return { type: "tick", place }
    if (value._tag === "RulesFilled") return { type: "filled", tenant, rules: value.rules, place }
    const { _tag, ...change } = value
    return { type: "change", change: { tenant, ...change }, place }
  }

  /**
   * Gives an input to the evaluator, and what was made up for with one that says so. True when from the next message on
   * more lanes count than before.
   */
  apply(input: LaneInput, filled?: Filled): boolean {
    const { evaluator } = this
    switch (input.type) {
      case "samples":
        evaluator.samples(input.tenant, input.columns, input.place)
        return false
      case "events":
        evaluator.events(input.tenant, input.events, input.place)
        return false
      case "tick":
        evaluator.tick(input.place)
        return false
      case "change":
        evaluator.announce(input.change, input.place)
        return this.changed()
      case "filled":
        if (filled === undefined) return false
        evaluator.adopt(filled.awaited, input.place, filled.past)
        return this.changed()
    }
  }

  private changed(): boolean {
    const before = this.wanted
    this.wanted = this.look()
    return [...this.wanted].some((lane) => !before.has(lane))
  }

  private look(): ReadonlySet<number> {
    const names = this.evaluator.wanted()
    if (names.length === 0) return new Set()
    return new Set([this.lane, ...names.map(({ tenant, name }) => laneOf(tenant, name, this.lanes))])
  }
}
