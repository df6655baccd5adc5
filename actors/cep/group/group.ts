/**
 * One group of one rule: its items in the order of event time, and what they come to: aggregates, then the pattern, then
 * the condition, then the alert's life.
 *
 * Event time of a group is its newest item's. When no item comes, it goes on from there at the pace at which the log is
 * written, `idleAfterMs` behind, so that windows close and `for` is fulfilled: a stream that comes late stays as late as it
 * was. What happens at a time is dated to that time, not to when somebody looked: how often ticks come changes nothing.
 */
import type { EventAttributes, Labels, Severity } from "../../../schemas/index.ts"
import { ByteReader, ByteWriter } from "../bytes.ts"
import type { Match, Matcher } from "../patterns/pattern.ts"
import type { Aggregates } from "../windows/aggregates.ts"
import { AlertLife, type Cause, type Listener, type State } from "./alert-life.ts"
import { fingerprintOf } from "./fingerprint.ts"
import { Inbox } from "./inbox.ts"
import type { LiveRule } from "./live-rule.ts"
import { noAttributes, type Route } from "./route.ts"
import { publishLate, severityOf, tellTransition } from "./tell.ts"

/** A group without items goes on by the log's time so far behind it, and behind that by out_of_orderness. */
export const idleAfterMs = 5_000
/** A group of which nothing is pending, firing or broken is forgotten after so long without an item, beyond its windows. */
export const forgottenAfterMs = 3_600_000

const never = Number.POSITIVE_INFINITY

export class Group implements Listener {
  readonly rule: LiveRule
  readonly key: string
  readonly labels: Labels
  readonly fingerprint: string
  /** Its place among the groups of its lane. */
  serial: number
  isAlive = true
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
    this.fingerprint = fingerprintOf(tenant, program.rule, labels)
    this.severity = program.severity
    this.lastStored = host.place.at
    this.aggregates = program.aggregates.specs.length > 0 ? program.aggregates.make() : undefined
    this.matcher = program.pattern?.make()
    this.inbox = program.outOfOrdernessMs > 0 ? new Inbox() : undefined
    this.watch()
  }

  /** Hears why partial matches end while somebody wants an explanation. */
  watch(): void {
    const { deaths, host } = this.rule
    if (host.onStep !== undefined) this.matcher?.watch((death) => deaths.push(death))
  }

  /** Its partial matches go on under the conditions of the rule's new version. */
  renewMatcher(): void {
    const writer = new ByteWriter()
    this.matcher?.encode(writer)
    this.matcher = this.rule.program.pattern?.decode(new ByteReader(writer.finish()))
    this.watch()
  }

  /** Takes an item of any time: late, in order, or waiting for those before it. */
  offer(route: Route, value: number, at: number, attributes: EventAttributes, depth: number): void {
    const { host, program } = this.rule
    this.lastStored = host.place.at
    this.hasMissed = false
    if (at < this.floor) {
      this.offerLate(route, value, at, attributes)
      return
    }
    if (at > this.newest) {
      this.newest = at
      this.newestStored = host.place.at
    }
    if (this.inbox === undefined) this.process(route, value, at, attributes, depth)
    else {
      this.inbox.put({ route, value, at, attributes, depth })
      this.release(this.newest - program.outOfOrdernessMs)
      this.floor = Math.max(this.floor, this.newest - program.outOfOrdernessMs)
    }
    this.wait()
  }

  private release(watermark: number): void {
    const inbox = this.inbox!
    for (;;) {
      const next = inbox.takeUntil(watermark)
      if (next === undefined) break
      this.process(next.route, next.value, next.at, next.attributes, next.depth)
    }
    this.refreshDue()
  }

  private process(route: Route, value: number, at: number, attributes: EventAttributes, depth: number): void {
    if (at > this.due) this.passUntil(at, false)
    this.floor = at
    const before = this.life.state
    if (depth > this.depth) this.depth = depth
    if (route.isTrigger) {
      this.previous = this.value
      this.value = value
      this.last = route
      this.attributes = attributes
    }
    if (this.aggregates !== undefined) this.feed(this.aggregates, route, value, at, attributes)
    if (this.matcher !== undefined) this.offerToPattern(this.matcher, route, value, at, attributes)
    else if (this.hasResult || (this.rule.judgesItems && (route.isTrigger || !this.rule.isPointwise)))
      this.judge(at)
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
    const { inputs } = route
    this.rule.closing = this
    this.feeding = at
    this.hasResult = false
    for (let index = 0; index < inputs.length; index++) {
      const input = inputs[index]!
      const field = this.rule.program.inputs[input]!.field
      if (field === undefined)
        aggregates.add(input, at, route.isEvent ? 0 : value, undefined, this.rule.onClosed)
      else if (!route.isEvent) aggregates.add(input, at, value, route.labels[field], this.rule.onClosed)
      else {
        const attribute = attributes[field]
        if (attribute === undefined || attribute === null) continue
        const number = typeof attribute === "number" ? attribute : Number.NaN
        aggregates.add(input, at, number, String(attribute), this.rule.onClosed)
      }
    }
    this.feeding = never
  }

  private offerLate(route: Route, value: number, at: number, attributes: EventAttributes): void {
    const { rule, aggregates } = this
    rule.late += 1
    let isWanted = false
    if (aggregates !== undefined) {
      rule.closing = this
      for (const input of route.inputs) {
        const field = rule.program.inputs[input]!.field
        const attribute = field === undefined ? undefined : attributes[field]
        const number = !route.isEvent
          ? value
          : typeof attribute === "number"
            ? attribute
            : field === undefined
              ? 0
              : Number.NaN
        const text = field === undefined ? undefined : route.isEvent ? String(attribute) : route.labels[field]
        if (aggregates.addLate(input, at, number, text, rule.onClosed)) isWanted = true
      }
      this.refreshDue()
      this.wait()
    }
    if (!isWanted && rule.program.publishLate) publishLate(this, route, value, at)
  }

  private offerToPattern(
    matcher: Matcher,
    route: Route,
    value: number,
    at: number,
    attributes: EventAttributes,
  ): void {
    this.rule.evaluations += 1
    if (this.life.state === "no_data") this.life.end(this.rule.program, "condition", at)
    try {
      this.take(matcher.offer(route.item(value, at, attributes)), at)
    } catch (error) {
      this.fail(error, at)
    }
  }

  private take(matches: ReadonlyArray<Match>, at: number): void {
    const { program, host } = this.rule
    for (const match of matches) {
      this.match = match
      try {
        this.loadScope(at)
        if (program.condition === undefined || program.condition.evaluate(host.scope) === true) {
          this.rule.matches += 1
          if (program.mode === "trigger") this.life.strike(program, at)
          else this.life.match(program, at)
          this.judgeSeverity(at)
        }
      } catch (error) {
        this.fail(error, at)
      } finally {
        this.match = undefined
      }
    }
  }

  /** A window has ended and its results are there. Of those that end with an item, the condition is asked once. */
  closed(end: number): void {
    if (end >= this.feeding) this.hasResult = true
    else if (this.matcher === undefined) this.judge(Math.max(end, this.judgedAt))
  }

  private judge(at: number): void {
    const { program, host } = this.rule
    this.rule.evaluations += 1
    this.judgedAt = at
    this.loadScope(at)
    try {
      const holds = program.condition === undefined ? true : program.condition.evaluate(host.scope)
      if (holds === undefined) return
      if (holds) this.rule.matches += 1
      if (this.rule.isPointwise) {
        if (holds) this.life.strike(program, at)
        return
      }
      const clears =
        !holds &&
        (program.clear === undefined ||
          (this.life.state === "firing" && program.clear.evaluate(host.scope) === true))
      this.life.judge(program, holds, clears, at)
    } catch (error) {
      this.fail(error, at)
    }
    if (program.levels.length > 0) this.judgeSeverity(at)
  }

  private judgeSeverity(at: number): void {
    if (this.life.state !== "firing" || severityOf(this) === this.severity) return
    this.tell("firing", "severity", at)
  }

  private fail(error: unknown, at: number): void {
    const detail = this.rule.noteError(error, at)
    this.life.fail(this.rule.program.onError, at, detail)
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
          this.take(this.matcher.advance(at), at)
        } catch (error) {
          this.fail(error, at)
        }
      }
      if (this.life.due <= at) this.life.pass(this.rule.program)
      if (this.rule.host.onStep !== undefined) this.rule.report(this, at, before, undefined)
      this.refreshDue()
      if (this.due <= at) throw new Error(`rule ${this.rule.rule}: time stands still at ${at}`)
    }
  }

  private refreshDue(): void {
    let due = this.life.due
    if (this.aggregates !== undefined) due = Math.min(due, this.aggregates.nextDue())
    if (this.matcher !== undefined) due = Math.min(due, this.matcher.nextDue())
    if (this.inbox !== undefined) due = Math.min(due, this.inbox.nextAt())
    this.due = due
  }

  /** The log's time has reached what it waited for. */
  wake(): void {
    const { rule } = this
    const { program, host } = rule
    const now = host.place.at
    const reached = this.newest + (now - this.newestStored) - this.idleMs()
    if (this.due <= reached) {
      if (this.inbox !== undefined) this.release(reached)
      this.passUntil(reached, true)
    }
    const { missing } = program
    if (missing !== undefined && !this.hasMissed && now >= this.lastStored + missing.afterMs) {
      this.hasMissed = true
      const before = this.life.state
      const at = this.eventTimeOf(this.lastStored + missing.afterMs)
      this.life.miss(program, missing.state, at)
      this.refreshDue()
      if (host.onStep !== undefined) rule.report(this, at, before, undefined)
    }
    if (this.isForgotten(now)) rule.forget(this)
    else this.wait()
  }

  private idleMs(): number {
    return idleAfterMs + this.rule.program.outOfOrdernessMs
  }

  /** As far as its items were behind the log, so far is it behind now. */
  eventTimeOf(stored: number): number {
    return this.newestStored === Number.NEGATIVE_INFINITY
      ? stored
      : this.newest + (stored - this.newestStored)
  }

  private silentMs(): number {
    const { reachMs, missing, cooldownMs } = this.rule.program
    return forgottenAfterMs + reachMs + cooldownMs + (missing?.afterMs ?? 0)
  }

  private isForgotten(now: number): boolean {
    return (
      now >= this.lastStored + this.silentMs() &&
      this.due === never &&
      this.life.isQuiet(this.eventTimeOf(now))
    )
  }

  /** When `wake` has something to do next, if no item comes; what cannot be forgotten yet is looked at again later. */
  nextWake(): number {
    const { missing } = this.rule.program
    const now = this.rule.host.place.at
    let wake = this.lastStored + this.silentMs()
    if (wake <= now) wake = now + forgottenAfterMs
    if (this.due !== never)
      wake = Math.min(wake, this.newestStored + (this.due - this.newest) + this.idleMs())
    if (missing !== undefined && !this.hasMissed) wake = Math.min(wake, this.lastStored + missing.afterMs)
    return Math.max(wake, now + 1)
  }

  /** Makes sure that it is looked at in time. */
  wait(): void {
    const wake = this.nextWake()
    if (wake < this.wakesAt) this.rule.host.timers.schedule(this, wake)
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
