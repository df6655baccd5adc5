/**
 * One group of one rule: its items in the order of event time, and what they come to: aggregates, then the pattern, then
 * the condition, then the alert's life.
 *
 * Event time of a group is its newest item's. When no item comes, it goes on from there at the pace at which the log is
 * written, `idleAfterMs` behind (see `waking.ts`), so that windows close and `for` is fulfilled: a stream that comes late stays as late as it
 * was. What happens at a time is dated to that time, not to when somebody looked: how often ticks come changes nothing.
 */
import type { EventAttributes, Labels, Severity } from "../../../schemas/index.ts"
import type { Match, Matcher } from "../patterns/pattern.ts"
import type { Aggregates } from "../windows/aggregates.ts"
import { AlertLife, type Cause, type Listener, type State } from "./alert-life.ts"
import { fingerprintOf } from "./fingerprint.ts"
import { Inbox, type WaitingItem } from "./inbox.ts"
import { fail, judge, judgeEnd, judgeMatches } from "./judge.ts"
import { offerLate } from "./late-item.ts"
import type { LiveRule } from "./live-rule.ts"
import { noAttributes, type Route } from "./route.ts"
import { tellTransition } from "./tell.ts"
import { wait } from "./waking.ts"

const never = Number.POSITIVE_INFINITY

export class Group implements Listener {
  readonly rule: LiveRule
  readonly key: string
  readonly labels: Labels
  readonly fingerprint: string
  /** Its place among the groups of its lane. */
  serial: number
  isAlive = true
  /** The last capture of the lane's state that has it, or began before it. */
  cut: number
  /** When it is looked at next, in the log's time. */
  wakesAt = never
  /** Number of its last transition. */
  number = 0
  severity: Severity
  life = new AlertLife(this)
  /** Event time of the newest item, and when that was stored. */
  newest = Number.NEGATIVE_INFINITY
  newestStored = Number.NEGATIVE_INFINITY
  /** When the last item was stored. */
  lastStored: number
  /** What is older is late. */
  floor = Number.NEGATIVE_INFINITY
  /** Event time of what happens when no item comes. */
  due = never
  hasMissed = false
  /** Of the last item that the condition is about. */
  last: Route | undefined = undefined
  value = Number.NaN
  previous = Number.NaN
  attributes: EventAttributes = noAttributes
  depth = 0
  aggregates: Aggregates | undefined
  matcher: Matcher | undefined
  inbox: Inbox | undefined
  match: Match | undefined = undefined
  /** Of a pattern's last match; later nobody has its items any more. */
  annotations: Readonly<Record<string, string>> | undefined = undefined
  /** Event time of the item that its windows are taking, and whether one of them came to a result with it. */
  private feeding = never
  /** Event time of the last evaluation: a late item's correction is not dated before it. */
  judgedAt = Number.NEGATIVE_INFINITY
  private hasResult = false

  constructor(rule: LiveRule, key: string, labels: Labels, serial: number) {
    const { program, host, tenant } = rule
    this.rule = rule
    this.key = key
    this.labels = labels
    this.serial = serial
    this.cut = host.cut
    this.fingerprint = fingerprintOf(tenant, program.rule, labels)
    this.severity = program.severity
    this.lastStored = host.place.at
    this.aggregates = program.aggregates.specs.length > 0 ? program.aggregates.make(rule.held) : undefined
    this.matcher = program.pattern?.make(rule.held)
    this.inbox = program.outOfOrdernessMs > 0 ? new Inbox(rule.held) : undefined
    this.watch()
  }

  /** Has to be called before anything of it changes: a capture that is under way has it as it was. */
  touch(): void {
    const { host } = this.rule
    if (this.cut !== host.cut) host.keep(this)
  }

  /** Nothing is evaluated in it any more: only its alert is left. */
  rest(): void {
    this.letGo()
    this.aggregates = undefined
    this.matcher = undefined
    this.inbox = undefined
    this.due = never
  }

  /** Gives back what it holds of its rule's. */
  letGo(): void {
    this.aggregates?.release()
    this.matcher?.release()
    this.inbox?.release()
  }

  /** Hears why partial matches end while somebody wants an explanation. */
  watch(): void {
    const { deaths, host } = this.rule
    if (host.onStep !== undefined) this.matcher?.watch((death) => deaths.push(death))
  }

  /** Takes an item of any time: late, in order, or waiting for those before it. */
  offer(route: Route, value: number, at: number, attributes: EventAttributes, depth: number): void {
    this.touch()
    const stored = this.rule.host.place.at
    const wasMissed = this.hasMissed
    const due = this.due
    this.lastStored = stored
    this.hasMissed = false
    if (at < this.floor) {
      offerLate(this, route, value, at, attributes)
      wait(this)
      return
    }
    if (at > this.newest) {
      this.newest = at
      this.newestStored = stored
    }
    if (this.inbox === undefined) this.process(route, value, at, attributes, depth)
    else this.putInOrder(this.inbox, { route, value, at, attributes, depth })
    if (this.due !== due || wasMissed) wait(this)
  }

  private putInOrder(inbox: Inbox, item: WaitingItem): void {
    inbox.put(item)
    const watermark = this.newest - this.rule.program.outOfOrdernessMs
    this.release(watermark)
    if (watermark > this.floor) this.floor = watermark
  }

  private release(watermark: number): void {
    const inbox = this.inbox!
    for (;;) {
      const next = inbox.takeUntil(watermark)
      if (next === undefined) break
      this.rule.begin()
      this.process(next.route, next.value, next.at, next.attributes, next.depth)
    }
    this.refreshDue()
  }

  private process(route: Route, value: number, at: number, attributes: EventAttributes, depth: number): void {
    if (at > this.due) this.passUntil(at, false)
    this.floor = at
    const before = this.life.state
    // What it says may come from more than its last item.
    const holds = this.aggregates !== undefined || this.matcher !== undefined
    if (depth > this.depth || !holds) this.depth = depth
    if (route.isTrigger) {
      this.previous = this.value
      this.value = value
      this.last = route
      this.attributes = attributes
    }
    if (this.aggregates !== undefined) this.feed(this.aggregates, route, value, at, attributes)
    if (this.matcher !== undefined) this.offerToPattern(this.matcher, route, value, at, attributes)
    else if (this.hasResult || (this.rule.judgesItems && (route.isTrigger || !this.rule.isPointwise)))
      judge(this, at)
    this.refreshDue()
    if (this.rule.host.onStep !== undefined)
      this.rule.report(this, at, before, route.item(value, at, attributes))
  }

  private feed(
    aggregates: Aggregates,
    route: Route,
    value: number,
    at: number,
    attributes: EventAttributes,
  ): void {
    const { inputs, rule } = route
    rule.closing = this
    this.feeding = at
    this.hasResult = false
    for (let index = 0; index < inputs.length; index++) {
      const input = inputs[index]!
      const field = rule.program.inputs[input]!.field
      if (route.lacks(field, attributes)) continue
      const number = route.numberOf(field, value, attributes)
      aggregates.add(input, at, number, route.textOf(field, attributes), rule.onClosed)
    }
    this.feeding = never
  }

  private offerToPattern(
    matcher: Matcher,
    route: Route,
    value: number,
    at: number,
    attributes: EventAttributes,
  ): void {
    const { rule, life } = this
    rule.evaluations += 1
    try {
      const item = route.item(value, at, attributes)
      if (rule.host.onStep !== undefined) rule.looks.push(...matcher.look(item))
      const matches = matcher.offer(item)
      if (life.isWithoutEnd) life.end(rule.program, "condition", at)
      judgeMatches(this, matches, at)
    } catch (error) {
      fail(this, error, at)
    }
  }

  /** A window has ended and its results are there. Of those that end with an item, the condition is asked once. */
  closed(end: number): void {
    if (end >= this.feeding) this.hasResult = true
    else if (this.matcher === undefined) judgeEnd(this, end)
  }

  /** All that waits for event times up to this one happens, each at its own. */
  private passUntil(until: number, inclusive: boolean): void {
    while (this.due < until || (inclusive && this.due === until)) {
      const at = this.due
      const before = this.life.state
      if (this.aggregates !== undefined && this.aggregates.nextDue() <= at) {
        this.floor = Math.max(this.floor, at)
        this.rule.closing = this
        this.aggregates.advance(at, this.rule.onClosed)
      }
      if (this.matcher !== undefined && this.matcher.nextDue() <= at) {
        this.floor = Math.max(this.floor, at)
        try {
          judgeMatches(this, this.matcher.advance(at), at)
        } catch (error) {
          fail(this, error, at)
        }
      }
      if (this.life.due <= at) this.life.pass(this.rule.program)
      if (this.rule.host.onStep !== undefined) this.rule.report(this, at, before, undefined)
      this.refreshDue()
      if (this.due <= at) {
        this.rule.noteError(new Error("time stands still"), at)
        this.due = never
      }
    }
  }

  refreshDue(): void {
    let due = this.life.due
    if (this.aggregates !== undefined) due = Math.min(due, this.aggregates.nextDue())
    if (this.matcher !== undefined) due = Math.min(due, this.matcher.nextDue())
    if (this.inbox !== undefined) due = Math.min(due, this.inbox.nextAt())
    this.due = due
  }

  /** All that waits for event times up to this one happens: items that wait for older ones, and what time brings about. */
  reach(at: number): void {
    if (this.inbox !== undefined) this.release(at)
    this.passUntil(at, true)
  }

  /** Nothing came for as long as the rule allows. */
  miss(at: number): void {
    const { rule, life } = this
    const before = life.state
    this.hasMissed = true
    life.miss(rule.program, rule.program.missing!.state, at)
    this.refreshDue()
    if (rule.host.onStep !== undefined) rule.report(this, at, before, undefined)
  }

  /** As far as its items were behind the log, so far is it behind now. */
  eventTimeOf(stored: number): number {
    return this.newestStored === Number.NEGATIVE_INFINITY
      ? stored
      : this.newest + (stored - this.newestStored)
  }

  loadScope(at: number): void {
    const { scope } = this.rule.host
    scope.value = this.value
    scope.previous = this.previous
    scope.at = at
    scope.labels = this.last === undefined ? this.labels : this.last.labels
    scope.event = this.attributes
    scope.matched = this.match === undefined ? noMatch : this.match.stages
    if (this.aggregates !== undefined) this.aggregates.read(scope.aggregates)
  }

  tell(to: State, cause: Cause, at: number, detail?: string): void {
    tellTransition(this, to, cause, at, detail)
  }
}

const noMatch = Object.freeze({})
