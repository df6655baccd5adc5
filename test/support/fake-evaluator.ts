/**
 * A small evaluator for tests of lanes: each rule counts and sums the items of its names per series, fires above 10 and
 * resolves below, and publishes an event whenever it fires if its document says so. Deterministic, with the whole state in JSON.
 */
import type {
  AwaitedChange,
  Capture,
  Evaluator,
  Output,
  Place,
  RuleChange,
} from "../../actors/cep/evaluator.ts"
import type { Evaluators } from "../../actors/cep/lane/run-lane.ts"
import type { CepEvent, RuleDocument, Transition } from "../../schemas/index.ts"

interface Group {
  count: number
  sum: number
  firing: boolean
  number: number
}
interface Hosted extends RuleChange {
  readonly document: RuleDocument
  readonly groups: Record<string, Group>
  ticks: number
}
interface State {
  rules: Record<string, Hosted>
  seen: Record<string, number>
  awaiting: Record<string, AwaitedChange>
  published: number
}

const namesOf = ({ trigger, aggregates = {} }: RuleDocument): ReadonlyArray<string> => {
  const own = trigger.type === "metric" ? trigger.metric : trigger.type === "event" ? trigger.event : ""
  return [own, ...Object.values(aggregates).flatMap(({ metric, event }) => metric ?? event ?? [])]
}

class FakeEvaluator implements Evaluator {
  state: State
  private outputs: Array<Output> = []
  private readonly lane: number

  constructor(lane: number, state: State) {
    this.lane = lane
    this.state = state
  }

  private find(change: { readonly tenant: string; readonly rule: string }) {
    return this.state.rules[`${change.tenant}/${change.rule}`]
  }

  private isNew(change: RuleChange): boolean {
    const key = `${change.tenant}/${change.rule}`
    return change.number > Math.max(this.state.awaiting[key]?.change.number ?? 0, this.state.seen[key] ?? 0)
  }

  change(change: RuleChange): void {
    if (!this.isNew(change)) return
    const key = `${change.tenant}/${change.rule}`
    this.state.seen[key] = change.number
    delete this.state.awaiting[key]
    if (change.document === undefined) delete this.state.rules[key]
    else this.state.rules[key] = { ...change, document: change.document, groups: {}, ticks: 0 }
  }

  announce(change: RuleChange, place: Place): void {
    const { tenant, rule, document } = change
    if (document === undefined) this.change(change)
    if (document === undefined || !this.isNew(change)) return
    this.state.awaiting[`${tenant}/${rule}`] = { change, place, reachMs: 60_000, names: namesOf(document) }
  }

  awaiting: Evaluator["awaiting"] = () => {
    const all = new Map<string, Map<string, AwaitedChange>>()
    for (const one of Object.values(this.state.awaiting)) {
      const its = all.get(one.change.tenant) ?? new Map<string, AwaitedChange>()
      all.set(one.change.tenant, its.set(one.change.rule, one))
    }
    return all
  }

  adopt(awaited: ReadonlyArray<AwaitedChange>, place: Place, past: Evaluator): void {
    for (const { change } of awaited) this.adoptOne(change, place, past)
  }

  private adoptOne(change: RuleChange, place: Place, past: Evaluator): void {
    delete this.state.awaiting[`${change.tenant}/${change.rule}`]
    this.change(change)
    const [mine, other] = [this.find(change)!, (past as unknown as FakeEvaluator).find(change)!]
    for (const [series, group] of Object.entries(other.groups)) {
      mine.groups[series] = group
      if (group.firing) this.tell(mine, series, group, "firing", place, 0)
    }
  }

  private item(tenant: string, name: string, series: string, value: number, place: Place): void {
    for (const rule of Object.values(this.state.rules)) {
      if (rule.tenant !== tenant || !namesOf(rule.document).includes(name)) continue
      rule.groups[series] ??= { count: 0, sum: 0, firing: false, number: 0 }
      const group = rule.groups[series]
      group.count += 1
      group.sum += value
      if (value > 10 === group.firing) continue
      group.firing = !group.firing
      this.tell(rule, series, group, group.firing ? "firing" : "resolved", place, value)
      const published = rule.document.actions?.find((action) => action.type === "publish_event")
      if (published?.type === "publish_event" && group.firing)
        this.publish(rule, published.event, group, place)
    }
  }

  private publish(rule: Hosted, type: string, group: Group, place: Place): void {
    const number = ++this.state.published
    const event: CepEvent = {
      id: `${rule.rule}-${number}`,
      type,
      at: place.at,
      attributes: { value: group.sum },
      origin: { rule: rule.rule, lane: this.lane, number },
    }
    this.outputs.push({ type: "event", tenant: rule.tenant, event })
  }

  private tell(
    rule: Hosted,
    series: string,
    group: Group,
    to: Transition["to"],
    place: Place,
    value: number,
  ): void {
    group.number = Math.max(group.number + 1, place.sequence * 100)
    const transition: Transition = {
      id: `${rule.rule}/${series}/${group.number}`,
      rule: rule.rule,
      version: rule.version,
      fingerprint: series,
      number: group.number,
      to,
      cause: "condition",
      severity: "warning",
      labels: {},
      value,
      values: { count: group.count, sum: group.sum },
      since: place.at,
      at: place.at,
      storedAt: place.at,
      policy: { name: rule.rule, actions: [], annotations: {} },
    }
    this.outputs.push({ type: "transition", tenant: rule.tenant, transition })
  }

  samples: Evaluator["samples"] = (tenant, { series, seriesOf, values }, place) => {
    for (const [at, index] of seriesOf.entries()) {
      const text = series[index]!
      this.item(tenant, (JSON.parse(text) as ReadonlyArray<string>)[0]!, text, values[at]!, place)
    }
  }

  events: Evaluator["events"] = (tenant, events, place) => {
    for (const { type, attributes, origin } of events) {
      if (origin !== undefined) {
        const key = `${origin.rule}@${origin.lane}`
        if (origin.number <= (this.state.seen[key] ?? 0)) continue
        this.state.seen[key] = origin.number
      }
      this.item(tenant, type, type, Number(attributes.value), place)
    }
  }

  tick(): void {
    for (const rule of Object.values(this.state.rules)) rule.ticks += 1
  }

  nextDue(): number {
    return this.rules().length === 0 ? Number.POSITIVE_INFINITY : 0
  }

  take(): ReadonlyArray<Output> {
    return this.outputs.splice(0)
  }

  defects: Evaluator["defects"] = () => []

  rules: Evaluator["rules"] = () => Object.values(this.state.rules)

  figures: Evaluator["figures"] = (tenant, rule) => {
    const found = this.find({ tenant, rule })
    if (found === undefined) return undefined
    const groups = Object.values(found.groups)
    return {
      rule,
      version: found.version,
      number: found.number,
      isFilling: false,
      evaluations: groups.reduce((sum, { count }) => sum + count, 0),
      matches: 0,
      errors: 0,
      late: 0,
      refused: 0,
      crowdedOut: 0,
      partialMatchesDropped: 0,
      transitions: 0,
      groups: groups.length,
      partialMatches: 0,
      stateBytes: 0,
    }
  }

  groups: Evaluator["groups"] = () => []

  capture(): Capture {
    const bytes = new TextEncoder().encode(JSON.stringify(this.state))
    let written = 0
    return {
      step: (most) => {
        written += Math.min(most, 50)
        return written >= bytes.length
      },
      parts: () => [bytes.subarray(0, 10), bytes.subarray(10)],
    }
  }

  wanted: Evaluator["wanted"] = () =>
    this.rules().flatMap(({ tenant, document }) =>
      namesOf(document).map((name) => ({ tenant, name, isEvent: document.trigger.type === "event" })),
    )
}

export const fakeEvaluators: Evaluators = {
  make: (lane) => new FakeEvaluator(lane, { rules: {}, seen: {}, awaiting: {}, published: 0 }),
  read: (lane, state) => ({
    step: () => new FakeEvaluator(lane, JSON.parse(new TextDecoder().decode(state)) as State),
  }),
}
