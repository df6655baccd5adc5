/** Rules whose aggregates are the same share their plan: what groups read of it with each item is in memory once. */
import type { AggregateSpec, AggregatesPlan } from "./aggregates.ts"
import { planAggregates } from "./plan-aggregates.ts"

/** Plans that are kept to be shared; rules go on with theirs when it is forgotten. */
const plansMax = 1_000
const plans = new Map<string, AggregatesPlan>()

/** Gotcha: its windows must have no `windowProblem`. */
export const sharedPlan = (
  specs: ReadonlyArray<AggregateSpec>,
  allowedLatenessMs: number,
): AggregatesPlan => {
  const key = JSON.stringify([specs, allowedLatenessMs])
  const known = plans.get(key)
  if (known !== undefined) return known
  const plan = planAggregates(specs, allowedLatenessMs)
  plans.set(key, plan)
  if (plans.size > plansMax) plans.delete(plans.keys().next().value!)
  return plan
}
