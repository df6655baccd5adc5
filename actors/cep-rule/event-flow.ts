/** Which types of events rules take in and publish: a rule must not bring itself about, over others or by itself. */
import type { RuleDocument } from "../../schemas/index.ts"

interface Input {
  readonly event?: string
}

const unique = (types: ReadonlyArray<string | undefined>): ReadonlyArray<string> =>
  [...new Set(types)].filter((type) => type !== undefined)

export const consumedEvents = ({
  trigger,
  aggregates = {},
  pattern,
}: RuleDocument): ReadonlyArray<string> => {
  const stages: ReadonlyArray<Input> = (pattern?.stages ?? []).flatMap((stage) => [
    stage,
    ...(stage.any_of ?? []),
    ...(stage.all_of ?? []),
    ...(stage.group ?? []),
  ])
  const inputs: ReadonlyArray<Input> = [...Object.values(aggregates), ...stages]
  return unique([trigger.type === "event" ? trigger.event : undefined, ...inputs.map(({ event }) => event)])
}

/** What rules publish of samples that came too late. */
const lateEvent = "millrace.late"

export const publishedEvents = ({ actions = [], timing }: RuleDocument): ReadonlyArray<string> =>
  unique([
    ...actions.map((action) => (action.type === "publish_event" ? action.event : undefined)),
    timing?.late === "publish" ? lateEvent : undefined,
  ])

/** A rule as far as events flow through it. */
export interface EventFlow {
  readonly rule: string
  readonly consumes: ReadonlyArray<string>
  readonly publishes: ReadonlyArray<string>
}

/**
 * The shortest way on which `rule` reaches itself: rule, type, rule, type, …, rule. Undefined when there is none. Of
 * `others` each rule is there once, and `rule` itself is none of them.
 */
export const cycleOf = (
  rule: EventFlow,
  others: ReadonlyArray<EventFlow>,
): ReadonlyArray<string> | undefined => {
  const takers = new Map<string, Array<EventFlow>>()
  for (const one of [rule, ...others])
    for (const type of one.consumes) takers.set(type, [...(takers.get(type) ?? []), one])
  const seen = new Set<string>()
  let ways: ReadonlyArray<readonly [EventFlow, ReadonlyArray<string>]> = [[rule, [rule.rule]]]
  while (ways.length > 0) {
    const further: Array<readonly [EventFlow, ReadonlyArray<string>]> = []
    for (const [from, way] of ways)
      for (const type of from.publishes) {
        if (seen.has(type)) continue
        seen.add(type)
        for (const to of takers.get(type) ?? []) {
          const longer = [...way, type, to.rule]
          if (to === rule) return longer
          further.push([to, longer])
        }
      }
    ways = further
  }
  return undefined
}
