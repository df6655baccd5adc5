import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { makeLanes } from "../../../../actors/cep/lane/make-lanes.ts"
import { calm, type Rates } from "../../../../engine/testkit/faults.ts"
import type { RuleDocument } from "../../../../schemas/index.ts"
import { distinctTransitions } from "../../../support/collecting-desk.ts"
import { fakeEvaluators } from "../../../support/fake-evaluator.ts"
import { type LaneNode, type LaneWorld, referenceOutputs } from "../../../support/lanes.ts"
import { change, elsewhere, inWorld, names, one, rule, sample, tenant } from "./small-lanes.ts"

const quick = { checkpointEveryMs: 300, drainMs: 2_000 }
const stormy: Rates = {
  ...calm,
  lost: 0.03,
  answerLost: 0.03,
  lateAfterFailure: 0.02,
  twice: 0.03,
  slow: 0.05,
  crashBefore: 0.003,
  crashAfter: 0.003,
  signalLost: 0.02,
  signalTwice: 0.02,
}

/** Samples, events and changes while nodes die; then peace, and the desk must have what one evaluation says. */
const storm = (world: LaneWorld) =>
  Effect.gen(function* () {
    const { random } = world.time
    const running: Array<LaneNode> = []
    const keepAlive = Effect.gen(function* () {
      for (;;) {
        for (const node of [...running]) if (node.faults.dead) running.splice(running.indexOf(node), 1)
        while (running.length < 2) running.push(yield* world.start(quick))
        yield* Effect.sleep(200 + random.next() * 500)
      }
    })
    yield* Effect.forkScoped(keepAlive)
    const { service } = yield* makeLanes(world.stream, { evaluators: fakeEvaluators })
    const actions = [{ type: "publish_event", event: elsewhere }] as const
    yield* service.changeRule(change("first", rule(one, { actions })), undefined)
    const second: RuleDocument = { name: "second", trigger: { type: "event", event: elsewhere } }
    yield* service.changeRule(change("second", second), undefined)
    world.rates = stormy
    for (let step = 0; step < 60; step++) {
      const samples = names.slice(0, 4).map((name) => sample(name, Math.floor(random.next() * 20), step))
      yield* service.appendSamples(tenant, samples, ["api"])
      if (step % 10 === 5) yield* service.changeRule(change("third", rule(names[step % 4]!), step), undefined)
      if (step % 17 === 16) running[0]?.faults.crash()
      yield* Effect.sleep(random.next() * 300)
    }
    world.rates = calm
    const wanted = Effect.map(referenceOutputs(world.stream, fakeEvaluators), (outputs) =>
      distinctTransitions(
        outputs.flatMap((output) => (output.type === "transition" ? [output.transition] : [])),
      ),
    )
    for (let tries = 0; ; tries++) {
      const reference = yield* wanted
      const found = distinctTransitions(world.transitions())
      const same =
        reference.size === found.size && [...reference].every(([id, text]) => found.get(id) === text)
      if (same) {
        expect(found.size).toBeGreaterThan(20)
        return
      }
      if (tries === 30) {
        expect([...found].toSorted()).toEqual([...reference].toSorted())
      }
      yield* Effect.sleep(1_000)
    }
  })

describe("whatever befalls nodes and ports", () => {
  it.each(Array.from({ length: 12 }, (_, seed) => `storm-${seed}`))(
    "desks hear what one undisturbed evaluation of the stream says (%s)",
    (seed) => inWorld(storm, seed)(),
  )
})
