/** What becomes of an item behind its group's watermark: windows that may take it are corrected, and else it is lost. */
import type { EventAttributes } from "../../../schemas/index.ts"
import type { Group } from "./group.ts"
import type { Route } from "./route.ts"
import { publishLate } from "./tell.ts"

const correct = (
  group: Group,
  route: Route,
  value: number,
  at: number,
  attributes: EventAttributes,
): boolean => {
  const { rule, aggregates } = group
  if (aggregates === undefined) return false
  rule.closing = group
  let isWanted = false
  for (const input of route.inputs) {
    const field = rule.program.inputs[input]!.field
    if (route.lacks(field, attributes)) continue
    const number = route.numberOf(field, value, attributes)
    if (aggregates.addLate(input, at, number, route.textOf(field, attributes), rule.onClosed)) isWanted = true
  }
  group.refreshDue()
  return isWanted
}

export const offerLate = (
  group: Group,
  route: Route,
  value: number,
  at: number,
  attributes: EventAttributes,
): void => {
  const { rule, floor: watermark } = group
  const before = group.life.state
  rule.late += 1
  const isCounted = correct(group, route, value, at, attributes)
  if (!isCounted && rule.program.publishLate) publishLate(group, route, value, at)
  if (rule.host.onStep !== undefined)
    rule.report(group, at, before, route.item(value, at, attributes), { watermark, isCounted })
}
