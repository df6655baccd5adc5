/** What the alert desk recorded of an alert, held against what an explanation comes to: where they differ it says so. */
import type { AlertState, Labels } from "../../../schemas/index.ts"

/** One change of an alert as its history has it; times as there. */
export interface DeskEntry {
  /** A state, or `matched`. */
  readonly to: string
  readonly cause: string
  readonly at: number
  readonly takenAt: number
  readonly by?: string
}

export interface DeskAlert {
  readonly fingerprint: string
  readonly labels: Labels
  /** Oldest first. */
  readonly history: ReadonlyArray<DeskEntry>
  /** Nothing is older than that. */
  readonly isWhole: boolean
  /** Silences, planned work and inhibitions that keep it quiet now. */
  readonly quietBy: ReadonlyArray<string>
}

/** What the desk was asked for, and whether these are all of the rule's alerts that were asked about. */
export interface DeskRecord {
  readonly alerts: ReadonlyArray<DeskAlert>
  readonly isWhole: boolean
  /** When it was asked. */
  readonly at: number
}

/** What happened so shortly before may not be in the record yet. */
const behindMs = 30_000
export const mayBeBehind = (record: DeskRecord, at: number): boolean => at > record.at - behindMs

export interface DeskState {
  readonly state: AlertState
  /** Event time, and when the desk took that in. */
  readonly since: number
  readonly takenAt: number
  readonly cause: string
  readonly by?: string
  /** Since when it was in the state before, by whichever of both is earlier. */
  readonly formerSince?: number
}

const timeText = (at: number): string => new Date(at).toISOString()

const isOver = (state: AlertState): boolean => state === "inactive" || state === "resolved"

/** Undefined: it knew nothing of the alert yet. */
export const deskStateAt = ({ history }: DeskAlert, at: number): DeskState | undefined => {
  let found: DeskState | undefined
  for (const entry of history) {
    if (entry.at > at || entry.to === "matched" || entry.to === found?.state) continue
    const { to, cause, at: since, takenAt, by } = entry
    const former = found === undefined ? {} : { formerSince: Math.min(found.since, found.takenAt) }
    const who = by === undefined ? {} : { by }
    found = { state: to as AlertState, since, takenAt, cause, ...who, ...former }
  }
  return found
}

const why = ({ cause, by }: DeskState): string => {
  switch (cause) {
    case "rule_changed":
      return ", because the rule was changed, disabled or removed"
    case "resolved by hand":
      return `, resolved by hand by ${by ?? "somebody"}`
    case "missing_data":
      return ", because nothing came"
    case "expired":
      return ", because it was not said again"
    default:
      return ""
  }
}

export const agrees = (desk: DeskState | undefined, state: AlertState): boolean =>
  desk === undefined ? isOver(state) : desk.state === state || (isOver(desk.state) && isOver(state))

/** What the desk had, in words. */
export const deskSentence = (desk: DeskState): string =>
  `The alert desk has it ${desk.state} since ${timeText(desk.since)}${why(desk)}.`

/** Why the two may differ. `readFrom`: when the first message that was read was stored. */
export const differenceSentence = (
  desk: DeskState | undefined,
  state: AlertState,
  readFrom: number | undefined,
  isBehind: boolean,
): string => {
  if (desk === undefined && isBehind)
    return "The alert desk's record does not have it yet: it may be some seconds behind."
  if (desk === undefined)
    return `The alert desk knew nothing of it at that time, though the stored messages make it ${state}: the rule may have been disabled then, or its documents of that time are not kept.`
  if (desk.cause === "resolved by hand" && isOver(desk.state))
    return `The condition says ${state} all the same: the rule raises it again when it fires the next time.`
  if (isBehind)
    return `The messages that were read make it ${state}: the record may be some seconds behind, ask again then.`
  const cause =
    readFrom === undefined || Math.min(desk.since, desk.takenAt) < readFrom
      ? "what decided it is not among the messages that could be read: they left the stream, or a bound was reached"
      : "the rule may have been disabled meanwhile, or its documents of that time are not kept"
  return `The messages that were read make it ${state}: ${cause}.`
}

/** Of an alert that nothing was evaluated for: its state is the desk's. */
export const onlyDeskSentence = (from: number | undefined, at: number): string =>
  from === undefined
    ? "No message that this rule looks at is in the stream any more from then."
    : `No message of it was found between ${timeText(from)} and ${timeText(at)}, so nothing was evaluated again.`
