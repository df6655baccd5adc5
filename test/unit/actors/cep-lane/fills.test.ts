import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { metricToken, ruleSource } from "../../../../streams/index.ts"
import { change, inWorld, laneNumber, one, rule, said, sample, tenant, until } from "./small-lanes.ts"

const encoder = new TextEncoder()
const lane = laneNumber(one)
const countsAtOnce = { countsMs: 0 }

describe("a rule whose past is being read", () => {
  it(
    "waits alone: the others of its lane go on, and it counts from the message on that says so",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start(countsAtOnce)
        yield* lanes.service.changeRule(change("old", rule(one)), undefined)
        yield* until(() => world.pastReads > 0)
        yield* lanes.service.appendSamples(tenant, [sample(one, 1)], ["api"])
        const gate = Deferred.makeUnsafe<void>()
        world.pastGate = Deferred.await(gate)
        yield* lanes.service.changeRule(change("new", rule(one)), undefined)
        yield* lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => world.transitions().length > 0)
        expect(world.transitions()).toMatchObject([{ rule: "old", to: "firing" }])
        expect(lanes.figures().get(lane)?.filling).toBe(1)
        Deferred.doneUnsafe(gate, Effect.void)
        yield* until(() => world.transitions().length > 1)
        expect(world.transitions()[1]).toMatchObject({
          rule: "new",
          to: "firing",
          values: { count: 2, sum: 21 },
        })
        expect(lanes.figures().get(lane)?.filling).toBe(0)
      }),
    ),
  )

  it(
    "keeps what it was until then when it is a new version",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start(countsAtOnce)
        yield* lanes.service.changeRule(change("r", rule(one)), undefined)
        yield* until(() => world.pastReads > 0)
        const gate = Deferred.makeUnsafe<void>()
        world.pastGate = Deferred.await(gate)
        yield* lanes.service.changeRule(change("r", rule(one), 2), rule(one))
        yield* lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => world.transitions().length > 0)
        expect(world.transitions()).toMatchObject([{ version: 1, to: "firing" }])
        Deferred.doneUnsafe(gate, Effect.void)
        yield* lanes.service.appendSamples(tenant, [sample(one, 1)], ["api"])
        yield* until(() => world.transitions().some(({ version, to }) => version === 2 && to === "resolved"))
      }),
    ),
  )

  it(
    "is read together with all that came meanwhile",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start(countsAtOnce)
        const gate = Deferred.makeUnsafe<void>()
        world.pastGate = Deferred.await(gate)
        for (let count = 0; count < 300; count++)
          yield* lanes.service.changeRule(change(`r${count}`, rule(one)), undefined)
        yield* until(() => lanes.figures().get(lane)?.filling === 300)
        Deferred.doneUnsafe(gate, Effect.void)
        yield* until(() => lanes.figures().get(lane)?.filling === 0)
        // Of the first that came, of the others; and a look at each place where they count.
        expect(world.pastReads).toBeLessThanOrEqual(6)
        yield* lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => said(world).length === 300)
      }),
    ),
  )

  it(
    "does not wait for one of its tenant's that is edited without end",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start(countsAtOnce)
        world.pastGate = Effect.sleep(2_000)
        yield* lanes.service.changeRule(change("edited", rule(one)), undefined)
        yield* lanes.service.changeRule(change("r", rule(one)), undefined)
        const edits = Effect.gen(function* () {
          for (let number = 2; ; number++) {
            yield* lanes.service.changeRule(change("edited", rule(one), number), rule(one))
            yield* Effect.sleep(1_000)
          }
        })
        yield* Effect.forkScoped(edits)
        yield* until(() => lanes.figures().get(lane)?.filling === 1)
        yield* lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => said(world).length > 0)
        expect(world.transitions()).toMatchObject([{ rule: "r", to: "firing" }])
      }),
    ),
  )

  it(
    "is read again by the next owner when its node dies meanwhile",
    inWorld((world) =>
      Effect.gen(function* () {
        const first = yield* world.start({ ...countsAtOnce, checkpointEveryMs: 300 })
        yield* first.lanes.service.appendSamples(tenant, [sample(one, 5)], ["api"])
        const gate = Deferred.makeUnsafe<void>()
        world.pastGate = Deferred.await(gate)
        yield* first.lanes.service.changeRule(change("r", rule(one)), undefined)
        yield* until(() => (first.lanes.figures().get(lane)?.checkpoint ?? 0) >= 2)
        first.faults.crash()
        world.pastGate = Effect.void
        const second = yield* world.start()
        yield* until(() => second.lanes.figures().get(lane)?.filling === 0)
        yield* second.lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => world.transitions().length > 0)
        expect(world.transitions()).toMatchObject([{ rule: "r", values: { count: 2, sum: 25 } }])
        // From its checkpoint on: the change itself did not come again.
        expect(second.lanes.figures().get(lane)!.messages).toBeLessThan(4)
      }),
    ),
  )

  it(
    "does not count with a message of an owner who did not know of its newest change",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start(countsAtOnce)
        const gate = Deferred.makeUnsafe<void>()
        world.pastGate = Deferred.await(gate)
        yield* lanes.service.changeRule(change("r", rule(one)), undefined)
        yield* lanes.service.changeRule(change("r", rule(one), 2), rule(one))
        const message = { _tag: "RulesFilled", rules: [{ rule: "r", number: 1 }] }
        const token = metricToken(tenant, lane, ruleSource)
        const sequence = yield* world.stream.append(token, encoder.encode(JSON.stringify(message)))
        yield* until(() => (lanes.figures().get(lane)?.sequence ?? 0) >= sequence)
        expect(lanes.figures().get(lane)?.filling).toBe(1)
        Deferred.doneUnsafe(gate, Effect.void)
        yield* until(() => lanes.figures().get(lane)?.filling === 0)
        yield* lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => world.transitions().length > 0)
        expect(world.transitions()).toMatchObject([{ version: 2 }])
      }),
    ),
  )
})
