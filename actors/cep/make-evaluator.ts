/**
 * The evaluator of a lane. Its cost follows the rules that an item concerns: a series is looked up once, after that its
 * samples go to the groups that they feed and to nothing else.
 */
import type { CepEvent, RuleDocument, Transition } from "../../schemas/index.ts"
import { offerEvent, offerSamples, wakeAll } from "./containment.ts"
import type {
  AwaitedChange,
  Defect,
  Evaluator,
  EvaluatorOptions,
  GroupFigures,
  Output,
  Place,
  Reading,
  RuleChange,
  RuleFigures,
  SampleColumns,
} from "./evaluator.ts"
import type { Group } from "./group/group.ts"
import { emptyScope, type Host } from "./group/host.ts"
import type { LiveRule } from "./group/live-rule.ts"
import { labelsOfEvent } from "./group/route.ts"
import { Timers } from "./group/timers.ts"
import { LaneChanges } from "./lane-changes.ts"
import { LaneCapture, type LaneHead, LaneReading } from "./lane-state.ts"
import { figuresOf, groupFiguresOf } from "./rule-figures.ts"
import type { KnownSeries, TenantRules } from "./tenant-rules.ts"

export class LaneEvaluator implements Evaluator, Host {
  readonly lane: number
  readonly place = { sequence: 0, at: 0 }
  readonly scope = emptyScope()
  readonly timers = new Timers<Group>()
  cut = 0
  readonly onStep: EvaluatorOptions["onStep"]
  private readonly changes: LaneChanges
  private readonly tenants: LaneChanges["tenants"]
  private outputs: Array<Output> = []
  private stopped: Array<Defect> = []
  private serial = 0
  /** By position in the message that is being read; kept to be used again. */
  private readonly known: Array<KnownSeries> = []
  private capturing: LaneCapture | undefined

  constructor(options: EvaluatorOptions) {
    this.lane = options.lane
    this.onStep = options.onStep
    this.changes = new LaneChanges(this, (output) => void this.outputs.push(output))
    this.tenants = this.changes.tenants
  }

  nextSerial(): number {
    this.serial += 1
    return this.serial
  }

  sayTransition(tenant: string, transition: Transition): void {
    this.outputs.push({ type: "transition", tenant, transition })
  }

  sayEvent(tenant: string, event: CepEvent): void {
    this.outputs.push({ type: "event", tenant, event })
  }

  sayDefect(defect: Defect): void {
    this.stopped.push(defect)
  }

  /** Times at which messages were stored may differ between servers; here they only grow. */
  private arrive(place: Place): void {
    this.place.sequence = place.sequence
    if (place.at > this.place.at) this.place.at = place.at
  }

  private find(tenant: string, rule: string): LiveRule | undefined {
    return this.changes.find(tenant, rule)
  }

  announce(change: RuleChange, place: Place): void {
    this.arrive(place)
    this.changes.announce(change, place)
  }

  change(change: RuleChange, place: Place): void {
    this.arrive(place)
    this.changes.change(change)
  }

  awaiting(): ReadonlyMap<string, ReadonlyMap<string, AwaitedChange>> {
    return this.changes.awaiting()
  }

  adopt(awaited: ReadonlyArray<AwaitedChange>, place: Place, past: Evaluator): void {
    this.arrive(place)
    this.changes.adopt(awaited, (past as LaneEvaluator).changes)
  }

  samples(tenant: string, columns: SampleColumns, place: Place): void {
    this.arrive(place)
    const rules = this.tenants.get(tenant)
    if (rules === undefined) return
    rules.know(columns.series, this.known)
    offerSamples(this.known, columns)
  }

  events(tenant: string, events: ReadonlyArray<CepEvent>, place: Place): void {
    this.arrive(place)
    const rules = this.tenants.get(tenant)
    if (rules === undefined) return
    for (const event of events) {
      const name = rules.index.peek(event.type, true)
      if (name === undefined || !rules.isNew(event)) continue
      const routes = rules.routesOf(name, labelsOfEvent(event.attributes))
      offerEvent(routes, event.at, event.attributes, event.depth ?? 0)
    }
  }

  tick(place: Place): void {
    this.arrive(place)
    const due = this.timers.due(this.place.at)
    wakeAll(due.sort((one, other) => one.serial - other.serial))
  }

  nextDue(): number {
    return this.timers.nextDue()
  }

  take(): ReadonlyArray<Output> {
    const { outputs } = this
    this.outputs = []
    return outputs
  }

  defects(): ReadonlyArray<Defect> {
    const { stopped } = this
    this.stopped = []
    return stopped
  }

  rules(): ReadonlyArray<{
    readonly tenant: string
    readonly rule: string
    readonly number: number
    readonly document: RuleDocument
  }> {
    return [...this.tenants.values()].flatMap(({ tenant, rules, refused }) => [
      ...[...rules.values()].map(({ rule, number, document }) => ({ tenant, rule, number, document })),
      ...[...refused.values()].map(({ rule, number, document }) => ({ tenant, rule, number, document })),
    ])
  }

  figures(tenant: string, rule: string): RuleFigures | undefined {
    const rules = this.tenants.get(tenant)
    return rules === undefined ? undefined : figuresOf(rules, rule)
  }

  groups(tenant: string, rule: string, most?: number): ReadonlyArray<GroupFigures> {
    return [...(this.find(tenant, rule)?.groups.values() ?? [])].slice(0, most).map(groupFiguresOf)
  }

  wanted(): ReadonlyArray<{ readonly tenant: string; readonly name: string; readonly isEvent: boolean }> {
    return [...this.tenants.values()].flatMap(({ tenant, index }) =>
      index.wanted().map(({ name, isEvent }) => ({ tenant, name, isEvent })),
    )
  }

  /** Rules that items were compared with more closely, since it was made: the cost of finding who they concern. */
  get checks(): number {
    let checks = 0
    for (const { index } of this.tenants.values()) checks += index.checks
    return checks
  }

  capture(): LaneCapture {
    this.cut += 1
    const { place, serial, outputs } = this
    const capture = new LaneCapture(this.cut, { place, serial, outputs }, this.tenants.values(), () => {
      if (this.capturing === capture) this.capturing = undefined
    })
    this.capturing = capture
    return capture
  }

  keep(group: Group): void {
    if (this.capturing === undefined) group.cut = this.cut
    else this.capturing.keep(group)
  }

  resume({ place, serial, outputs }: LaneHead): void {
    this.place.sequence = place.sequence
    this.place.at = place.at
    this.serial = serial
    this.outputs = [...outputs]
  }

  hold(tenant: TenantRules): void {
    this.tenants.set(tenant.tenant, tenant)
  }
}

export const makeEvaluator = (options: EvaluatorOptions): LaneEvaluator => new LaneEvaluator(options)

/** Reads what `capture` wrote. */
export const readingOf = (bytes: Uint8Array, options: EvaluatorOptions): Reading => {
  const evaluator = makeEvaluator(options)
  const reading = new LaneReading(bytes, evaluator)
  return { step: (count) => (reading.step(count) ? evaluator : undefined) }
}
