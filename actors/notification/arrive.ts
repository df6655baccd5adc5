/** How a notification or an action finds its place in the queue of its channel, or is refused one. Pure. */
import type { DecideContext } from "../../engine/index.ts"
import type { AlertAction, Notification } from "../../schemas/index.ts"
import { bytesOf } from "../agent/blocks.ts"
import { fold } from "./evolve.ts"
import { notificationBytesMax, queueBytesMax, queueMax } from "./limits.ts"
import type { Event, State } from "./state.ts"
import { actionText, subjectOf } from "./texts.ts"

export interface Arrival {
  readonly id: string
  readonly group: string
  readonly what: string
  readonly bytes: number
  /** Says nothing new. */
  readonly repeats: boolean
  readonly notification?: Notification
  readonly action?: AlertAction
}

/** Its alerts from the first on that fit; the others are counted. */
const fitted = (notification: Notification): Notification => {
  let left = notificationBytesMax - bytesOf({ ...notification, alerts: [] })
  const alerts = notification.alerts.filter((alert) => {
    left -= bytesOf(alert)
    return left >= 0
  })
  const missing = notification.alerts.length - alerts.length
  return missing === 0
    ? notification
    : { ...notification, alerts, truncated: notification.truncated + missing }
}

export const notificationArrival = (whole: Notification): Arrival => {
  const notification = fitted(whole)
  return {
    id: notification.id,
    group: notification.groupKey,
    what: subjectOf(notification),
    bytes: bytesOf(notification),
    repeats: notification.reason === "repeat",
    notification,
  }
}

export const actionArrival = (action: AlertAction): Arrival => ({
  id: action.id,
  group: action.alert.fingerprint,
  what: actionText(action),
  bytes: bytesOf(action),
  repeats: false,
  action,
})

const isFull = ({ waiting, bytes }: State, arrival: Arrival): boolean =>
  waiting.length >= queueMax || bytes + arrival.bytes > queueBytesMax

const noRoom = `more than ${queueMax} wait here`

/** Repeats that wait make room, oldest first. */
const makeRoom = (state: State, arrival: Arrival, at: number): ReadonlyArray<Event> => {
  const dropped: Array<Event> = []
  let after = state
  for (const { n, notification, flying } of state.waiting) {
    if (!isFull(after, arrival)) break
    if (flying || notification?.reason !== "repeat") continue
    const event = {
      _tag: "Settled",
      n,
      status: "given_up",
      detail: `${noRoom}, and it said nothing new`,
      at,
    } as const
    dropped.push(event)
    after = fold(after, [event])
  }
  return isFull(after, arrival) ? [] : dropped
}

export const arrive = (
  state: State,
  arrival: Arrival,
  { now: at, traceId, random }: Pick<DecideContext, "now" | "traceId" | "random">,
): ReadonlyArray<Event> => {
  const { repeats, group, bytes, id, what, notification, action } = arrival
  const named = { id, what, traceId, at }
  const content = {
    ...(notification === undefined ? {} : { notification }),
    ...(action === undefined ? {} : { action }),
  }
  const token = random.uuid()
  const queued = { _tag: "Queued" as const, ...named, token, group, bytes, ...content }
  if (!isFull(state, arrival)) return [queued]
  if (repeats) return [{ _tag: "Refused", ...named, detail: `${noRoom}, and it says nothing new` }]
  const room = makeRoom(state, arrival, at)
  if (room.length > 0) return [...room, queued]
  if (notification === undefined) return [{ _tag: "Refused", ...named, detail: noRoom }]
  const alerts = notification.alerts.length + notification.truncated
  return [
    { _tag: "Collapsed", ...named, token, alerts, detail: `${noRoom}: counted in one that says how many` },
  ]
}
