/** Rules, samples and nodes for tests of lanes. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { RuleDocument, Sample } from "../../../../schemas/index.ts"
import { laneOf } from "../../../../streams/index.ts"
import { distinctTransitions } from "../../../support/collecting-desk.ts"
import { fakeEvaluators } from "../../../support/fake-evaluator.ts"
import { LaneWorld, lanesInWorld } from "../../../support/lanes.ts"

export const tenant = "acme"
/** Runs in virtual time, with the small evaluator. */
export const inWorld =
  (body: (world: LaneWorld) => Effect.Effect<unknown, unknown, Scope.Scope>, seed = "lanes") =>
  () => {
    const world = new LaneWorld(seed, fakeEvaluators)
    const exit = world.time.run(Effect.scoped(body(world)))
    if (exit._tag === "Failure") throw Cause.squash(exit.cause)
  }

export const until = Effect.fnUntraced(function* (holds: () => boolean) {
  for (let tries = 0; tries < 2_000; tries++) {
    if (holds()) return
    yield* Effect.sleep(50)
  }
  return yield* Effect.die(new Error(`does not hold within 100 s: ${holds}`))
})

export const rule = (metric: string, more: Partial<RuleDocument> = {}): RuleDocument => ({
  name: metric,
  trigger: { type: "metric", metric },
  ...more,
})
export const sample = (name: string, value: number, at = 0, host = "a"): Sample => ({
  name,
  labels: { host },
  value,
  at,
})
export const change = (name: string, document: RuleDocument | undefined, number = 1) => ({
  tenant,
  rule: name,
  number,
  version: number,
  ...(document === undefined ? {} : { document }),
})

/** Two names in different lanes. */
export const names = Array.from({ length: 40 }, (_, index) => `m${index}`)
export const laneNumber = (name: string) => laneOf(tenant, name, lanesInWorld)
export const one = names[0]!
export const elsewhere = names.find((name) => laneNumber(name) !== laneNumber(one))!

export const said = (world: LaneWorld) =>
  [...distinctTransitions(world.transitions()).keys()].map((id) => id.replace(/\/[0-9]+$/, ""))
