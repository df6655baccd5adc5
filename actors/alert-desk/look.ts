/**
 * What a desk does when its timer fires: silences and planned work begin and end, groups whose time has come are told or
 * repeated, actions are carried out, what was resolved long ago leaves. As much as one journal entry holds; the rest next.
 */
import type { DecideContext } from "../../engine/index.ts"
import type { AlertPolicy, Outgoing } from "../../schemas/index.ts"
import { bytesOf } from "../agent/blocks.ts"
import { endStale } from "./begun.ts"
import { resolve } from "./by-hand.ts"
import { alertOf, groupOf } from "./draft.ts"
import { hasNews, isQuiet, type News, newsOf, repeats } from "./due.ts"
import { fold } from "./fold.ts"
import { inhibitedBy } from "./inhibition.ts"
import {
  groupsPerLook,
  heldAlertsMax,
  inhibitedPerLook,
  leaveAgainMs,
  sendBytesMax,
  steadyAfterMs,
} from "./limits.ts"
import { acts, delivery } from "./notified.ts"
import { hushedBy, isOn, quietTurnsAt, windowOf } from "./quiet.ts"
import { mannerOf } from "./routing.ts"
import { type Event, type Group, isActive, policyKeyOf, type State, type StoredAlert } from "./state.ts"
import { follows } from "./turning.ts"

/** When the desk has to look again; undefined when nothing is due any more. */
export const lookAt = (state: State): number | undefined => {
  let due = quietTurnsAt(state) ?? Number.POSITIVE_INFINITY
  for (const { dueAt } of state.groups) if (dueAt !== undefined && dueAt < due) due = dueAt
  if (state.matches.length > 0 || state.began !== undefined) due = 0
  return Number.isFinite(due) ? due : undefined
}

const policyOf = (state: State, alert: Parameters<typeof policyKeyOf>[0]): AlertPolicy | undefined =>
  state.policies[policyKeyOf(alert)]?.policy

const dueGroups = ({ groups }: State, now: number): ReadonlyArray<string> =>
  groups
    .flatMap((bucket) =>
      bucket.dueAt === undefined || bucket.dueAt > now
        ? []
        : Object.values(bucket.groups).filter(({ dueAt }) => dueAt !== undefined && dueAt <= now),
    )
    .toSorted((one, other) => one.dueAt! - other.dueAt!)
    .map(({ key }) => key)

const reasonOf = (news: ReadonlyArray<News>, isFirst: boolean, someFire: boolean) => {
  if (news.length === 0) return "repeat"
  const every = (what: News) => news.every((one) => one === what)
  if (every("severity")) return "severity"
  if (every("flapping")) return "flapping"
  if (every("resolved") && !someFire) return "resolved"
  return isFirst ? "new" : "changed"
}

const tellsOf = (policy: AlertPolicy | undefined, channel: string, news: News): boolean =>
  (policy?.actions ?? []).some(
    (action) =>
      action.type === "notify" &&
      action.channel === channel &&
      follows(action, news === "flapping" ? "firing" : news),
  )

class Look {
  readonly events: Array<Event> = []
  readonly send: Array<Outgoing> = []
  state: State
  private bytes = 0
  private inhibitions = 0
  private readonly now: number

  constructor(state: State, now: number) {
    this.state = state
    this.now = now
  }

  get isFull(): boolean {
    return this.bytes >= sendBytesMax || this.inhibitions >= inhibitedPerLook
  }

  private apply(...events: ReadonlyArray<Event>): void {
    this.events.push(...events)
    this.state = fold(this.state, events)
  }

  private out(messages: ReadonlyArray<Outgoing>): void {
    for (const message of messages) this.bytes += bytesOf(message)
    this.send.push(...messages)
  }

  turnQuiet(): void {
    const { now: at } = this
    for (const { id, active, startsAt, endsAt } of Object.values(this.state.silences)) {
      if (endsAt <= at) this.apply({ _tag: "SilenceEnded", id, at })
      else if (!active && startsAt <= at) this.apply({ _tag: "SilenceBegun", id, at })
    }
    for (const maintenance of Object.values(this.state.maintenances)) {
      const { id, active, window } = maintenance
      if (window === undefined || at < (active ? window.to : window.from)) continue
      const next = windowOf(maintenance, at)
      if (next === undefined) this.apply({ _tag: "MaintenanceEnded", id, at })
      else this.apply({ _tag: "MaintenanceTurned", id, window: next, active: isOn(next, at), at })
    }
  }

  endStale(): void {
    this.apply(...endStale(this.state, this.now))
  }

  actOnMatches(): void {
    let count = 0
    for (const { alert, actions } of this.state.matches) {
      if (this.isFull) break
      count += 1
      const stored = { ...alert, acts: [], turns: [], turnedAt: alert.at, bytes: 0, revision: 0 }
      const { inhibitions, alerts } = this.state
      if (hushedBy(this.state, stored).length + inhibitedBy(stored, inhibitions, alerts).length > 0) continue
      const policy = policyOf(this.state, alert)
      const [number, at] = [this.state.tellings + count, this.now]
      const head = { groupKey: alert.groupKey, groupLabels: alert.labels }
      const channels = this.channelsOf([stored]).filter((channel) => tellsOf(policy, channel, "firing"))
      this.out(
        channels.map((channel) =>
          delivery({
            channel,
            ...head,
            reason: "new",
            status: "matched",
            alerts: [alert],
            number,
            at,
            policyOf: () => policy,
          }),
        ),
      )
      this.out(
        acts(
          alert,
          actions.filter((action) => follows(action, "firing")),
          number,
          policy,
          "matched",
        ),
      )
    }
    if (count > 0) this.apply({ _tag: "MatchesActed", count })
  }

  private channelsOf(alerts: ReadonlyArray<StoredAlert>): ReadonlyArray<string> {
    const keys = [...new Set(alerts.map(policyKeyOf))]
    const actions = keys.flatMap((key) => policyOf(this.state, { rule: key })?.actions ?? [])
    return [...new Set(actions.flatMap((action) => (action.type === "notify" ? [action.channel] : [])))]
  }

  private members(key: string): ReadonlyArray<StoredAlert> {
    return (groupOf(this.state, key)?.members ?? []).flatMap(
      (fingerprint) => alertOf(this.state, fingerprint) ?? [],
    )
  }

  look(key: string): void {
    for (const alert of this.members(key)) {
      if (alert.expiresAt === undefined || alert.expiresAt > this.now || !isActive(alert)) continue
      this.apply(...resolve(this.state, alert, this.now, { cause: "expired" }))
    }
    this.steady(key)
    this.leave(key)
    this.inhibit(key)
    if (this.isFull) return
    this.act(key)
    const group = groupOf(this.state, key)
    if (group !== undefined && !this.isFull) this.tell(group)
  }

  private steady(key: string): void {
    const fingerprints = this.members(key)
      .filter(({ flapping, turnedAt }) => flapping && turnedAt + steadyAfterMs <= this.now)
      .map(({ fingerprint }) => fingerprint)
    if (fingerprints.length > 0) this.apply({ _tag: "Steadied", fingerprints, at: this.now })
  }

  /** What people have to hear of yet stays; what the database has to hear of stays as long as there is room. */
  private leave(key: string): void {
    const over = this.members(key).filter(
      (alert) => alert.leavesAt !== undefined && alert.leavesAt <= this.now && !alert.flapping,
    )
    const may = ({ revision }: StoredAlert) =>
      revision <= this.state.indexed || this.state.held > heldAlertsMax
    const [left, stay] = [over.filter(may), over.filter((alert) => !may(alert))].map((alerts) =>
      alerts.map(({ fingerprint }) => fingerprint),
    )
    if (left!.length > 0) this.apply({ _tag: "Left", fingerprints: left! })
    const until = this.now + leaveAgainMs
    if (stay!.length > 0) this.apply({ _tag: "Postponed", fingerprints: stay!, until })
  }

  /** Looked at when something is to be said: what inhibits an alert that nobody would hear of is of no interest. */
  private inhibit(key: string): void {
    const { inhibitions, alerts } = this.state
    if (Object.keys(inhibitions).length === 0) return
    const changed: Array<{ readonly fingerprint: string; readonly by: ReadonlyArray<string> }> = []
    for (const alert of this.members(key)) {
      if (!isActive(alert)) continue
      const before = alert.quietBy.filter((id) => Object.hasOwn(inhibitions, id))
      const by = inhibitedBy(alert, inhibitions, alerts)
      if (before.join() === by.join()) continue
      changed.push({ fingerprint: alert.fingerprint, by })
      this.inhibitions += 1
      if (this.isFull) break
    }
    if (changed.length > 0) this.apply({ _tag: "Inhibited", alerts: changed })
  }

  private act(key: string): void {
    const fingerprints: Array<string> = []
    const number = this.state.tellings + 1
    for (const alert of this.members(key)) {
      if (this.isFull) break
      if (alert.acts.length === 0 || isQuiet(alert) || alert.acts[0]!.due > this.now) continue
      const policy = policyOf(this.state, alert)
      const actions = alert.acts.flatMap((one) => one.actions)
      this.out(acts(alert, actions, number, policy))
      fingerprints.push(alert.fingerprint)
    }
    if (fingerprints.length > 0) this.apply({ _tag: "Acted", fingerprints })
  }

  private isNewsDue({ newsAt }: Group, alert: StoredAlert): boolean {
    return newsAt !== undefined && newsAt <= this.now && hasNews(alert) && !isQuiet(alert)
  }

  private isRepeatDue({ toldAt }: Group, alert: StoredAlert): boolean {
    const policy = policyOf(this.state, alert)
    const everyMs = mannerOf(this.state.grouping, alert, policy).repeatMs
    return everyMs !== undefined && toldAt !== undefined && repeats(alert) && toldAt + everyMs <= this.now
  }

  private tell(group: Group): void {
    const audible = this.members(group.key).filter((alert) => !isQuiet(alert))
    if (!audible.some((alert) => this.isNewsDue(group, alert) || this.isRepeatDue(group, alert))) return
    const { key: groupKey, labels: groupLabels } = group
    const [number, at] = [this.state.tellings + 1, this.now]
    for (const channel of this.channelsOf(audible)) {
      const news = audible.flatMap((alert) => {
        const one = newsOf(alert)
        return one !== undefined && tellsOf(policyOf(this.state, alert), channel, one)
          ? [{ alert, news: one }]
          : []
      })
      const others = audible.filter(
        (alert) =>
          isActive(alert) &&
          !news.some((one) => one.alert === alert) &&
          alert.told?.state === alert.state &&
          !alert.flapping &&
          tellsOf(policyOf(this.state, alert), channel, "firing"),
      )
      if (news.length === 0 && !others.some((alert) => this.isRepeatDue(group, alert))) continue
      const fires = others.length > 0 || news.some((one) => isActive(one.alert))
      const isFirst = group.toldAt === undefined
      const reason = reasonOf(
        news.map((one) => one.news),
        isFirst,
        fires,
      )
      const alerts = [...news.map(({ alert }) => alert), ...others]
      const of = (rule: string) => policyOf(this.state, { rule })
      this.out([delivery({ channel, groupKey, groupLabels, reason, alerts, number, at, policyOf: of })])
    }
    this.apply({ _tag: "Told", group: groupKey, at })
  }
}

export const look = (
  state: State,
  { now }: Pick<DecideContext, "now">,
): {
  readonly events: ReadonlyArray<Event>
  readonly send: ReadonlyArray<Outgoing>
  readonly after: State
} => {
  const looking = new Look(state, now)
  looking.turnQuiet()
  looking.endStale()
  looking.actOnMatches()
  for (const key of dueGroups(looking.state, now).slice(0, groupsPerLook)) {
    if (looking.isFull) break
    looking.look(key)
  }
  return { events: looking.events, send: looking.send, after: looking.state }
}
