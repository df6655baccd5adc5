/**
 * Rules over metrics while their nodes are killed: what desks are told is exactly what one evaluation of the same stream,
 * read afterwards from its beginning to its end, says.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Evaluators } from "../../actors/cep/lane/run-lane.ts"
import { makeEvaluator, readingOf } from "../../actors/cep/make-evaluator.ts"
import { makeLanes, type NodeLanes } from "../../actors/index.ts"
import type { RuleDocument, Sample, Transition } from "../../schemas/index.ts"
import { layer, MetricStream } from "../../streams/index.ts"
import { distinctTransitions, transitionsTaken } from "../support/collecting-desk.ts"
import { referenceOutputs } from "../support/lanes.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { chaosConfig } from "./config.ts"
import { readJournals } from "./journals.ts"
import { Nodes } from "./nodes.ts"

let server: TestNatsServer
let nodes: Nodes

beforeAll(async () => {
  server = await testNatsServer()
  nodes = new Nodes(server.connection, "cep-node.ts")
  await nodes.start()
  await nodes.start()
})

afterAll(async () => {
  await nodes?.killAll()
  await server?.stop()
})

const tenant = "acme"
const evaluators: Evaluators = {
  make: (lane) => makeEvaluator({ lane }),
  read: (lane, state) => readingOf(state, { lane }),
}

const rules: Readonly<Record<string, RuleDocument>> = {
  threshold: {
    name: "threshold",
    trigger: { type: "metric", metric: "cpu" },
    group_by: ["host"],
    condition: "value > 70",
    for: "1s",
    actions: [{ type: "publish_event", event: "cpu.high", on: ["firing"] }],
  },
  window: {
    name: "window",
    trigger: { type: "metric", metric: "memory" },
    group_by: ["host"],
    aggregates: {
      mean: { function: "avg", window: { type: "tumbling", size: "2s" } },
      busy: { function: "max", metric: "cpu", window: { type: "sliding", size: "3s" } },
    },
    condition: "mean > 50.0 && busy > 60.0",
  },
  pattern: {
    name: "pattern",
    trigger: { type: "metric", metric: "disk" },
    group_by: ["host"],
    keep_firing_for: "2s",
    pattern: {
      stages: [
        { name: "high", condition: "value > 80" },
        { name: "low", condition: "value < 20" },
      ],
      within: "3s",
      after_match: { type: "skip_past_last_event" },
    },
  },
  derived: {
    name: "derived",
    trigger: { type: "event", event: "cpu.high" },
    aggregates: { often: { function: "count", window: { type: "sliding", size: "10s" } } },
    condition: "often > 3.0",
    keep_firing_for: "1s",
  },
  silence: {
    name: "silence",
    trigger: { type: "metric", metric: "load" },
    group_by: ["host"],
    condition: "value > 95",
    missing_data: { after: "2s", state: "no_data" },
  },
}

const readTransitions = Effect.gen(function* () {
  const found: Array<Transition> = []
  yield* readJournals(({ entries }) => found.push(...transitionsTaken(entries)))
  return found
})

const [kills, everyMs, hosts] = [6, 25, 25]

/** Until it is interrupted. */
const load = ({ service }: NodeLanes) =>
  Effect.gen(function* () {
    for (;;) {
      const at = Date.now()
      const sample = (name: string, host: number): Sample => ({
        name,
        labels: { host: `h${host}` },
        value: Math.floor(Math.random() * 100),
        at,
      })
      const some = Array.from({ length: hosts }, (_, host) => [
        // Levels that stay for a second or two, so that `for` is fulfilled now and then.
        { ...sample("cpu", host), value: ((Math.floor(at / 1_700) * 37 + host * 61) % 100) - 0.5 },
        sample("memory", host),
        sample("disk", host),
        ...(host % 5 === Math.floor(at / 4_000) % 5 ? [] : [sample("load", host)]),
      ]).flat()
      yield* service.appendSamples(tenant, some, ["api"])
      yield* Effect.sleep(everyMs)
    }
  })

it("tells desks exactly what an uninterrupted evaluation says when nodes are killed at any moment", {
  timeout: 120_000,
}, async () => {
  const run = Effect.gen(function* () {
    const lanes = yield* makeLanes(yield* MetricStream)
    for (const [rule, document] of Object.entries(rules))
      yield* lanes.service.changeRule({ tenant, rule, number: 1, version: 1, document }, undefined)
    const loading = yield* Effect.forkChild(load(lanes))
    for (let kill = 0; kill < kills; kill++) {
      yield* Effect.sleep(500 + Math.random() * 2_000)
      const victim = nodes.running[Math.floor(Math.random() * nodes.running.length)]!
      yield* Effect.promise(() => nodes.kill(victim))
      yield* Effect.promise(() => nodes.start())
    }
    yield* Fiber.interrupt(loading)
    const stream = yield* MetricStream
    for (let tries = 0; ; tries++) {
      const outputs = yield* referenceOutputs(stream, evaluators)
      const said = outputs.flatMap((output) => (output.type === "transition" ? [output.transition] : []))
      const [wanted, taken] = [distinctTransitions(said), yield* readTransitions]
      const found = distinctTransitions(taken)
      const isSame = wanted.size === found.size && [...wanted].every(([id, text]) => found.get(id) === text)
      if (!isSame && tries < 25) {
        yield* Effect.sleep(1_000)
        continue
      }
      const bounds = yield* stream.bounds
      return { wanted, found, taken: taken.length, messages: bounds.last, said }
    }
  })
  const { wanted, found, taken, messages, said } = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(Layer.build(layer(chaosConfig(server.connection))), (streams) =>
        Effect.provide(run, streams),
      ),
    ),
  )
  expect([...found].toSorted()).toEqual([...wanted].toSorted())
  for (const rule of Object.keys(rules))
    expect(
      said.map((one) => one.rule),
      rule,
    ).toContain(rule)
  console.info(
    `${kills} kills, ${messages} messages, ${found.size} transitions, ${taken - found.size} of them told again`,
  )
})
