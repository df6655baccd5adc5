/** Gathers what one command changes in the desk, each step on top of those before it, within the desk's bounds. */
import { type AlertPolicy, liveAlertsMax, type RuleBegan, type Transition } from "../../schemas/index.ts"
import { bytesOf } from "../agent/blocks.ts"
import { alertOf, seenOf } from "./draft.ts"
import { deskBytesMax, matchesWaitingMax, roomAgain } from "./limits.ts"
import { type Event, isLive, type Match, policyKeyOf, type State, type StoredAlert } from "./state.ts"
import { blank, type Turn, turned } from "./turning.ts"

type Changed = Extract<Event, { _tag: "Changed" }>

/** The alert by which the desk says that it has no room. */
const fullFingerprint = "alert-desk-full"
const fullRule = "alert-desk"

/** What the desk keeps for all alerts of a rule: annotations and the texts of other actions are each alert's own. */
const keptPolicy = ({ annotations: _, actions, ...policy }: AlertPolicy): AlertPolicy => ({
  ...policy,
  actions: actions.filter(({ type }) => type === "notify"),
  annotations: {},
})

const laneKey = (fingerprint: string, lane: number | undefined): string => `${fingerprint}/${lane ?? ""}`

/**
 * Among what numbers grow. What an alert is, is what was said of it last, whoever says it; of matches each counts, and those
 * of one lane come in order. A match says nothing of what the alert is that its rule had before it was changed.
 */
const sequenceOf = ({ fingerprint, cause, lane }: Transition): string =>
  cause === "matched" ? laneKey(fingerprint, lane) : fingerprint

/** Among what numbers are remembered a rule has a place of its own: fingerprints are hexadecimal. */
const rulesKey = ({ rule }: { readonly rule: string }): string => `rule/${rule}`

export class Taking {
  private readonly changes = new Map<string, Changed["alerts"][number]>()
  private readonly overtaken: Array<Changed["alerts"][number]> = []
  private readonly policies = new Map<string, Changed["policies"][number]>()
  private readonly seen = new Map<string, Changed["seen"][number]>()
  private readonly matches: Array<Match> = []
  private readonly dismissed = new Map<string, number | undefined>()
  private refused = 0
  private live: number
  private bytes: number
  readonly state: State
  private readonly now: number

  constructor(state: State, now: number) {
    this.state = state
    this.now = now
    this.live = state.live
    this.bytes = state.bytes
  }

  alert(fingerprint: string): StoredAlert | undefined {
    return this.changes.get(fingerprint)?.alert ?? alertOf(this.state, fingerprint)
  }

  /** False when it was taken before. */
  isNew(transition: Transition): boolean {
    const last = Math.max(this.lastOf(sequenceOf(transition)), this.lastOf(rulesKey(transition)))
    return transition.number > last
  }

  /**
   * Said by the lane where its rule lived before, while the next one had something to say already: of what was said since
   * then nothing was taken yet. Each once.
   */
  isOvertaken({ fingerprint, rule, number, lane }: Transition): boolean {
    const said = this.alert(fingerprint)?.said
    if (lane === undefined || said === undefined || said.lane === lane) return false
    const last = Math.max(
      this.lastOf(laneKey(fingerprint, lane)),
      this.lastOf(rulesKey({ rule })),
      said.after,
    )
    return number > last
  }

  seeOvertaken({ fingerprint, number, lane, storedAt }: Transition): void {
    const key = laneKey(fingerprint, lane)
    this.seen.set(key, [key, number, storedAt])
  }

  /** Who says this, and since when. */
  saidOf({ fingerprint, lane }: Transition): Pick<StoredAlert, "said"> {
    if (lane === undefined) return {}
    const said = this.alert(fingerprint)?.said
    return { said: said?.lane === lane ? said : { lane, after: this.lastOf(fingerprint) } }
  }

  private lastOf(key: string): number {
    const [last = -1] = this.seen.get(key)?.slice(1) ?? seenOf(this.state, key) ?? []
    return Number(last)
  }

  /** What it said before is over, and passed over when it comes late. */
  seeBegan(began: RuleBegan): void {
    const key = rulesKey(began)
    // What is said at its beginning may have that very number.
    this.seen.set(key, [key, Math.max(this.lastOf(key), began.number - 1), began.storedAt])
  }

  see(transition: Transition): void {
    const key = sequenceOf(transition)
    this.seen.set(key, [key, transition.number, transition.storedAt])
  }

  policyOf(alert: Parameters<typeof policyKeyOf>[0]): AlertPolicy | undefined {
    const key = policyKeyOf(alert)
    if (this.policies.has(key)) return this.policies.get(key)?.policy
    return Object.hasOwn(this.state.policies, key) ? this.state.policies[key]?.policy : undefined
  }

  /** `key`: of `policyKeyOf`. */
  usePolicy(key: string, version: number, given: AlertPolicy): AlertPolicy {
    const policy = keptPolicy(given)
    const before = this.policyOf({ rule: key })
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(policy)) return before
    this.policies.set(key, { rule: key, version, policy })
    this.bytes += bytesOf(policy)
    return policy
  }

  /** Since when what holds does that a person resolved; undefined when nobody did. */
  dismissedSince(fingerprint: string): number | undefined {
    if (this.dismissed.has(fingerprint)) return this.dismissed.get(fingerprint)
    const { dismissed = {} } = this.state
    return Object.hasOwn(dismissed, fingerprint) ? dismissed[fingerprint] : undefined
  }

  /** `since` undefined: what was said to be over, or holds anew, is not dismissed any more. */
  dismiss(fingerprint: string, since: number | undefined): void {
    if (this.dismissedSince(fingerprint) !== since) this.dismissed.set(fingerprint, since)
  }

  /** Whether there is room for one alert more; who finds none is counted. */
  hasRoom(alert: StoredAlert): boolean {
    const isFull = this.live >= liveAlertsMax || this.bytes + bytesOf(alert) > deskBytesMax
    if (isFull) this.refused += 1
    return !isFull
  }

  /** `silent`: nothing that its history tells. */
  put(given: StoredAlert, cause: string, more: { readonly by?: string; readonly silent?: true } = {}): void {
    const alert = { ...given, bytes: bytesOf(given) }
    const { fingerprint } = alert
    const before = this.alert(fingerprint)
    this.live += Number(isLive(alert)) - Number(before !== undefined && isLive(before))
    this.bytes += alert.bytes - (before?.bytes ?? 0)
    const pending = this.changes.get(fingerprint)
    // What stood in between has its place in the history all the same.
    if (pending !== undefined) this.overtaken.push(pending)
    this.changes.delete(fingerprint)
    this.changes.set(fingerprint, { alert, cause, ...more })
  }

  turn(
    alert: StoredAlert,
    to: StoredAlert["state"],
    policy: AlertPolicy | undefined,
    more: Pick<Turn, "moment" | "actions"> = {},
  ): StoredAlert {
    const full = this.bytes > deskBytesMax && (more.actions ?? []).some(({ type }) => type !== "notify")
    if (full) this.refused += 1
    return turned(this.state, alert, { to, now: this.now, policy, ...more, ...(full ? { actions: [] } : {}) })
  }

  match(record: Match): void {
    const waiting = this.state.matches.length + this.matches.length
    const bytes = bytesOf(record)
    if (waiting >= matchesWaitingMax || this.bytes + bytes > deskBytesMax) {
      this.refused += 1
      return
    }
    this.bytes += bytes
    this.matches.push(record)
  }

  /** Raised with the first alert that found no place, over once there is room again. */
  tellRoom(policy: AlertPolicy | undefined): void {
    const before = this.alert(fullFingerprint)
    if (this.refused > 0 && before?.state !== "firing") {
      const actions = (policy?.actions ?? []).filter(({ type }) => type === "notify")
      const name = "The alert desk is full: new alerts are refused"
      const used = this.usePolicy(fullRule, 1, { name, actions, annotations: {} })
      const record = blank(fullFingerprint, fullRule, name, this.now)
      this.put(this.turn({ ...record, severity: "critical" }, "firing", used), "full")
    }
    const hasRoom = this.live < liveAlertsMax * roomAgain && this.bytes < deskBytesMax * roomAgain
    if (before?.state === "firing" && this.refused === 0 && hasRoom) {
      const used = this.policyOf(before)
      this.put(this.turn({ ...before, at: this.now }, "resolved", used), "room")
    }
  }

  events(): ReadonlyArray<Event> {
    const alerts = [...this.overtaken, ...this.changes.values()]
    const seen = [...this.seen.values()]
    const dismissed = Array.from(this.dismissed, ([fingerprint, since]) =>
      since === undefined ? { fingerprint } : { fingerprint, since },
    )
    const changes = alerts.length + seen.length + this.matches.length + this.refused + dismissed.length
    if (changes === 0) return []
    const [policies, { matches, refused, now: at }] = [[...this.policies.values()], this]
    const more = dismissed.length === 0 ? {} : { dismissed }
    return [{ _tag: "Changed", policies, alerts, matches, ...more, seen, refused, at }]
  }
}
