/** What transitions of rules make of alerts. Pure; what comes twice changes nothing. */
import * as Schema from "effect/Schema"
import { Id, type RuleBegan, type Transition } from "../../schemas/index.ts"
import { groupKeyOf } from "./grouping.ts"
import { annotationCharactersMax, annotationsMax, detailCharactersMax, labelsMax } from "./limits.ts"
import { mannerOf } from "./routing.ts"
import { type Event, isLive, type State, type StoredAlert } from "./state.ts"
import { Taking } from "./taking.ts"
import { blank, entriesOf, isOver, momentOf, othersOf } from "./turning.ts"

/** What is none came from no rule. */
const isName = Schema.is(Id)

const recordOf = (before: StoredAlert | undefined, transition: Transition): StoredAlert => {
  const { fingerprint, rule, version, number, severity, labels, value, values, since, at, detail, policy } =
    transition
  const { value: _1, detail: _2, ...from } = before ?? blank(fingerprint, rule, policy.name, at)
  return {
    ...from,
    rule,
    version,
    name: policy.name,
    severity,
    labels: entriesOf(labels, labelsMax, 256),
    annotations: entriesOf(policy.annotations, annotationsMax, annotationCharactersMax),
    ...(value === undefined ? {} : { value }),
    values,
    number,
    since,
    at,
    ...(detail === undefined ? {} : { detail: detail.slice(0, detailCharactersMax) }),
    source: "rule",
  }
}

const takeMatch = (taking: Taking, transition: Transition): void => {
  const { rule, version, policy } = transition
  const used = taking.usePolicy(rule, version, policy)
  const {
    acts: _1,
    turns: _2,
    turnedAt: _3,
    bytes: _4,
    revision: _5,
    ...record
  } = recordOf(undefined, transition)
  const alert = {
    ...record,
    state: "firing",
    fired: 1,
    groupKey: groupKeyOf(record, mannerOf(taking.state.grouping, record, used)),
  } as const
  taking.match({ alert, actions: othersOf(policy.actions) })
}

/** The alert is what its rule's next lane said already. What had to be done for what it was then, is done all the same. */
const takeOvertaken = (taking: Taking, transition: Transition): void => {
  const { fingerprint, to, cause, policy } = transition
  const alert = taking.alert(fingerprint)
  if (alert === undefined || !taking.isOvertaken(transition)) return
  taking.seeOvertaken(transition)
  const moment = cause === "severity" ? "severity" : momentOf(to)
  const { acts } = taking.turn(alert, alert.state, taking.policyOf(alert), {
    moment,
    actions: policy.actions,
  })
  if (acts.length > alert.acts.length) taking.put({ ...alert, acts }, cause, { silent: true })
}

const takeOne = (taking: Taking, transition: Transition): void => {
  const { fingerprint, rule, version, to, cause, policy } = transition
  if (!isName(fingerprint) || !isName(rule)) return
  if (!taking.isNew(transition)) {
    if (cause !== "matched") takeOvertaken(taking, transition)
    return
  }
  const said = taking.saidOf(transition)
  taking.see(transition)
  if (cause === "matched") {
    takeMatch(taking, transition)
    return
  }
  const before = taking.alert(fingerprint)
  // Whom a person resolved comes back when the rule fires anew, not when it fires on. Who found no room may come later.
  if (cause !== "severity") taking.dismiss(fingerprint, undefined)
  else if (taking.dismissedSince(fingerprint) !== undefined) return
  if (before === undefined && isOver(to)) return
  if (before?.state === "resolved" && isOver(to)) return
  const record = { ...recordOf(before, transition), ...said }
  if ((before === undefined || !isLive(before)) && !taking.hasRoom(record)) return
  const used = taking.usePolicy(rule, version, policy)
  const moment = cause === "severity" ? "severity" : before?.state === to ? undefined : momentOf(to)
  taking.put(taking.turn(record, to, used, { moment, actions: policy.actions }), cause)
}

export const take = (
  state: State,
  transitions: ReadonlyArray<Transition>,
  now: number,
  began: ReadonlyArray<RuleBegan> = [],
): ReadonlyArray<Event> => {
  const taking = new Taking(state, now)
  for (const transition of transitions) takeOne(taking, transition)
  for (const one of began) taking.seeBegan(one)
  taking.tellRoom(transitions[0]?.policy)
  return began.length === 0 ? taking.events() : [...taking.events(), { _tag: "Began", began }]
}
