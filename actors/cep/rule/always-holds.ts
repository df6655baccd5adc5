/** What is said of a rule that has states and no condition: it always holds. */
import type { Problem, RuleDocument } from "../../../schemas/index.ts"
import { modeOf } from "./mode.ts"

const fires: Problem = {
  field: "condition",
  problem: "there is none, so it always holds: an alert fires with the first item and does not end by itself",
  remedy: "say when it is to fire, for example value > 90.0; or let each item act once with mode: trigger",
}
const neverAsked: Problem = {
  field: "clear",
  problem: "it is never asked, since without a condition the rule always holds",
  remedy: "say in condition when it is to fire, and in clear when that is over",
}

/** What of a rule without a condition works otherwise than it looks. */
export const conditionWarnings = (document: RuleDocument): ReadonlyArray<Problem> => {
  const { condition, pattern, clear } = document
  if (condition !== undefined || pattern !== undefined || modeOf(document) !== "alert") return []
  return [fires, ...(clear === undefined ? [] : [neverAsked])]
}
