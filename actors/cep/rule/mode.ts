/** Whether a rule has alerts with a state, or acts once each time. */
import type { RuleDocument } from "../../../schemas/index.ts"

/** Schedules, and events that are neither counted nor part of a pattern, have no state that could end. */
export const modeOf = ({ mode, trigger, pattern, aggregates }: RuleDocument): "alert" | "trigger" => {
  if (mode !== undefined) return mode
  if (pattern !== undefined || trigger.type === "metric") return "alert"
  return trigger.type === "event" && Object.keys(aggregates ?? {}).length > 0 ? "alert" : "trigger"
}
