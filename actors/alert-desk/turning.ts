/** How an alert gets into its next state, and what follows from it: what is to be done, whether it flaps, who keeps it quiet. */
import type { Action, AlertPolicy, Labels } from "../../schemas/index.ts"
import { groupKeyOf } from "./grouping.ts"
import {
  actionCharactersMax,
  actsMax,
  flappingChanges,
  flappingWithinMs,
  groupWaitMs,
  resolvedKeptMs,
} from "./limits.ts"
import { hushedBy } from "./quiet.ts"
import { mannerOf } from "./routing.ts"
import type { KeptAction, Moment, State, StoredAlert } from "./state.ts"

const isOther = (action: Action): action is KeptAction =>
  action.type !== "notify" && action.type !== "publish_event"
/** Without a word on it: notifications follow all but changes of severity, other actions only firing. */
export const follows = (action: Action, moment: Moment): boolean =>
  action.on === undefined
    ? moment === "firing" || (action.type === "notify" && moment !== "severity")
    : action.on.includes(moment)

const clipped = (action: KeptAction): KeptAction => {
  const text = (given: string) => given.slice(0, actionCharactersMax)
  switch (action.type) {
    case "call_api":
      return action.body === undefined ? action : { ...action, body: text(action.body) }
    case "ask_ops":
      return { ...action, question: text(action.question) }
    case "execute_agent":
      return { ...action, message: text(action.message) }
  }
}

/** Actions other than notifications, as the desk keeps them until they are done. */
export const othersOf = (actions: ReadonlyArray<Action>): ReadonlyArray<KeptAction> =>
  actions.filter(isOther).map(clipped)

export const isOver = (state: StoredAlert["state"]): boolean => state === "resolved" || state === "inactive"

/** What the desk keeps of labels and annotations. */
export const entriesOf = (
  record: Readonly<Record<string, string>>,
  countMax: number,
  charactersMax: number,
): Labels =>
  Object.fromEntries(
    Object.entries(record)
      .slice(0, countMax)
      .map(([name, text]) => [name, text.slice(0, charactersMax)]),
  )

export const momentOf = (state: StoredAlert["state"]): Moment | undefined =>
  state === "pending" || state === "inactive" ? undefined : state

/** An alert that nothing is known of yet. */
export const blank = (fingerprint: string, rule: string, name: string, at: number): StoredAlert => ({
  fingerprint,
  rule,
  version: 1,
  name,
  state: "inactive",
  severity: "warning",
  labels: {},
  annotations: {},
  values: {},
  number: 0,
  since: at,
  at,
  fired: 0,
  flapping: false,
  quietBy: [],
  groupKey: "",
  source: "rule",
  acts: [],
  turns: [],
  turnedAt: at,
  bytes: 0,
  revision: 0,
})

export interface Turn {
  readonly to: StoredAlert["state"]
  readonly now: number
  readonly policy: AlertPolicy | undefined
  /** On what actions follow; absent: on nothing. Those besides notifications have their texts filled in. */
  readonly moment?: Moment | undefined
  readonly actions?: ReadonlyArray<Action>
}

/** Changes that count as turning on and off. */
const counts = (from: StoredAlert["state"], to: StoredAlert["state"]): boolean =>
  from !== to && to !== "pending" && !(from === "pending" && to === "inactive")

const actsOf = (alert: StoredAlert, { to, now, moment, actions = [] }: Turn): StoredAlert["acts"] => {
  // What was kept quiet until it was over is not acted on any more.
  const kept = isOver(to) && alert.quietBy.length > 0 ? [] : alert.acts
  const following = moment === undefined ? [] : actions.filter(isOther).filter((one) => follows(one, moment))
  // What turns on and off is told of once; to act on each turn would be to flap along.
  if (moment === undefined || following.length === 0 || alert.flapping) return kept
  return [...kept, { on: moment, due: now + groupWaitMs, actions: following.map(clipped) }].slice(-actsMax)
}

type Moments = Pick<StoredAlert, "since" | "firedAt" | "resolvedAt">

/** Since when it is in its next state. What comes after an end is a new alert, which has not fired yet. */
const momentsOf = ({ state, since, at, firedAt }: StoredAlert, to: StoredAlert["state"]): Moments => {
  const known = firedAt === undefined || (isOver(state) && !isOver(to)) ? {} : { firedAt }
  if (to === "firing") return { since, ...known, ...(state === "firing" ? {} : { firedAt: since }) }
  return isOver(to)
    ? { since: at, ...known, ...(to === "resolved" ? { resolvedAt: at } : {}) }
    : { since, ...known }
}

/** The alert in its next state, with what follows from getting there. */
export const turned = (state: State, alert: StoredAlert, turn: Turn): StoredAlert => {
  const { to, now, policy } = turn
  const { acknowledged, leavesAt: _1, turns: before, firedAt: _2, resolvedAt: _3, ...rest } = alert
  const changes = counts(alert.state, to)
  const turns = changes
    ? [...before, alert.at].filter((at) => at > alert.at - flappingWithinMs).slice(-flappingChanges)
    : before
  const over = isOver(to)
  const next: StoredAlert = {
    ...rest,
    state: to,
    ...momentsOf(alert, to),
    fired: alert.fired + Number(to === "firing" && alert.state !== "firing"),
    turns,
    turnedAt: changes ? now : alert.turnedAt,
    flapping: alert.flapping || turns.length >= flappingChanges,
    ...(over || acknowledged === undefined ? {} : { acknowledged }),
    ...(over ? { leavesAt: now + (to === "inactive" ? 0 : resolvedKeptMs) } : {}),
    acts: actsOf(alert, turn),
    groupKey:
      policy === undefined ? alert.groupKey : groupKeyOf(alert, mannerOf(state.grouping, alert, policy)),
  }
  const inhibited = alert.quietBy.filter((id) => Object.hasOwn(state.inhibitions, id))
  return { ...next, quietBy: [...hushedBy(state, next), ...inhibited] }
}
