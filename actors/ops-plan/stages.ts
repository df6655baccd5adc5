/** The stages of a plan as activities: what each is given and what it gives. */
import * as Schema from "effect/Schema"
import { activity } from "../../engine/index.ts"
import { Composition, Findings } from "../../ops/index.ts"
import { AnswerBlock, Plan, Problem } from "../../schemas/index.ts"

/** The time is that of the question: a stage that runs again does the same. */
const asked = { question: Schema.String, at: Schema.Finite }

export const stages = {
  route_plan: activity({ input: Schema.Struct(asked), output: Plan }),
  validate: activity({
    input: Schema.Struct({ plan: Plan, at: Schema.Finite }),
    output: Schema.Array(Problem),
  }),
  execute: activity({ input: Schema.Struct({ plan: Plan }), output: Findings, timeoutMs: 30_000 }),
  compose: activity({
    input: Schema.Struct({ ...asked, plan: Plan, findings: Findings }),
    output: Composition,
  }),
  present: activity({
    input: Schema.Struct({ plan: Plan, findings: Findings, composition: Composition }),
    output: Schema.Array(AnswerBlock),
  }),
}
