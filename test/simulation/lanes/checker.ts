/** Holds what desks, channels and lanes got against one undisturbed evaluation of the whole stream. */
import { fold } from "../../../actors/alert-desk/fold.ts"
import { type Event, initial, type State } from "../../../actors/alert-desk/state.ts"
import { take } from "../../../actors/alert-desk/take.ts"
import type { Output } from "../../../actors/cep/evaluator.ts"
import type { CepEvent, Notification, Transition } from "../../../schemas/index.ts"

export interface Figures {
  transitions: number
  matches: number
  derived: number
  /** Derived events that stand in the stream once more. */
  repeated: number
  notifications: number
}

/** Each change of an alert that a desk took from a rule, in order, by its alert. */
const changesOf = (events: ReadonlyArray<Event>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const found = new Map<string, Array<string>>()
  const note = (fingerprint: string, text: string) =>
    found.set(fingerprint, [...(found.get(fingerprint) ?? []), text])
  for (const event of events) {
    if (event._tag !== "Changed") continue
    for (const { alert, cause } of event.alerts)
      note(alert.fingerprint, `${alert.number} ${alert.state} ${cause} ${alert.severity} at ${alert.at}`)
    for (const { alert } of event.matches) note(alert.fingerprint, `${alert.number} matched at ${alert.at}`)
  }
  return found
}

/** What a desk would have taken that heard each transition once, one by one. */
const expectedOf = (transitions: ReadonlyArray<Transition>) => {
  let state: State = initial()
  const events: Array<Event> = []
  for (const transition of transitions) {
    const added = take(state, [transition], transition.storedAt)
    state = fold(state, added)
    events.push(...added)
  }
  return changesOf(events)
}

export interface Observed {
  readonly tenant: string
  /** Of the reference, lane by lane. */
  readonly outputs: ReadonlyArray<Output>
  readonly deskEvents: ReadonlyArray<Event>
  readonly notifications: ReadonlyArray<Notification>
  /** Events that rules published, as they stand in the stream. */
  readonly derived: ReadonlyArray<CepEvent>
}

const isMatch = (text: string): boolean => text.includes(" matched at ")
const isSame = (one: ReadonlyArray<string>, other: ReadonlyArray<string>): boolean =>
  JSON.stringify(one) === JSON.stringify(other)

/** Of a rule that moved, an alert hears what it became last; what its old lane said of it may come too late to matter. */
const isTrueOfMoved = (wanted: ReadonlyArray<string>, had: ReadonlyArray<string>): boolean => {
  const [matches, changes] = [wanted.filter(isMatch), wanted.filter((text) => !isMatch(text))]
  const [hadMatches, hadChanges] = [had.filter(isMatch), had.filter((text) => !isMatch(text))]
  const places = hadChanges.map((text) => changes.indexOf(text))
  return (
    isSame(matches.toSorted(), hadMatches.toSorted()) &&
    hadChanges.at(-1) === changes.at(-1) &&
    places.every((place, index) => place > (places[index - 1] ?? -1))
  )
}

const checkDesk = (
  { tenant, deskEvents }: Observed,
  transitions: ReadonlyArray<Transition>,
  say: (violation: string) => void,
) => {
  const [expected, found] = [expectedOf(transitions), changesOf(deskEvents)]
  for (const fingerprint of new Set([...expected.keys(), ...found.keys()])) {
    const [wanted, had] = [expected.get(fingerprint) ?? [], found.get(fingerprint) ?? []]
    const its = transitions.filter((transition) => transition.fingerprint === fingerprint)
    const hasMoved = new Set(its.map(({ lane }) => lane)).size > 1
    if (isSame(wanted, had) || (hasMoved && isTrueOfMoved(wanted, had))) continue
    say(`${tenant}, alert ${fingerprint}: took [${had.join("; ")}], should have [${wanted.join("; ")}]`)
  }
}

const keyOf = ({ type, origin }: CepEvent): string =>
  JSON.stringify([origin?.rule, origin?.lane, origin?.number, type])

const checkDerived = ({ tenant, outputs, derived }: Observed, say: (violation: string) => void) => {
  const text = (event: CepEvent) => JSON.stringify(event)
  const wanted = new Map(
    outputs.flatMap((output) => (output.type === "event" ? [[keyOf(output.event), text(output.event)]] : [])),
  )
  const had = new Map<string, string>()
  const last = new Map<string, number>()
  for (const event of derived) {
    const key = keyOf(event)
    if (had.has(key)) {
      if (had.get(key) !== text(event)) say(`${tenant}: ${key} was published as two different events`)
      continue
    }
    had.set(key, text(event))
    const sender = JSON.stringify([event.origin!.rule, event.origin!.lane, event.type])
    if (event.origin!.number <= (last.get(sender) ?? 0)) say(`${tenant}: ${key} was published out of order`)
    last.set(sender, event.origin!.number)
  }
  for (const key of new Set([...wanted.keys(), ...had.keys()]))
    if (wanted.get(key) !== had.get(key))
      say(`${tenant}: ${key} was published as ${had.get(key)}, should be ${wanted.get(key)}`)
}

const checkNotifications = (
  { tenant, notifications, deskEvents }: Observed,
  say: (violation: string) => void,
) => {
  const ids = notifications.map(({ id }) => id)
  if (new Set(ids).size !== ids.length) say(`${tenant}: a notification came twice: ${ids.join()}`)
  const about = notifications.flatMap(({ alerts }) =>
    alerts.length === 1 ? [`${alerts[0]!.fingerprint} at ${alerts[0]!.at}`] : [],
  )
  const matches = deskEvents.flatMap((event) => (event._tag === "Changed" ? event.matches : []))
  for (const { alert } of matches)
    if (!about.includes(`${alert.fingerprint} at ${alert.at}`))
      say(`${tenant}: nobody was told of match ${alert.number} of ${alert.fingerprint}`)
  const matching = new Set(matches.map(({ alert }) => alert.fingerprint))
  const state = fold(initial(), deskEvents)
  for (const alert of state.alerts.flatMap((bucket) => Object.values(bucket))) {
    if (alert.flapping || matching.has(alert.fingerprint)) continue
    const told = notifications.flatMap(({ alerts }) =>
      alerts.filter(({ fingerprint }) => fingerprint === alert.fingerprint),
    )
    const last = told.at(-1)?.status
    if (alert.state === "firing" || alert.state === "no_data") {
      if (last !== alert.state) say(`${tenant}: ${alert.fingerprint} is ${alert.state}, was told as ${last}`)
    } else if (alert.state === "resolved" && last !== undefined && last !== "resolved")
      say(`${tenant}: ${alert.fingerprint} is resolved, was told as ${last}`)
  }
}

export const check = (observed: Observed, figures: Figures): ReadonlyArray<string> => {
  const violations: Array<string> = []
  const say = (violation: string) => void violations.push(violation)
  const transitions = observed.outputs
    .flatMap((output) => (output.type === "transition" ? [output.transition] : []))
    .toSorted((one, other) => one.number - other.number)
  checkDesk(observed, transitions, say)
  checkDerived(observed, say)
  checkNotifications(observed, say)
  figures.transitions += transitions.length
  figures.matches += transitions.filter(({ cause }) => cause === "matched").length
  figures.derived += new Set(observed.derived.map(keyOf)).size
  figures.repeated += observed.derived.length - new Set(observed.derived.map(keyOf)).size
  figures.notifications += observed.notifications.length
  return violations
}
