/**
 * The evaluator of a lane. Its cost follows the rules that an item concerns: a series is looked up once, after that its
 * samples go to the groups that they feed and to nothing else.
 */
import type { CepEvent, RuleDocument, Transition } from "../../schemas/index.ts"
import { compile } from "./compile.ts"
import { contain, offerEvent, offerSamples, wakeAll } from "./containment.ts"
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
import { counters, LiveRule } from "./group/live-rule.ts"
import { labelsOfEvent } from "./group/route.ts"
import { Timers } from "./group/timers.ts"
import { LaneCapture, type LaneHead, LaneReading } from "./lane-state.ts"
import type { Program } from "./rule/program.ts"
import { beganAt, endGroups, goesOn, goOn, succeed } from "./rule-change.ts"
import { figuresOf, groupFiguresOf } from "./rule-figures.ts"
import { awaitedOf, type KnownSeries, TenantRules } from "./tenant-rules.ts"

/** Rules of one lane; further ones are shown as refused and do not run. */
export const rulesMax = 20_000

export class LaneEvaluator implements Evaluator, Host {
  readonly lane: number
  readonly place = { sequence: 0, at: 0 }
  readonly scope = emptyScope()
  readonly timers = new Timers<Group>()
  cut = 0
  readonly onStep: EvaluatorOptions["onStep"]
  private readonly tenants = new Map<string, TenantRules>()
  private outputs: Array<Output> = []
  private stopped: Array<Defect> = []
  private serial = 0
  /** By position in the message that is being read; kept to be used again. */
  private readonly known: Array<KnownSeries> = []
  /** A rule that another has taken the place of. What fires there is resolved by the next call, if that adopts nothing. */
  private replaced: LiveRule | undefined
  /** A rule that was made to begin anew. That it did is said once it has said what holds. */
  private begun: Output | undefined
  private capturing: LaneCapture | undefined

  constructor(options: EvaluatorOptions) {
    this.lane = options.lane
    this.onStep = options.onStep
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
    this.settle()
    this.place.sequence = place.sequence
    if (place.at > this.place.at) this.place.at = place.at
  }

  private settle(): void {
    const { replaced } = this
    this.replaced = undefined
    if (replaced !== undefined) {
      endGroups(replaced)
      const next = this.find(replaced.tenant, replaced.rule)
      if (next !== undefined) next.published = Math.max(next.published, replaced.published)
    }
    this.sayBegun()
  }

  private sayBegun(): void {
    if (this.begun !== undefined) this.outputs.push(this.begun)
    this.begun = undefined
  }

  private obtain(tenant: string): TenantRules {
    const rules = this.tenants.get(tenant) ?? new TenantRules(tenant)
    this.tenants.set(tenant, rules)
    return rules
  }

  private find(tenant: string, rule: string): LiveRule | undefined {
    return this.tenants.get(tenant)?.rules.get(rule)
  }

  private compiled({ rule, version, document }: RuleChange): Program | string | undefined {
    if (document === undefined || document.enabled === false) return undefined
    try {
      return compile(rule, version, document)
    } catch (error) {
      return `a defect in its compilation: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  announce(change: RuleChange, place: Place): void {
    this.arrive(place)
    const tenant = this.obtain(change.tenant)
    if (tenant.knows(change)) return
    const program = this.compiled(change)
    if (typeof program === "object" && this.hasToWait(change, program))
      tenant.await(awaitedOf(program, change, place))
    else this.change(change, place)
  }

  private hasToWait(change: RuleChange, program: Program): boolean {
    const before = this.find(change.tenant, change.rule)
    if (program.reachMs <= 0 || (before === undefined && this.ruleCount >= rulesMax)) return false
    return before === undefined || change.anew !== undefined || !goesOn(before, program)
  }

  awaiting(): ReadonlyMap<string, ReadonlyMap<string, AwaitedChange>> {
    const waiting = [...this.tenants.values()].filter(({ awaiting }) => awaiting.size > 0)
    return new Map(waiting.map(({ tenant, awaiting }) => [tenant, awaiting]))
  }

  change(change: RuleChange, place: Place): void {
    this.arrive(place)
    const tenant = this.obtain(change.tenant)
    if (tenant.knows(change)) return
    tenant.awaiting.delete(change.rule)
    const before = tenant.rules.get(change.rule)
    const program = this.compiled(change)
    if (change.anew !== undefined) this.begun = beganAt(this.place, change)
    else if (before !== undefined && typeof program === "object" && goOn(before, program)) {
      before.number = change.number
      return
    }
    if (before !== undefined) {
      tenant.remove(before)
      this.replaced = before
    }
    tenant.refused.delete(change.rule)
    if (program === undefined) tenant.noteGone(change.rule, change.number)
    else if (typeof program === "string") this.refuse(tenant, change, program)
    else if (this.ruleCount >= rulesMax) this.refuse(tenant, change, `a lane has at most ${rulesMax} rules`)
    else this.begin(tenant, change.number, program, before)
  }

  private begin(tenant: TenantRules, number: number, program: Program, before: LiveRule | undefined): void {
    const serial = before?.serial ?? this.nextSerial()
    const rule = new LiveRule(this, tenant.tenant, program, number, serial)
    for (const counter of counters) rule[counter] = before?.[counter] ?? 0
    tenant.install(rule)
    contain(rule, () => rule.start())
  }

  private get ruleCount(): number {
    let count = 0
    for (const { rules, awaiting } of this.tenants.values()) count += rules.size + awaiting.size
    return count
  }

  private refuse(tenant: TenantRules, { rule, number, version, document }: RuleChange, detail: string): void {
    tenant.refused.set(rule, { rule, number, version, document: document!, detail, at: this.place.at })
  }

  adopt(awaited: ReadonlyArray<AwaitedChange>, place: Place, past: Evaluator): void {
    for (const { change } of awaited) {
      this.obtain(change.tenant).awaiting.delete(change.rule)
      this.change(change, place)
      this.inherit(change, place, past as LaneEvaluator)
    }
    const tenant = awaited[0]?.change.tenant
    if (tenant !== undefined) this.obtain(tenant).learn((past as LaneEvaluator).obtain(tenant))
  }

  /** Takes the groups of a rule that has begun just now. */
  private inherit(change: RuleChange, place: Place, past: LaneEvaluator): void {
    const [before, begun] = [this.replaced, this.begun]
    this.replaced = undefined
    this.begun = undefined
    this.arrive(place)
    // What it says of its groups comes first.
    this.begun = begun
    const tenant = this.obtain(change.tenant)
    const rule = tenant.rules.get(change.rule)
    const heir = past.find(change.tenant, change.rule)
    if (rule === undefined || heir === undefined || rule.number !== change.number) return
    heir.moveTo(this, rule.serial)
    for (const counter of counters) heir[counter] = before?.[counter] ?? 0
    for (const group of rule.groups.values()) group.isAlive = false
    tenant.remove(rule)
    tenant.install(heir)
    contain(heir, () => {
      heir.start()
      succeed(heir, before, change.anew !== undefined)
    })
    this.sayBegun()
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
    this.settle()
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

  groups(tenant: string, rule: string): ReadonlyArray<GroupFigures> {
    return [...(this.find(tenant, rule)?.groups.values() ?? [])].map(groupFiguresOf)
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
    this.settle()
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
