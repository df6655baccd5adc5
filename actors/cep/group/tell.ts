/** What groups say: transitions of their alert, events that their rule publishes, and steps for explanations. */
import {
  type AlertPolicy,
  type CepEvent,
  derivationsMax,
  type EventAttributes,
  eventAttributesMax,
  type Severity,
} from "../../../schemas/index.ts"
import { withOneEffort } from "../expression/effort.ts"
import { EvaluationError } from "../expression/expression.ts"
import { fillTemplate, type Template } from "../expression/template.ts"
import type { Item } from "../item.ts"
import type { Match } from "../patterns/pattern.ts"
import { fillPolicy } from "../rule/texts.ts"
import type { Cause, State } from "./alert-life.ts"
import type { Group } from "./group.ts"
import { nextNumber } from "./host.ts"
import type { Route } from "./route.ts"

/** Of one stage of a match, items that a transition tells. */
export const toldItemsMax = 10
/** Characters of all that a transition tells of what was matched, as JSON; what is more is left out. */
export const toldCharactersMax = 16_000
const eventTextCharactersMax = 4_096
/** Of all texts of one event together; what is more is cut. */
const eventCharactersMax = 16_000

const ranks: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 }

/** The severest level whose condition holds now. Gotcha: needs the scope of the group. */
export const severityOf = (group: Group): Severity => {
  const { program, host } = group.rule
  let severest: Severity | undefined
  for (const level of program.levels) {
    if (severest !== undefined && ranks[level.severity] <= ranks[severest]) continue
    try {
      if (level.condition.evaluate(host.scope) === true) severest = level.severity
    } catch (error) {
      group.rule.noteError(error, host.scope.at)
    }
  }
  return severest ?? program.severity
}

/** What people are told of a pattern is what held at its match: later nobody has the items any more. */
const policyOf = (group: Group): AlertPolicy => {
  const { program, host } = group.rule
  const policy = fillPolicy(program, host.scope)
  if (program.pattern === undefined) return policy
  if (group.match === undefined && group.annotations !== undefined)
    return { ...policy, annotations: group.annotations }
  group.annotations = policy.annotations
  return policy
}

/** Results of the aggregates that have one. Gotcha: needs the scope of the group. */
export const valuesOf = (group: Group): Record<string, number> => {
  const { program, host } = group.rule
  const values: Record<string, number> = {}
  if (group.aggregates === undefined) return values
  Object.keys(program.document.aggregates ?? {}).forEach((name, slot) => {
    const value = host.scope.aggregates[slot]
    if (value !== undefined && Number.isFinite(value)) values[name] = value
  })
  return values
}

const toldItem = (item: Item): unknown => ({
  name: item.name,
  at: item.at,
  ...(item.isEvent ? { attributes: item.attributes } : { value: item.value, labels: item.labels }),
})

const toldMatch = (match: Match): Record<string, ReadonlyArray<unknown>> => {
  let room = toldCharactersMax
  const told = (item: Item): ReadonlyArray<unknown> => {
    if (room <= 0) return []
    const one = toldItem(item)
    room -= JSON.stringify(one).length
    return room < 0 ? [] : [one]
  }
  return Object.fromEntries(
    Object.entries(match.stages).map(([stage, items]) => [stage, items.slice(0, toldItemsMax).flatMap(told)]),
  )
}

/** A rule in mode `trigger` has no states: it says only that it matched. */
const causeTold = (group: Group, to: State, cause: Cause): Cause | undefined => {
  if (group.rule.program.mode === "alert") return cause
  return to === "firing" && cause !== "severity" && cause !== "missing_data" ? "matched" : undefined
}

export const tellTransition = (group: Group, to: State, cause: Cause, at: number, detail?: string): void => {
  const { rule } = group
  const { program, host } = rule
  const told = causeTold(group, to, cause)
  if (told === undefined) return
  group.loadScope(at)
  if (to === "firing") group.severity = severityOf(group)
  group.number = nextNumber(group.number, host.place)
  rule.transitions += 1
  const values = valuesOf(group)
  host.sayTransition(rule.tenant, {
    id: `${program.rule}/${group.fingerprint}/${group.number}`,
    rule: program.rule,
    version: program.version,
    fingerprint: group.fingerprint,
    number: group.number,
    lane: host.lane,
    to,
    cause: told,
    severity: group.severity,
    labels: { ...group.labels, ...program.document.labels },
    ...(Number.isFinite(group.value) ? { value: group.value } : {}),
    values,
    ...(group.match === undefined ? {} : { matched: toldMatch(group.match) }),
    since: group.life.since,
    at,
    storedAt: host.place.at,
    ...(detail === undefined ? {} : { detail }),
    policy: policyOf(group),
  })
  const moment = cause === "severity" ? "severity" : to
  for (const published of program.published) {
    if (published.on.includes(moment))
      publish(group, published.event, at, () => derived(group, to, values, published.attributes))
  }
}

const derived = (
  group: Group,
  to: State,
  values: Readonly<Record<string, number>>,
  templates: Readonly<Record<string, Template>>,
): EventAttributes => {
  const { program } = group.rule
  const attributes: Record<string, string | number | boolean | null> = {
    ...group.labels,
    ...values,
    ...(Number.isFinite(group.value) ? { value: group.value } : {}),
    rule: program.rule,
    state: to,
    severity: group.severity,
    fingerprint: group.fingerprint,
  }
  let room = eventCharactersMax
  withOneEffort(() => {
    for (const [name, template] of Object.entries(templates)) {
      const value = attributeOf(template, group, Math.min(room, eventTextCharactersMax))
      attributes[name] = value
      if (typeof value === "string") room -= value.length
    }
  })
  return Object.fromEntries(Object.entries(attributes).slice(-eventAttributesMax))
}

/** A template that is one expression keeps the type of its value. */
const attributeOf = (
  template: Template,
  group: Group,
  charactersMax: number,
): string | number | boolean | null => {
  const [only] = template
  if (template.length === 1 && typeof only === "object") {
    try {
      const value = only.evaluate(group.rule.host.scope)
      if (typeof value === "bigint") return Number(value)
      if (typeof value === "boolean" || value === null) return value
      if (typeof value === "number" && Number.isFinite(value)) return value
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
    }
  }
  return fillTemplate(template, group.rule.host.scope, charactersMax)
}

/** Events of rules that feed each other end here, even where nobody saw the circle when they were saved. */
const publish = (group: Group, type: string, at: number, attributes: () => EventAttributes): void => {
  const { rule } = group
  const { host, program, tenant } = rule
  if (group.depth + 1 > derivationsMax) {
    rule.errors += 1
    rule.lastError = { at, detail: `not published: ${type} came through ${derivationsMax} rules already` }
    return
  }
  rule.published = nextNumber(rule.published, host.place)
  const event: CepEvent = {
    id: `${program.rule}/${host.lane}/${rule.published}`,
    type,
    at,
    attributes: attributes(),
    depth: group.depth + 1,
    origin: { rule: program.rule, lane: host.lane, number: rule.published },
  }
  host.sayEvent(tenant, event)
}

/** Labels of samples can have longer names than attributes of events. */
const eventNameCharactersMax = 64
/** The type of events that tell of items which came too late. */
const lateEvent = "millrace.late"

export const publishLate = (group: Group, route: Route, value: number, at: number): void =>
  publish(group, lateEvent, at, () => {
    const attributes: Record<string, string | number> = {
      ...route.labels,
      ...(Number.isFinite(value) ? { value } : {}),
      rule: group.rule.program.rule,
      name: route.name,
      behind_ms: group.newest - at,
    }
    const named = Object.entries(attributes).filter(([name]) => name.length <= eventNameCharactersMax)
    return Object.fromEntries(named.slice(-eventAttributesMax))
  })
