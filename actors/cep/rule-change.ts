/** What becomes of a rule's groups when the rule changes: they go on, are taken over by groups made aside, or end. */
import { ByteReader, ByteWriter } from "./bytes.ts"
import type { Place, RuleChange } from "./evaluator.ts"
import type { Group } from "./group/group.ts"
import { firstNumber } from "./group/host.ts"
import type { LiveRule } from "./group/live-rule.ts"
import { wait } from "./group/waking.ts"
import { compatibility } from "./rule/compatibility.ts"
import type { Program } from "./rule/program.ts"

export const beganAt = (place: Place, { tenant, rule }: RuleChange) =>
  ({ type: "began", tenant, began: { rule, number: firstNumber(place), storedAt: place.at } }) as const

/** Gives a rule its next version, when what its groups hold means the same to it. False: it has to begin anew. */
export const goOn = (rule: LiveRule, after: Program): boolean => {
  if (!goesOn(rule, after)) return false
  const isPatternNew = JSON.stringify(rule.document.pattern) !== JSON.stringify(after.document.pattern)
  rule.program = after
  for (const group of rule.groups.values()) group.touch()
  try {
    if (isPatternNew) for (const group of rule.groups.values()) renewMatcher(group)
  } catch (error) {
    rule.noteError(error, rule.host.place.at)
    return false
  }
  for (const group of rule.groups.values()) wait(group)
  rule.start()
  return true
}

/** Its partial matches go on under the conditions of the rule's new version. */
const renewMatcher = (group: Group): void => {
  const writer = new ByteWriter()
  group.matcher?.encode(writer)
  group.matcher?.release()
  group.matcher = group.rule.program.pattern?.decode(new ByteReader(writer.finish()), group.rule.held)
  group.watch()
}

export const goesOn = (rule: LiveRule, after: Program): boolean =>
  rule.broken === undefined && compatibility(rule.document, after.document).keepsState

const isActive = ({ life: { state } }: Group): boolean => state !== "inactive" && state !== "resolved"

/** Something pends or fires. */
export const hasAlerts = ({ groups }: LiveRule): boolean => [...groups.values()].some(isActive)

const endGroup = (group: Group): void => {
  if (!isActive(group)) return
  const { rule } = group
  rule.begin()
  group.touch()
  const { at } = rule.host.place
  try {
    group.life.end(rule.program, "rule_changed", group.eventTimeOf(at))
  } catch (error) {
    rule.noteError(error, at)
  }
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
 * `isAnew`: whatever holds is told, since nothing that was said before counts any more.
 */
export const succeed = (rule: LiveRule, before: LiveRule | undefined, isAnew: boolean): void => {
  const heirs = new Map([...rule.groups.values()].map((group) => [group.fingerprint, group]))
  const told = new Map([...(before?.groups.values() ?? [])].map((group) => [group.fingerprint, group]))
  for (const [fingerprint, group] of told) {
    const heir = heirs.get(fingerprint)
    if (heir === undefined || !isActive(heir)) endGroup(group)
    group.isAlive = false
    if (heir !== undefined) heir.number = Math.max(heir.number, group.number)
  }
  // What ended may have published that it did.
  if (before !== undefined) rule.published = Math.max(rule.published, before.published)
  for (const [fingerprint, heir] of heirs) {
    const earlier = told.get(fingerprint)
    const isSaid = !isAnew && earlier?.life.state === heir.life.state && earlier.severity === heir.severity
    if (!isActive(heir) || isSaid) continue
    // What each of them says may cost what an item may.
    rule.begin()
    heir.tell(heir.life.state, "condition", heir.life.at)
  }
}
