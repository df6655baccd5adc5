/** The execute stage: runs a plan that was found valid with the tools it names. Reads only. */
import * as Effect from "effect/Effect"
import type { Plan } from "../schemas/index.ts"
import type { Findings } from "./findings.ts"
import { queryMetrics } from "./tools/metric-query.ts"

const nothing: Findings = { of: "nothing" }

/** Reads what belongs to the tenant. Errors: `Unavailable` when the metric stream cannot be read. */
export const executePlan = Effect.fnUntraced(function* (plan: Plan, tenant: string) {
  if (plan.route !== "LOOKUP" && plan.route !== "AGGREGATE") return nothing
  const findings: Findings = { of: "metric", ...(yield* queryMetrics(plan.query, tenant)) }
  return findings
})
