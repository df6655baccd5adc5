/** What becomes of a rule's groups when the rule changes: they go on, are taken over by groups made aside, or end. */
import type { Group } from "./group/group.ts"
import type { LiveRule } from "./group/live-rule.ts"
import type { Program } from "./rule/program.ts"

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** Whether what groups hold means the same to both programs. */
export const goesOn = (before: Program, after: Program): boolean => {
  const holdsItems = before.aggregates.specs.length > 0 || before.pattern !== undefined
  return (
    before.mode === after.mode &&
    same(before.inputs, after.inputs) &&
    same(before.groupBy, after.groupBy) &&
    same(before.aggregates.specs, after.aggregates.specs) &&
    before.aggregates.allowedLatenessMs === after.aggregates.allowedLatenessMs &&
    same(before.document.pattern, after.document.pattern) &&
    before.outOfOrdernessMs === after.outOfOrdernessMs &&
    (!holdsItems || before.document.filter === after.document.filter)
  )
}

const isActive = ({ life: { state } }: Group): boolean => state !== "inactive" && state !== "resolved"

const endGroup = (group: Group): void => {
  const { rule } = group
  group.life.end(rule.program, "rule_changed", group.eventTimeOf(rule.host.place.at))
}

/** The rule is gone, and with it whatever it said. */
export const endGroups = (rule: LiveRule): void => {
  for (const group of rule.groups.values()) {
    endGroup(group)
    group.isAlive = false
  }
}

/**
 * Gives a rule the groups that were made aside, from its past. What its predecessor said stays said as far as it is true of
 * them, and is taken back where it is not; what is new is told now.
 */
export const succeed = (rule: LiveRule, before: LiveRule | undefined): void => {
  const heirs = new Map([...rule.groups.values()].map((group) => [group.fingerprint, group]))
  const told = new Map([...(before?.groups.values() ?? [])].map((group) => [group.fingerprint, group]))
  for (const [fingerprint, group] of told) {
    const heir = heirs.get(fingerprint)
    if (heir === undefined || !isActive(heir)) endGroup(group)
    group.isAlive = false
    if (heir !== undefined) heir.number = Math.max(heir.number, group.number)
  }
  for (const [fingerprint, heir] of heirs) {
    const earlier = told.get(fingerprint)
    const isSaid = earlier?.life.state === heir.life.state && earlier.severity === heir.severity
    if (isActive(heir) && !isSaid) heir.tell(heir.life.state, "condition", heir.life.at)
  }
}
