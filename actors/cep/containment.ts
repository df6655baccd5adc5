/** Items and time are given to rules so that what one of them throws, which none may, stops that rule and nothing else. */
import type { EventAttributes } from "../../schemas/index.ts"
import type { SampleColumns } from "./evaluator.ts"
import { withOneEffort } from "./expression/effort.ts"
import type { Group } from "./group/group.ts"
import type { LiveRule } from "./group/live-rule.ts"
import { quarantine } from "./group/quarantine.ts"
import { noAttributes, type Route } from "./group/route.ts"
import { wake } from "./group/waking.ts"

interface Known {
  readonly routes: ReadonlyArray<Route>
}

/** `known`: of each series, where its samples go. */
export const offerSamples = (known: ReadonlyArray<Known>, columns: SampleColumns): void =>
  withOneEffort(() => offerAll(known, columns))

const offerAll = (known: ReadonlyArray<Known>, { seriesOf, values, times }: SampleColumns): void => {
  let index = 0
  let way = 0
  // One attempt for all of them, which goes on behind what threw: an attempt for each would cost.
  for (;;) {
    try {
      for (; index < seriesOf.length; index++) {
        const { routes } = known[seriesOf[index]!]!
        const value = values[index]!
        const at = times[index]!
        for (; way < routes.length; way++) {
          const route = routes[way]!
          route.rule.offer(route, value, at, noAttributes, 0)
        }
        way = 0
      }
      return
    } catch (error) {
      const { rule, group } = known[seriesOf[index]!]!.routes[way]!
      quarantine(rule, error, group)
      way += 1
    }
  }
}

export const offerEvent = (
  routes: ReadonlyArray<Route>,
  at: number,
  attributes: EventAttributes,
  depth: number,
): void => {
  for (const route of routes)
    contain(route.rule, () => route.rule.offer(route, Number.NaN, at, attributes, depth), route)
}

export const wakeAll = (groups: ReadonlyArray<Group>): void => {
  for (const group of groups)
    if (group.isAlive && group.rule.broken === undefined) contain(group.rule, () => wake(group), { group })
}

export const contain = (rule: LiveRule, work: () => void, where?: Pick<Route, "group">): void => {
  try {
    withOneEffort(work)
  } catch (error) {
    quarantine(rule, error, where?.group)
  }
}
