/** One rule of a lane while it lives: its groups, and what a monitor shows of it. */
import type { EventAttributes, Labels, RuleDocument } from "../../../schemas/index.ts"
import type { Lateness } from "../evaluator.ts"
import { renewEffort } from "../expression/effort.ts"
import type { Finding } from "../expression/expression.ts"
import { HeldBytes } from "../held-bytes.ts"
import type { Item } from "../item.ts"
import type { Death, StageLook } from "../patterns/pattern.ts"
import type { Program } from "../rule/program.ts"
import type { State } from "./alert-life.ts"
import { fingerprintOf } from "./fingerprint.ts"
import { Group } from "./group.ts"
import type { Host } from "./host.ts"
import type { Route } from "./route.ts"
import { valuesOf } from "./tell.ts"
import { wait } from "./waking.ts"

/** Groups of one rule. Items of further ones are refused and counted. */
export const groupsMax = 10_000
/** How far ahead of the time at which it was stored an item may be: beyond it is a broken clock. */
export const futureMaxMs = 5 * 60_000

/** What it counts; read and written with its state. */
export const counters = [
  "evaluations",
  "matches",
  "errors",
  "late",
  "refused",
  "transitions",
  "published",
  "crowdedOut",
] as const

export class LiveRule {
  private current: Program
  /** Each of its items can match by itself: there is no state that lasts between them. */
  isPointwise = false
  /** Each item may change what the condition comes to, and not only the end of a window. */
  judgesItems = true
  host: Host
  readonly tenant: string
  /** Its place among the rules of its lane, in the order in which they came. */
  serial: number
  /** Of the last change. */
  number: number
  groups = new Map<string, Group>()
  /** What its groups hold together. */
  readonly held = new HeldBytes()
  evaluations = 0
  matches = 0
  errors = 0
  late = 0
  refused = 0
  transitions = 0
  /** Before the item that is being taken. */
  transitionsBefore = 0
  published = 0
  newestAt = Number.NEGATIVE_INFINITY
  lastItemAt = Number.NEGATIVE_INFINITY
  /** Whose windows end while its aggregates are at work, and what they call then: one function for all groups. */
  closing: Group | undefined
  readonly onClosed = (end: number): void => this.closing!.closed(end)
  /** Partial matches that ended since the last step, while somebody wants an explanation. */
  readonly deaths: Array<Death> = []
  /** What the item of this step came to for the stages, and the condition for what matched with it. */
  readonly looks: Array<StageLook> = []
  readonly matchFindings: Array<Finding> = []
  /** Why it is not evaluated any more, until its next change. */
  broken: string | undefined
  lastError: { readonly at: number; readonly detail: string } | undefined

  constructor(host: Host, tenant: string, program: Program, number: number, serial: number) {
    this.host = host
    this.tenant = tenant
    this.current = program
    this.decide()
    this.number = number
    this.serial = serial
  }

  get program(): Program {
    return this.current
  }

  /** Goes on with what its groups hold: see `goesOn`. */
  set program(program: Program) {
    this.current = program
    this.decide()
  }

  private decide(): void {
    const { mode, document, pattern, aggregates } = this.current
    this.isPointwise = mode === "trigger" && pattern === undefined && document.trigger.type !== "metric"
    this.judgesItems = aggregates.specs.length === 0 || aggregates.changesWithItems || !this.isPointwise
  }

  get crowdedOut(): number {
    return this.held.crowdedOut
  }

  set crowdedOut(count: number) {
    this.held.crowdedOut = count
  }

  get rule(): string {
    return this.program.rule
  }

  get document(): RuleDocument {
    return this.program.document
  }

  /** Before an item is taken, or time is: what it may cost is counted from here on. */
  begin(): void {
    renewEffort()
    this.transitionsBefore = this.transitions
  }

  /** Takes one item that fulfils what the rule's inputs ask for. */
  offer(route: Route, value: number, at: number, attributes: EventAttributes, depth: number): void {
    if (this.broken !== undefined) return
    this.begin()
    const stored = this.host.place.at
    this.lastItemAt = stored
    if (at > stored + futureMaxMs) {
      this.refused += 1
      return
    }
    const passing =
      this.program.filter === undefined || this.passes(route, value, at, attributes) ? route : route.beside
    if (passing === undefined) {
      if (this.host.onStep !== undefined) this.reportFiltered(route, value, at, attributes)
      return
    }
    const group = route.group?.isAlive === true ? route.group : this.groupOf(route)
    if (group === undefined) {
      this.refused += 1
      return
    }
    if (at > this.newestAt) this.newestAt = at
    group.offer(passing, value, at, attributes, depth)
  }

  private passes(route: Route, value: number, at: number, attributes: EventAttributes): boolean {
    if (!route.isTrigger) return true
    const { scope } = this.host
    scope.value = value
    scope.previous = Number.NaN
    scope.at = at
    scope.labels = route.labels
    scope.event = attributes
    scope.aggregates.fill(Number.NaN)
    scope.matched = {}
    try {
      return this.program.filter!.evaluate(scope) === true
    } catch (error) {
      this.noteError(error, at)
      return false
    }
  }

  /** Tells one evaluation to who asked for an explanation. */
  report(group: Group, at: number, before: State, item: Item | undefined, late?: Lateness): void {
    const { host } = this
    group.loadScope(at)
    host.onStep!({
      at,
      sequence: host.place.sequence,
      fingerprint: group.fingerprint,
      labels: group.labels,
      ...(item === undefined ? {} : { item }),
      ...(late === undefined ? {} : { late }),
      passedFilter: true,
      values: valuesOf(group),
      // What nothing took is compared with nothing.
      findings: late?.isCounted === false ? [] : this.findings(before),
      stages: this.looks.splice(0),
      deaths: this.deaths.splice(0),
      partialMatches: group.matcher?.partialMatches() ?? 0,
      awaited: group.matcher?.awaited() ?? [],
      before,
      after: group.life.state,
    })
  }

  /** Gotcha: needs the scope of the group. */
  private findings(before: State): ReadonlyArray<Finding> {
    const { condition, clear, pattern } = this.program
    // The condition of a pattern is asked of its matches alone.
    if (pattern !== undefined) return this.matchFindings.splice(0)
    const { scope } = this.host
    return [
      ...(condition?.explain(scope) ?? []),
      ...(before === "firing" ? (clear?.explain(scope) ?? []) : []),
    ]
  }

  private reportFiltered(route: Route, value: number, at: number, attributes: EventAttributes): void {
    const { host, program } = this
    const labels = this.labelsOfKey(route.key)
    const state = this.groups.get(route.key)?.life.state ?? "inactive"
    host.onStep!({
      at,
      sequence: host.place.sequence,
      fingerprint: fingerprintOf(this.tenant, program.rule, labels),
      labels,
      item: route.item(value, at, attributes),
      passedFilter: false,
      values: {},
      findings: program.filter!.explain(host.scope),
      stages: [],
      deaths: [],
      partialMatches: 0,
      awaited: [],
      before: state,
      after: state,
    })
  }

  private groupOf(route: Route): Group | undefined {
    let group = this.groups.get(route.key)
    if (group === undefined) {
      if (this.groups.size >= groupsMax) return undefined
      group = this.addGroup(route.key)
    }
    route.group = group
    return group
  }

  /** The labels of a group; those that are empty or not there are left out. */
  labelsOfKey(key: string): Labels {
    const values = JSON.parse(key) as ReadonlyArray<string>
    const labels: Record<string, string> = {}
    this.program.groupBy.forEach((label, index) => {
      if (values[index] !== "") labels[label] = values[index]!
    })
    return labels
  }

  private addGroup(key: string): Group {
    const group = new Group(this, key, this.labelsOfKey(key), this.host.nextSerial())
    this.groups.set(key, group)
    wait(group)
    return group
  }

  /** A rule without keys has its one group from the beginning when it has to notice that nothing comes at all. */
  start(): void {
    const { program } = this
    if (program.missing === undefined || program.groupBy.length > 0 || this.groups.size > 0) return
    this.addGroup("[]")
  }

  /** With all its groups, as the last ones of that lane. */
  moveTo(host: Host, serial: number): void {
    this.host = host
    this.serial = serial
    for (const group of this.groups.values()) {
      group.serial = host.nextSerial()
      group.cut = host.cut
      host.timers.schedule(group, group.wakesAt)
      group.watch()
    }
  }

  /** Gotcha: a series of which nothing comes any more still leads to it, so it keeps nothing. */
  forget(group: Group): void {
    group.isAlive = false
    group.rest()
    this.groups.delete(group.key)
  }

  /** Whatever a rule's own parts throw is its error: the other rules of the lane go on. */
  noteError(error: unknown, at: number): string {
    const detail = error instanceof Error ? error.message : String(error)
    this.errors += 1
    this.lastError = { at, detail }
    return detail
  }
}
