/**
 * The desk's state while events change it: only the buckets that are touched are copied, once, so that the cost of an event
 * follows from what it changes and hardly from how many alerts there are.
 */
import { bytesOf } from "../agent/blocks.ts"
import { Buckets, bucketOf } from "./buckets.ts"
import { dueOf, hasNews } from "./due.ts"
import { groupKeyOf, groupLabelsOf } from "./grouping.ts"
import { dismissedMax, historyWaitingMax, seenPerBucketMax } from "./limits.ts"
import { type Manner, mannerOf } from "./routing.ts"
import {
  type Event,
  type Group,
  type HistoryEntry,
  isLive,
  policyKeyOf,
  type Seen,
  type State,
  type StoredAlert,
} from "./state.ts"

export const alertOf = ({ alerts }: State, fingerprint: string): StoredAlert | undefined => {
  const bucket = alerts[bucketOf(fingerprint)]!
  return Object.hasOwn(bucket, fingerprint) ? bucket[fingerprint] : undefined
}

export const groupOf = ({ groups }: State, key: string): Group | undefined => {
  const bucket = groups[bucketOf(key)]!.groups
  return Object.hasOwn(bucket, key) ? bucket[key] : undefined
}

export const seenOf = ({ seen }: State, fingerprint: string): Seen | undefined => {
  const bucket = seen[bucketOf(fingerprint)]!
  return Object.hasOwn(bucket, fingerprint) ? bucket[fingerprint] : undefined
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

export class Draft {
  private readonly before: State
  private readonly state: Mutable<State>
  private readonly alerts: Buckets<StoredAlert>
  private readonly seen: Buckets<Seen>
  private readonly touched = new Set<string>()
  private readonly members = new Map<string, Set<string>>()
  private readonly heads = new Map<string, Group>()
  private readonly told: Array<HistoryEntry> = []
  private policiesCopied = false
  private readonly needed = new Set<string>()

  constructor(before: State) {
    this.before = before
    this.state = { ...before }
    this.alerts = new Buckets(before.alerts)
    this.seen = new Buckets(before.seen)
  }

  alert(fingerprint: string): StoredAlert | undefined {
    return this.alerts.get(fingerprint)
  }

  *everyAlert(): Iterable<StoredAlert> {
    for (const bucket of this.alerts.all) yield* Object.values(bucket)
  }

  set<K extends keyof State>(key: K, value: State[K]): void {
    this.state[key] = value
  }

  get<K extends keyof State>(key: K): State[K] {
    return this.state[key]
  }

  group(key: string): Group | undefined {
    return this.heads.get(key) ?? groupOf(this.before, key)
  }

  setGroup(group: Group): void {
    this.heads.set(group.key, group)
    this.touched.add(group.key)
  }

  membersOf(key: string): Iterable<string> {
    return this.members.get(key) ?? this.group(key)?.members ?? []
  }

  private ownMembers(key: string): Set<string> {
    const known = this.members.get(key)
    if (known !== undefined) return known
    const members = new Set(this.group(key)?.members)
    this.members.set(key, members)
    return members
  }

  private policies(): Record<string, State["policies"][string]> {
    if (!this.policiesCopied) this.state.policies = { ...this.state.policies }
    this.policiesCopied = true
    return this.state.policies as Record<string, State["policies"][string]>
  }

  putPolicy(key: string, version: number, policy: State["policies"][string]["policy"]): void {
    const policies = this.policies()
    const before = Object.hasOwn(policies, key) ? policies[key] : undefined
    policies[key] = { version, policy, alerts: before?.alerts ?? 0 }
    this.state.bytes += bytesOf(policy) - (before === undefined ? 0 : bytesOf(before.policy))
    this.needed.add(key)
  }

  /** One alert or match more, or less, needs a policy. */
  needPolicy(key: string, count: 1 | -1): void {
    const policies = this.policies()
    const kept = Object.hasOwn(policies, key) ? policies[key] : undefined
    if (kept === undefined) return
    policies[key] = { ...kept, alerts: kept.alerts + count }
    this.needed.add(key)
  }

  /** What nothing needs in the end stays away. */
  private settlePolicies(): void {
    for (const key of this.needed) {
      const kept = this.state.policies[key]
      if (kept === undefined || kept.alerts > 0) continue
      delete this.policies()[key]
      this.state.bytes -= bytesOf(kept.policy)
    }
  }

  /** Its revision is set here: the index has to hear of it. */
  putAlert(given: StoredAlert): void {
    const { state } = this
    state.revision += 1
    const alert = { ...given, revision: state.revision }
    const { fingerprint } = alert
    const before = this.alert(fingerprint)
    this.alerts.of(fingerprint)[fingerprint] = alert
    state.bytes += alert.bytes - (before?.bytes ?? 0)
    state.live += Number(isLive(alert)) - Number(before !== undefined && isLive(before))
    if (before === undefined) state.held += 1
    const [key, keyBefore] = [policyKeyOf(alert), before && policyKeyOf(before)]
    if (keyBefore !== key) {
      this.needPolicy(key, 1)
      if (keyBefore !== undefined) this.needPolicy(keyBefore, -1)
    }
    if (before !== undefined && before.groupKey !== alert.groupKey) this.leaveGroup(before)
    if (before?.groupKey === alert.groupKey) this.touched.add(alert.groupKey)
    else this.joinGroup(alert, before?.groupKey)
  }

  mannerOf(alert: StoredAlert): Manner {
    const { grouping, policies } = this.state
    return mannerOf(grouping, alert, policies[policyKeyOf(alert)]?.policy)
  }

  private joinGroup(alert: StoredAlert, from: string | undefined): void {
    const { groupKey: key } = alert
    this.touched.add(key)
    if (this.group(key) === undefined) {
      const labels = groupLabelsOf(alert, this.mannerOf(alert))
      // What people were told of it they were told, wherever it is from now on.
      const toldAt = from === undefined ? undefined : this.group(from)?.toldAt
      this.heads.set(key, { key, labels, members: [], ...(toldAt === undefined ? {} : { toldAt }) })
    }
    this.ownMembers(key).add(alert.fingerprint)
  }

  /** Into the group in which it belongs now, which is looked at again. */
  regroup(alert: StoredAlert): void {
    const groupKey = groupKeyOf(alert, this.mannerOf(alert))
    if (groupKey === alert.groupKey) this.touched.add(groupKey)
    else this.putAlert({ ...alert, groupKey })
  }

  /** Changes what nobody reads in lists. */
  patchAlert(alert: StoredAlert): void {
    this.alerts.of(alert.fingerprint)[alert.fingerprint] = alert
    this.touched.add(alert.groupKey)
  }

  private leaveGroup({ groupKey, fingerprint }: StoredAlert): void {
    this.touched.add(groupKey)
    this.ownMembers(groupKey).delete(fingerprint)
  }

  removeAlert(fingerprint: string): void {
    const before = this.alert(fingerprint)
    if (before === undefined) return
    delete this.alerts.of(fingerprint)[fingerprint]
    const { state } = this
    state.bytes -= before.bytes
    state.live -= Number(isLive(before))
    state.held -= 1
    this.needPolicy(policyKeyOf(before), -1)
    this.leaveGroup(before)
  }

  /** Of those that belong to no alert here, the ones with the oldest inputs are forgotten. */
  see(fingerprint: string, seen: Seen): void {
    const bucket = this.seen.of(fingerprint)
    bucket[fingerprint] = seen
    const all = Object.entries(bucket)
    if (all.length <= seenPerBucketMax) return
    const idle = all.filter(([key]) => key !== fingerprint && this.alert(key) === undefined)
    if (idle.length < seenPerBucketMax) return
    const [oldest] = idle.reduce((one, other) => (one[1][1] <= other[1][1] ? one : other))
    delete bucket[oldest]
  }

  /** Above the bound the oldest are forgotten. */
  dismiss(changes: NonNullable<Extract<Event, { _tag: "Changed" }>["dismissed"]>): void {
    if (changes.length === 0) return
    const all = { ...this.state.dismissed }
    for (const { fingerprint, since } of changes) {
      delete all[fingerprint]
      if (since !== undefined) all[fingerprint] = since
    }
    const fingerprints = Object.keys(all)
    for (const oldest of fingerprints.slice(0, Math.max(0, fingerprints.length - dismissedMax)))
      delete all[oldest]
    if (fingerprints.length > 0) this.state.dismissed = all
    else delete this.state.dismissed
  }

  tell(entry: Omit<HistoryEntry, "number">): void {
    this.state.historyNumber += 1
    this.told.push({ ...entry, number: this.state.historyNumber })
  }

  /** `at`: by the desk's clock; what is new in a group is told from then on. */
  finish(at: number | undefined): State {
    const { state } = this
    this.settleHistory()
    this.settlePolicies()
    state.alerts = this.alerts.all
    state.seen = this.seen.all
    this.settleGroups(at)
    return state
  }

  private settleHistory(): void {
    if (this.told.length === 0) return
    const all = [...this.state.history, ...this.told]
    this.state.lost += Math.max(0, all.length - historyWaitingMax)
    this.state.history = all.slice(-historyWaitingMax)
  }

  private settleGroups(at: number | undefined): void {
    if (this.touched.size === 0) return
    const groups = [...this.before.groups] as Array<Mutable<State["groups"][number]>>
    const own = new Set<number>()
    for (const key of this.touched) {
      const index = bucketOf(key)
      if (!own.has(index)) groups[index] = { groups: { ...groups[index]!.groups } }
      own.add(index)
      const bucket = groups[index]!.groups as Record<string, Group>
      const group = this.settled(key, at)
      if (group === undefined) delete bucket[key]
      else bucket[key] = group
    }
    for (const index of own) {
      const dues = Object.values(groups[index]!.groups).flatMap(({ dueAt }) =>
        dueAt === undefined ? [] : [dueAt],
      )
      if (dues.length > 0) groups[index]!.dueAt = Math.min(...dues)
    }
    this.state.groups = groups
  }

  private settled(key: string, at: number | undefined): Group | undefined {
    const head = this.group(key)
    const own = this.members.get(key)
    const members = own === undefined ? (head?.members ?? []) : [...own]
    const alerts = members.flatMap((fingerprint) => this.alert(fingerprint) ?? [])
    if (head === undefined || alerts.length === 0) return undefined
    const { newsAt: before, dueAt: _, ...rest } = head
    const news = alerts.some(hasNews)
    const { groupWaitMs, groupIntervalMs } = this.mannerOf(alerts[0]!)
    const opens =
      at === undefined ? undefined : Math.max(at + groupWaitMs, (head.toldAt ?? 0) + groupIntervalMs)
    const newsAt = news ? (before ?? opens) : undefined
    const group = { ...rest, members, ...(newsAt === undefined ? {} : { newsAt }) }
    const dueAt = dueOf(group, alerts, (alert) => this.mannerOf(alert).repeatMs)
    return dueAt === undefined ? group : { ...group, dueAt }
  }
}
