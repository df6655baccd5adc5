/** How the journal of a channel's deliveries folds. */
import type { DeliveryStatus, Notification } from "../../schemas/index.ts"
import { knownIdsMax, logKeptMax, minuteMs } from "./limits.ts"
import type { Event, Over, State, Waiting } from "./state.ts"

const isCollapsed = ({ notification }: Waiting): boolean => notification?.reason === "collapsed"

/** Stands for others already, and can for more: there is at most one beside the one that is on its way. */
const openCollapsed = ({ waiting }: State) =>
  waiting.find(
    (entry): entry is Waiting & { readonly notification: Notification } =>
      isCollapsed(entry) && !entry.flying,
  )

const keep = (state: State, over: Omit<Over, "revision">): State => {
  const revision = state.revision + 1
  return {
    ...state,
    revision,
    log: [{ ...over, revision }, ...state.log].slice(0, logKeptMax),
    known: [over.id, ...state.known].slice(0, knownIdsMax),
  }
}

const put = (state: State, changed: Waiting): State => {
  const revision = state.revision + 1
  const waiting = state.waiting.map((entry) => (entry.n === changed.n ? { ...changed, revision } : entry))
  return { ...state, revision, waiting }
}

const queue = (
  state: State,
  entry: Pick<Waiting, "id" | "token" | "group" | "what" | "traceId" | "bytes"> & Partial<Waiting>,
  at: number,
): State => {
  const [n, revision] = [state.last + 1, state.revision + 1]
  const queued: Waiting = { ...entry, n, queuedAt: at, attempts: 0, dueAt: at, flying: false, at, revision }
  return {
    ...state,
    last: n,
    revision,
    bytes: state.bytes + entry.bytes,
    waiting: [...state.waiting, queued],
  }
}

const refuse = (
  state: State,
  {
    id,
    what,
    traceId,
    detail,
    at,
  }: Pick<Extract<Event, { _tag: "Refused" }>, "id" | "what" | "traceId" | "detail" | "at">,
): State => {
  const over = { n: state.last + 1, id, what, traceId, status: "given_up" as const, attempts: 0, at, detail }
  return keep({ ...state, last: state.last + 1 }, over)
}

const standIn = (n: number, alerts: number, at: number): Notification => ({
  id: `collapsed:${n}`,
  groupKey: "",
  groupLabels: {},
  reason: "collapsed",
  alerts: [],
  truncated: alerts,
  at,
})

const isOver = (status: DeliveryStatus): boolean => status !== "failed" && status !== "waiting"

export const evolve: { [T in Event["_tag"]]: (state: State, event: Extract<Event, { _tag: T }>) => State } = {
  Queued: (state, { _tag: _, at, ...entry }) => queue(state, entry, at),
  Refused: (state, event) => refuse(state, event),
  Collapsed: (state, { alerts, at, traceId, token, ...event }) => {
    const refused = refuse(state, { ...event, traceId, at })
    const last = openCollapsed(refused)
    if (last !== undefined) {
      const { notification } = last
      return put(refused, {
        ...last,
        notification: { ...notification, truncated: notification.truncated + alerts },
        at,
      })
    }
    const notification = standIn(refused.last + 1, alerts, at)
    const entry = { id: notification.id, token, group: "", what: "and more", traceId, bytes: 0, notification }
    return queue(refused, entry, at)
  },
  Attempted: (state, { n, at }) => {
    const entry = state.waiting.find((one) => one.n === n)
    const begun = [...state.begun.filter((time) => time > at - minuteMs), at]
    if (entry === undefined) return state
    return { ...put(state, { ...entry, flying: true, attempts: entry.attempts + 1, at }), begun }
  },
  Settled: (state, { n, status, detail, dueAt, restsUntil, perMinuteMax, at }) => {
    const entry = state.waiting.find((one) => one.n === n)
    if (entry === undefined) return state
    const told = detail === undefined ? {} : { detail }
    const now: State = {
      ...state,
      ...(restsUntil === undefined ? {} : { restsUntil: Math.max(restsUntil, state.restsUntil) }),
      ...(perMinuteMax === undefined ? {} : { perMinuteMax }),
    }
    if (!isOver(status)) {
      const { detail: _, ...rest } = entry
      return put(now, { ...rest, ...told, flying: false, dueAt: dueAt ?? at, at })
    }
    const { id, what, attempts, traceId } = entry
    const left = { ...now, bytes: now.bytes - entry.bytes, waiting: now.waiting.filter((one) => one.n !== n) }
    return keep(left, { n, id, what, status, attempts, at, traceId, ...told })
  },
  TestBegun: (state, { by, caller }) => {
    const trial = { n: state.last + 1, by, ...(caller === undefined ? {} : { caller }) }
    return { ...state, last: trial.n, tests: [...state.tests, trial] }
  },
  TestEnded: (state, { _tag: _, n, ...ended }) =>
    keep(
      { ...state, tests: state.tests.filter((one) => one.n !== n) },
      { n, id: `test:${n}`, attempts: 1, ...ended },
    ),
  IndexBegun: (state) => ({ ...state, indexing: true }),
  Indexed: (state, { revision }) => ({
    ...state,
    indexing: false,
    indexed: Math.max(revision, state.indexed),
  }),
  IndexEnded: (state) => ({ ...state, indexing: false }),
}

export const fold = (state: State, added: ReadonlyArray<Event>): State =>
  added.reduce<State>((folded, event) => evolve[event._tag](folded, event as never), state)
