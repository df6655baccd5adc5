/** What the stages of a plan really do: the offline planner and validator, the metric tool, and the wording. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { compose, executePlan, planQuestion, present, validatePlan } from "../../ops/index.ts"
import { implementKind } from "../implement-kind.ts"
import { OpsPlan } from "./plan.ts"

export const opsPlanImplementation = implementKind(OpsPlan, {
  route_plan: ({ question, at }) => Effect.sync(() => planQuestion(question, at)),
  validate: ({ plan, at }) => Effect.sync(() => validatePlan(plan, at)),
  execute: ({ plan }, { self }) =>
    Effect.mapError(
      executePlan(plan, self.tenant),
      ({ detail }) => new ActivityFailure({ code: "MetricStreamUnavailable", detail, retryable: true }),
    ),
  compose: ({ question, plan, findings, at }) => Effect.sync(() => compose(question, plan, findings, at)),
  present: ({ plan, findings, composition }) => Effect.sync(() => present(plan, findings, composition)),
})
