/** Where a rule lives. Changing this moves rules to lanes that know nothing of them. */
import { type RuleDocument, scheduleEvent } from "../../../schemas/index.ts"

/** The name whose lane it is. */
export const homeName = (rule: string, { trigger }: RuleDocument): string =>
  trigger.type === "metric" ? trigger.metric : trigger.type === "event" ? trigger.event : scheduleEvent(rule)
