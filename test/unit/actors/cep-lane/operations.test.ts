/** What operators see of lanes and do with them, in memory under virtual time. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { describe, expect, it } from "vitest"
import type { Evaluator } from "../../../../actors/cep/evaluator.ts"
import type { Evaluators } from "../../../../actors/cep/lane/run-lane.ts"
import { makeEvaluator, readingOf } from "../../../../actors/cep/make-evaluator.ts"
import type { RuleDocument } from "../../../../schemas/index.ts"
import { laneOf } from "../../../../streams/index.ts"
import { fakeEvaluators } from "../../../support/fake-evaluator.ts"
import { type LaneNode, LaneWorld, lanesInWorld } from "../../../support/lanes.ts"

const tenant = "acme"
const metric = "cpu"
const lane = laneOf(tenant, metric, lanesInWorld)
const document: RuleDocument = { name: metric, trigger: { type: "metric", metric } }
const change = { tenant, rule: "r", number: 1, version: 1, document }

/** Throws at samples while it is there. */
const defect = { isThere: false }
const withDefect = (evaluator: Evaluator): Evaluator => {
  const samples: Evaluator["samples"] = (...given) => {
    if (defect.isThere) throw new Error("a defect")
    evaluator.samples(...given)
  }
  return new Proxy(evaluator, {
    get: (of, name) => {
      if (name === "samples") return samples
      const value = Reflect.get(of, name, of) as unknown
      return typeof value === "function" ? value.bind(of) : value
    },
  })
}
const evaluators: Evaluators = { ...fakeEvaluators, make: (of) => withDefect(fakeEvaluators.make(of)) }

const inWorld = (body: (world: LaneWorld) => Effect.Effect<unknown, unknown, Scope.Scope>) => () => {
  const world = new LaneWorld("operations", evaluators)
  const exit = world.time.run(Effect.scoped(body(world)))
  if (exit._tag === "Failure") throw Cause.squash(exit.cause)
}

const until = Effect.fnUntraced(function* (holds: () => boolean) {
  for (let tries = 0; tries < 4_000; tries++) {
    if (holds()) return
    yield* Effect.sleep(50)
  }
  return yield* Effect.die(new Error(`does not hold within 200 s: ${holds}`))
})

const send = ({ lanes }: LaneNode, ...values: ReadonlyArray<number>) =>
  lanes.service.appendSamples(
    tenant,
    values.map((value) => ({ name: metric, labels: { host: "a" }, value, at: 0 })),
    ["api"],
  )

const headKey = `lane/${lane}/head`
const damage = ({ stores: { values } }: LaneWorld) =>
  values.values.set(headKey, { ...values.values.get(headKey)!, value: new TextEncoder().encode("{") })

/** With a lane whose head was damaged while nobody had it. */
const damaged = Effect.fnUntraced(function* (world: LaneWorld) {
  const first = yield* world.start()
  yield* first.lanes.service.changeRule(change, undefined)
  yield* send(first, 50)
  yield* until(() => world.transitions().length > 0)
  yield* first.drain
  damage(world)
  const node = yield* world.start()
  yield* until(() => node.lanes.problems().length > 0)
  return node
})

describe("a lane that cannot be loaded", () => {
  it(
    "is begun again ever more rarely, and says why and since when",
    inWorld((world) =>
      Effect.gen(function* () {
        const node = yield* damaged(world)
        const [first] = node.lanes.problems()
        expect(first).toMatchObject({ lane, state: "unreadable", times: 1 })
        expect(first!.reason).toContain("damaged head")
        expect(first!.againAt - first!.since).toBe(2_000)
        yield* Effect.sleep(600_000)
        const [last] = node.lanes.problems()
        expect(last!.since).toBe(first!.since)
        // 2, 4, 8, 16, 32, and then every 60 seconds.
        expect(last!.times).toBeGreaterThan(12)
        expect(last!.times).toBeLessThan(18)
        expect(last!.againAt - world.time.now).toBeLessThanOrEqual(60_000)
        // The others go on.
        expect([...node.lanes.figures().keys()]).toHaveLength(lanesInWorld - 1)
      }),
    ),
  )

  it(
    "begins at once when it is rebuilt, behind what the stream holds, and is well again",
    inWorld((world) =>
      Effect.gen(function* () {
        const node = yield* damaged(world)
        yield* Effect.sleep(100_000)
        yield* send(node, 70)
        const { last } = yield* world.stream.bounds
        const before = world.time.now
        expect(yield* node.operations.rebuild(lane)).toMatchObject({ lane, through: last })
        yield* until(() => node.lanes.figures().has(lane))
        expect(world.time.now - before).toBeLessThan(2_000)
        expect(node.lanes.figures().get(lane)).toMatchObject({ rules: 0, sequence: last })
        yield* node.lanes.service.changeRule({ ...change, anew: "x" }, undefined)
        const count = world.transitions().length
        yield* send(node, 90)
        yield* until(() => world.transitions().length > count)
        expect(node.lanes.problems()).toEqual([])
      }),
    ),
  )
})

describe("a lane that is well", () => {
  it(
    "is lost to whoever has it when another node has it rebuilt",
    inWorld((world) =>
      Effect.gen(function* () {
        const nodes = [yield* world.start(), yield* world.start()]
        yield* nodes[0]!.lanes.service.changeRule(change, undefined)
        yield* send(nodes[0]!, 50)
        yield* until(() => world.transitions().length > 0)
        const rules = () => nodes.flatMap(({ lanes }) => lanes.figures().get(lane)?.rules ?? [])
        expect(rules()).toEqual([1])
        const other = nodes.find(({ lanes }) => !lanes.figures().has(lane))!
        yield* other.operations.rebuild(lane)
        yield* until(() => rules().join() === "0")
        const [kept] = [...world.stores.values.values.keys()].filter((key) =>
          key.startsWith(`lane/${lane}/n`),
        )
        expect(kept).toBeUndefined()
      }),
    ),
  )
})

describe("the overview of lanes", () => {
  it(
    "tells of each lane, wherever it is, and of those for which nobody answers",
    inWorld((world) =>
      Effect.gen(function* () {
        const nodes = [yield* world.start(), yield* world.start()]
        const evaluated = () => nodes.reduce((sum, { lanes }) => sum + lanes.figures().size, 0)
        yield* until(() => evaluated() === lanesInWorld)
        const [one, other] = [yield* nodes[0]!.operations.overview, yield* nodes[1]!.operations.overview]
        expect(one.map(({ state }) => state)).toEqual(["evaluated", "evaluated", "evaluated"])
        expect(other.map(({ node }) => node)).toEqual(one.map(({ node }) => node))
        expect(new Set(one.map(({ node }) => node)).size).toBe(2)
      }),
    ),
  )

  it(
    "tells why a lane is not evaluated, to whoever asks",
    inWorld((world) =>
      Effect.gen(function* () {
        const node = yield* damaged(world)
        const found = (yield* node.operations.overview)[lane]!
        expect(found).toMatchObject({ lane, state: "unreadable", problem: { times: 1 } })
        expect(found.figures).toBeUndefined()
      }),
    ),
  )
})

describe("a lane that is loaded and then stops", () => {
  it(
    "is begun again ever more rarely, and is in question until it has run for a while",
    inWorld((world) =>
      Effect.gen(function* () {
        const node = yield* world.start()
        defect.isThere = true
        yield* node.lanes.service.changeRule(change, undefined)
        yield* send(node, 50)
        yield* Effect.sleep(30_000)
        const [problem] = node.lanes.problems()
        expect(problem).toMatchObject({ state: "stopped", reason: "a defect" })
        expect(problem!.times).toBeGreaterThan(3)
        expect(problem!.times).toBeLessThan(7)
        defect.isThere = false
        yield* Effect.sleep(40_000)
        expect(node.lanes.figures().has(lane)).toBe(true)
        expect(node.lanes.problems()).toHaveLength(1)
        yield* Effect.sleep(60_000)
        expect(node.lanes.problems()).toEqual([])
      }),
    ),
  )
})

describe("the report of a rule with many groups", () => {
  it("has as many as one message between nodes holds, wherever it is asked for", () => {
    const real: Evaluators = {
      make: (of) => makeEvaluator({ lane: of }),
      read: (of, state) => readingOf(state, { lane: of }),
    }
    const world = new LaneWorld("groups", real)
    const grouped: RuleDocument = { ...document, group_by: ["host"], condition: "value > 1.0" }
    const body = Effect.gen(function* () {
      const limits = { reportCharactersMax: 4_000 }
      const nodes = [yield* world.start(limits), yield* world.start(limits)]
      const { service } = nodes[0]!.lanes
      yield* service.changeRule({ ...change, document: grouped }, undefined)
      const samples = Array.from({ length: 100 }, (_, host) => ({
        name: metric,
        labels: { host: `host-${host}` },
        value: 50,
        at: world.time.now,
      }))
      yield* service.appendSamples(tenant, samples, ["api"])
      yield* until(() => world.transitions().length === 100)
      for (const { lanes } of nodes) {
        const report = (yield* lanes.service.report(tenant, "r", grouped))!
        expect(report.figures.groups).toBe(100)
        expect(report.groups.length).toBeGreaterThan(5)
        expect(JSON.stringify(report.groups).length).toBeLessThan(4_200)
        expect(report.latency!.max).toBeGreaterThan(0)
        expect((yield* lanes.service.report(tenant, "r", grouped, false))!.groups).toEqual([])
      }
    })
    const exit = world.time.run(Effect.scoped(body))
    if (exit._tag === "Failure") throw Cause.squash(exit.cause)
  })
})
