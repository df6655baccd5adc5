/**
 * What a rule would have said over a range of the past: what would have fired, when, for how long and how often. Nothing is
 * sent. Whoever has the messages gives them one by one, beginning as far before the range as the rule's state reaches back.
 */
import type { AlertState, CepEvent, Labels, Severity, Transition } from "../../../schemas/index.ts"
import type { Output, RuleFigures } from "../evaluator.ts"
import { type PastMessage, type PastRule, PastRun } from "./past-run.ts"

/** Firings and transitions that are told; further ones are only counted. */
export const toldFiringsMax = 1_000
export const toldTransitionsMax = 5_000
/** Events that the rule would have published that are told. */
export const toldEventsMax = 1_000
/** Characters of what all firings together tell of the items that matched, as JSON; later ones go without. */
export const toldMatchedCharactersMax = 400_000
/** Samples and events of one back-test: beyond it it ends, and says where. */
export const backtestItemsMax = 20_000_000

const dayMs = 86_400_000

/** By the time at which messages were stored. */
export interface PastRange {
  readonly from: number
  readonly until: number
}

export interface Firing {
  readonly fingerprint: string
  readonly labels: Labels
  readonly firedAt: number
  /** Absent: it still fires at the end of the range. */
  readonly resolvedAt?: number
  readonly severity: Severity
  readonly value?: number
  readonly values: Readonly<Record<string, number>>
  readonly annotations: Readonly<Record<string, string>>
  /** Of a pattern: the items of each stage, as a transition tells them. */
  readonly matched?: NonNullable<Transition["matched"]>
}

export interface DayCounts {
  /** In UTC, as 2026-03-29. */
  readonly day: string
  readonly firings: number
  readonly transitions: number
}

export interface BacktestResult extends PastRange {
  readonly firings: ReadonlyArray<Firing>
  readonly transitions: ReadonlyArray<Omit<Transition, "policy">>
  readonly events: ReadonlyArray<CepEvent>
  readonly counts: Readonly<Record<AlertState | "matched" | "firings" | "events", number>>
  /** How long something fired, of all groups together. */
  readonly firingMs: number
  /** Samples and events that were read, in the range and before it. */
  readonly items: number
  readonly figures: RuleFigures | undefined
  readonly perDay: ReadonlyArray<DayCounts>
  /** True when more was found than is told, or when it ended early: then `until` says where. */
  readonly truncated: boolean
}

/** What fires: since when that counts, and its place among those that are told. */
interface Open {
  readonly firing: Firing
  readonly from: number
  readonly told: number | undefined
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

export class Backtest {
  private readonly range: PastRange
  private readonly run: PastRun
  private readonly counts: Record<keyof BacktestResult["counts"], number> = {
    inactive: 0,
    pending: 0,
    firing: 0,
    resolved: 0,
    no_data: 0,
    error: 0,
    matched: 0,
    firings: 0,
    events: 0,
  }
  private readonly firings: Array<Firing> = []
  private readonly transitions: Array<Omit<Transition, "policy">> = []
  private readonly events: Array<CepEvent> = []
  private readonly days = new Map<number, { firings: number; transitions: number }>()
  /** By fingerprint: what fires now. */
  private readonly open = new Map<string, Open>()
  private firingMs = 0
  private matchedCharacters = 0
  private items = 0
  private endedAt: number | undefined

  constructor(rule: PastRule, range: PastRange) {
    this.range = range
    this.run = new PastRun(rule, { hear: (outputs, storedAt) => this.hear(outputs, storedAt) })
  }

  /** False when nothing more is wanted: the range or the bound is over. */
  offer(message: PastMessage): boolean {
    const { at } = message.place
    if (this.endedAt !== undefined || at > this.range.until) return false
    const items = "columns" in message ? message.columns.values.length : message.events.length
    if (this.items + items > backtestItemsMax) {
      this.endedAt = at
      return false
    }
    this.items += items
    this.run.offer(message)
    return true
  }

  /** `cutAt`: whoever gives the messages stopped there, before the range was over. */
  finish(cutAt?: number): BacktestResult {
    this.endedAt ??= cutAt
    const until = this.endedAt ?? this.range.until
    this.run.passUntil(until)
    for (const { from } of this.open.values()) this.firingMs += Math.max(0, until - from)
    return {
      from: this.range.from,
      until,
      firings: this.firings,
      transitions: this.transitions,
      events: this.events,
      counts: this.counts,
      firingMs: this.firingMs,
      items: this.items,
      figures: this.run.figures,
      perDay: this.perDay(until),
      truncated:
        this.endedAt !== undefined ||
        this.counts.firings > this.firings.length ||
        this.counts.events > this.events.length ||
        this.transitions.length === toldTransitionsMax,
    }
  }

  private perDay(until: number): ReadonlyArray<DayCounts> {
    const days: Array<DayCounts> = []
    for (let day = Math.floor(this.range.from / dayMs); day * dayMs <= until; day++)
      days.push({ day: dayOf(day * dayMs), ...(this.days.get(day) ?? { firings: 0, transitions: 0 }) })
    return days
  }

  /** What belongs to the range is what was stored in it, however late its event time is. */
  private hear(outputs: ReadonlyArray<Output>, storedAt: number): void {
    const isTold = storedAt >= this.range.from && storedAt <= this.range.until
    for (const output of outputs) {
      if (output.type === "transition") this.hearTransition(output.transition, isTold)
      else if (output.type === "event" && isTold) {
        this.counts.events += 1
        if (this.events.length < toldEventsMax) this.events.push(output.event)
      }
    }
  }

  private hearTransition({ policy, ...transition }: Transition, isTold: boolean): void {
    const { fingerprint, to, cause, at } = transition
    if (isTold) this.count(transition)
    if (cause === "matched") this.fire(transition, policy.annotations, isTold, at)
    else if (to !== "firing") this.end(fingerprint, at)
    else if (!this.open.has(fingerprint)) this.fire(transition, policy.annotations, isTold)
  }

  private count(transition: Omit<Transition, "policy">): void {
    this.counts[transition.cause === "matched" ? "matched" : transition.to] += 1
    if (this.transitions.length < toldTransitionsMax) this.transitions.push(transition)
    this.day(transition.at).transitions += 1
  }

  /** What happened before the range belongs to its first day. */
  private day(at: number): { firings: number; transitions: number } {
    const { from, until } = this.range
    const day = Math.floor(Math.min(Math.max(at, from), until) / dayMs)
    const counts = this.days.get(day) ?? { firings: 0, transitions: 0 }
    this.days.set(day, counts)
    return counts
  }

  private fire(
    { fingerprint, labels, at, severity, value, values, matched }: Omit<Transition, "policy">,
    annotations: Firing["annotations"],
    isTold: boolean,
    resolvedAt?: number,
  ): void {
    const firing = {
      ...{ fingerprint, labels, firedAt: at, severity, values, annotations },
      ...(value === undefined ? {} : { value }),
      ...(matched === undefined || !isTold ? {} : this.matchedThatFits(matched)),
    }
    if (isTold) {
      this.counts.firings += 1
      this.day(at).firings += 1
    }
    const told = isTold && this.firings.length < toldFiringsMax ? this.firings.length : undefined
    if (told !== undefined) this.firings.push(resolvedAt === undefined ? firing : { ...firing, resolvedAt })
    const from = isTold ? at : this.range.from
    if (resolvedAt === undefined) this.open.set(fingerprint, { firing, from, told })
  }

  private matchedThatFits(matched: NonNullable<Firing["matched"]>): Pick<Firing, "matched"> {
    if (this.firings.length >= toldFiringsMax) return {}
    const characters = JSON.stringify(matched).length
    if (this.matchedCharacters + characters > toldMatchedCharactersMax) return {}
    this.matchedCharacters += characters
    return { matched }
  }

  private end(fingerprint: string, at: number): void {
    const open = this.open.get(fingerprint)
    if (open === undefined) return
    this.open.delete(fingerprint)
    this.firingMs += Math.max(0, at - open.from)
    if (open.told !== undefined) this.firings[open.told] = { ...open.firing, resolvedAt: at }
  }
}
