/**
 * A defect in a rule's evaluation, which no input should bring about, stops that rule until its next change, and nothing
 * else: the same message would stop whoever reads it next as well, and with the lane every other rule in it.
 */
import type { Group } from "./group.ts"
import type { LiveRule } from "./live-rule.ts"

const isSaid = ({ life: { state } }: Group): boolean => state !== "inactive" && state !== "resolved"

/** Alerts that were said, and that of the group in which it happened, are in error; nothing else is kept. */
export const quarantine = (rule: LiveRule, error: unknown, where: Group | undefined): void => {
  if (rule.broken !== undefined) return
  const { host } = rule
  const why = error instanceof Error ? error.message : String(error)
  const detail = `stopped until it is changed, by a defect in its evaluation: ${why}`
  rule.broken = rule.noteError(detail, host.place.at)
  host.sayDefect({ tenant: rule.tenant, rule: rule.rule, detail })
  for (const group of [...rule.groups.values()]) {
    group.touch()
    group.rest()
    if (group !== where && !isSaid(group)) rule.forget(group)
    else {
      try {
        group.life.fail("error", group.eventTimeOf(host.place.at), detail)
      } catch (again) {
        rule.noteError(again, host.place.at)
      }
    }
  }
}
