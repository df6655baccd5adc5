import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { RuleDocument } from "../../../../schemas/index.ts"
import { distinctTransitions } from "../../../support/collecting-desk.ts"
import { type LaneNode, lanesInWorld } from "../../../support/lanes.ts"
import {
  change,
  elsewhere,
  inWorld,
  laneNumber,
  names,
  one,
  rule,
  said,
  sample,
  tenant,
  until,
} from "./small-lanes.ts"

describe("a rule in its lane", () => {
  it(
    "says what its samples come to, to its tenant's desk",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start()
        yield* lanes.service.changeRule(change("r", rule(one)), undefined)
        yield* lanes.service.appendSamples(tenant, [sample(one, 11), sample(elsewhere, 99)], ["api"])
        yield* lanes.service.appendSamples("other", [sample(one, 11)], ["api"])
        yield* until(() => world.transitions().length > 0)
        expect(world.transitions()).toMatchObject([{ rule: "r", to: "firing", value: 11 }])
        yield* lanes.service.appendSamples(tenant, [sample(one, 1)], ["api"])
        yield* until(() => world.transitions().length > 1)
        expect(world.transitions()[1]).toMatchObject({ to: "resolved" })
      }),
    ),
  )

  it(
    "sees the metrics of other lanes that it names, from its change on",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start()
        const aggregates = {
          total: { function: "sum", window: { type: "tumbling", size: "1m" }, metric: elsewhere },
        } as const
        yield* lanes.service.changeRule(change("r", rule(one, { aggregates })), undefined)
        yield* lanes.service.appendSamples(tenant, [sample(elsewhere, 20)], ["api"])
        yield* until(() => world.transitions().length > 0)
        expect(said(world)).toEqual([`r/${JSON.stringify([elsewhere, "host", "a"])}`])
      }),
    ),
  )

  it(
    "is filled with the past that its state depends on when it begins",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start()
        yield* lanes.service.appendSamples(tenant, [sample(one, 5)], ["api"])
        yield* Effect.sleep(61_000)
        yield* lanes.service.appendSamples(tenant, [sample(one, 30), sample(one, 12)], ["api"])
        yield* lanes.service.changeRule(change("r", rule(one)), undefined)
        yield* until(() => world.transitions().length > 0)
        expect(world.transitions()).toMatchObject([{ values: { count: 2, sum: 42 } }])
      }),
    ),
  )

  it(
    "publishes events that rules in other lanes see once",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start()
        const type = names.find((name) => laneNumber(name) !== laneNumber(one))!
        const actions = [{ type: "publish_event", event: type }] as const
        yield* lanes.service.changeRule(change("first", rule(one, { actions })), undefined)
        const second: RuleDocument = { name: "second", trigger: { type: "event", event: type } }
        yield* lanes.service.changeRule(change("second", second), undefined)
        yield* lanes.service.appendSamples(tenant, [sample(one, 50)], ["api"])
        yield* until(() => said(world).length === 2)
        expect(said(world)).toEqual(expect.arrayContaining([`second/${type}`]))
      }),
    ),
  )

  it(
    "that moves to another lane ends in the old one first",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start()
        const [before, after] = [rule(one), rule(elsewhere)]
        const first = yield* lanes.service.changeRule(change("r", before), undefined)
        const moved = yield* lanes.service.changeRule(change("r", after, 2), before)
        expect([first.lane, moved.lane]).toEqual([laneNumber(one), laneNumber(elsewhere)])
        expect(moved.sequence).toBeGreaterThan(first.sequence + 1)
        yield* lanes.service.appendSamples(tenant, [sample(one, 50), sample(elsewhere, 50)], ["api"])
        yield* until(() => said(world).length > 0)
        yield* Effect.sleep(1_000)
        expect(said(world)).toEqual([`r/${JSON.stringify([elsewhere, "host", "a"])}`])
      }),
    ),
  )

  it(
    "hears the same event once, by its id",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start()
        const document: RuleDocument = { name: "r", trigger: { type: "event", event: "deploy" } }
        yield* lanes.service.changeRule(change("r", document), undefined)
        const event = { id: "1", type: "deploy", at: 0, attributes: { value: 50 } }
        yield* lanes.service.appendEvents(tenant, [event, event])
        yield* lanes.service.appendEvents(tenant, [event])
        yield* until(() => world.transitions().length > 0)
        yield* Effect.sleep(1_000)
        const report = yield* lanes.service.report(tenant, "r", document)
        expect(report?.figures.evaluations).toBe(1)
      }),
    ),
  )
})

describe("the report of a rule", () => {
  it(
    "comes from whichever node evaluates it, and is undefined when nobody does",
    inWorld((world) =>
      Effect.gen(function* () {
        const nodes = [yield* world.start(), yield* world.start()]
        yield* nodes[0]!.lanes.service.changeRule(change("r", rule(one)), undefined)
        yield* nodes[0]!.lanes.service.appendSamples(tenant, [sample(one, 50)], ["api"])
        yield* until(() => world.transitions().length > 0)
        for (const { lanes } of nodes) {
          const report = yield* lanes.service.report(tenant, "r", rule(one))
          expect(report).toMatchObject({ lane: laneNumber(one), lagMessages: 0, figures: { groups: 1 } })
          expect(yield* lanes.service.report(tenant, "unknown", rule(one))).toBeUndefined()
        }
      }),
    ),
  )
})

describe("time", () => {
  it(
    "is told to lanes with rules once a second, and to no others",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start()
        yield* Effect.sleep(10_000)
        const before = yield* world.stream.bounds
        expect(before.last).toBe(0)
        yield* lanes.service.changeRule(change("r", rule(one)), undefined)
        yield* Effect.sleep(10_000)
        const { last } = yield* world.stream.bounds
        expect(last).toBeGreaterThanOrEqual(9)
        expect(last).toBeLessThanOrEqual(12)
      }),
    ),
  )
})

const quick = { checkpointEveryMs: 300, drainMs: 2_000 }

describe("a lane that changes hands", () => {
  it(
    "goes on where the last checkpoint ends, and says nothing that it had not said",
    inWorld((world) =>
      Effect.gen(function* () {
        const first = yield* world.start(quick)
        yield* first.lanes.service.changeRule(change("r", rule(one)), undefined)
        for (let count = 1; count <= 5; count++)
          yield* first.lanes.service.appendSamples(tenant, [sample(one, 1)], ["api"])
        const lane = laneNumber(one)
        yield* until(() => (first.lanes.figures().get(lane)?.checkpoint ?? 0) >= 6)
        first.faults.crash()
        const second = yield* world.start(quick)
        yield* second.lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => world.transitions().length > 0)
        // Counted on by the second from what the first had stored.
        expect(world.transitions()).toMatchObject([{ values: { count: 6, sum: 25 } }])
        expect(second.lanes.figures().get(lane)!.messages).toBeLessThan(20)
      }),
    ),
  )

  it(
    "has a checkpoint of its last message soon, although no other comes",
    inWorld((world) =>
      Effect.gen(function* () {
        const { lanes } = yield* world.start({ checkpointEveryMs: 5_000 })
        yield* lanes.service.changeRule(change("r", undefined), rule(one))
        const lane = laneNumber(one)
        yield* until(() => (lanes.figures().get(lane)?.checkpoint ?? 0) >= 1)
      }),
    ),
  )

  it(
    "is handed over with a checkpoint of its last message when its node leaves",
    inWorld((world) =>
      Effect.gen(function* () {
        const first = yield* world.start({ checkpointEveryMs: 3_600_000 })
        yield* first.lanes.service.changeRule(change("r", rule(one)), undefined)
        for (let count = 1; count <= 20; count++)
          yield* first.lanes.service.appendSamples(tenant, [sample(one, 1)], ["api"])
        const lane = laneNumber(one)
        yield* until(() => (first.lanes.figures().get(lane)?.messages ?? 0) >= 21)
        yield* first.drain
        const second = yield* world.start()
        yield* until(() => second.lanes.figures().has(lane))
        expect(second.lanes.figures().get(lane)!.checkpoint).toBeGreaterThanOrEqual(21)
      }),
    ),
  )

  it(
    "is not stored any more by a node that lost it and does not know, and that node stops",
    inWorld((world) =>
      Effect.gen(function* () {
        const first = yield* world.start(quick)
        yield* first.lanes.service.changeRule(change("r", rule(one)), undefined)
        const lane = laneNumber(one)
        yield* until(() => (first.lanes.figures().get(lane)?.checkpoints ?? 0) > 0)
        first.faults.freeze()
        const second = yield* world.start(quick)
        yield* until(() => second.lanes.figures().has(lane))
        yield* second.lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => world.transitions().length > 0)
        first.faults.unfreeze()
        yield* until(() => first.lanes.figures().size + second.lanes.figures().size === lanesInWorld)
        yield* second.lanes.service.appendSamples(tenant, [sample(one, 2)], ["api"])
        yield* until(() => distinctTransitions(world.transitions()).size === 2)
        const { last } = yield* world.stream.bounds
        const checkpointOf = ({ lanes }: LaneNode) => lanes.figures().get(lane)?.checkpoint ?? 0
        yield* until(() => Math.max(checkpointOf(first), checkpointOf(second)) > last)
      }),
    ),
  )

  it(
    "starts with what is left when messages left the stream before they were evaluated, and counts them",
    inWorld((world) =>
      Effect.gen(function* () {
        const first = yield* world.start(quick)
        yield* first.lanes.service.changeRule(change("r", rule(one)), undefined)
        const lane = laneNumber(one)
        yield* until(() => (first.lanes.figures().get(lane)?.checkpoints ?? 0) > 0)
        yield* first.drain
        const { last } = yield* world.stream.bounds
        const lanes = first.lanes.service
        for (let count = 0; count < 10; count++) yield* lanes.appendSamples(tenant, [sample(one, 1)], ["api"])
        world.stream.dropThrough(last + 6)
        const second = yield* world.start(quick)
        yield* second.lanes.service.appendSamples(tenant, [sample(one, 20)], ["api"])
        yield* until(() => world.transitions().length > 0)
        expect(second.lanes.figures().get(lane)!.missed).toBeGreaterThanOrEqual(6)
        expect(world.transitions()).toMatchObject([{ values: { count: 5 } }])
      }),
    ),
  )
})
