/**
 * Rules on schedules while their nodes are killed, one after the other and then all: each run that is due is decided once, by
 * one node, and is in the lane and at the desk once; what a rule's `missed` says becomes of those that nobody was there for.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, expect, it } from "vitest"
import { lateMsMax } from "../../actors/cep-rule/schedule.ts"
import { make } from "../../engine/index.ts"
import { layer } from "../../streams/index.ts"
import { chaosConfig, partitions } from "../chaos/config.ts"
import { Nodes } from "../chaos/nodes.ts"
import {
  defineSchedules,
  everyMs,
  type Policy,
  readSchedules,
  type ScheduleRuns,
} from "../chaos/schedule-rules.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"

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

const policies: ReadonlyArray<Policy> = ["skip", "once", "all"]
const kills = 5
/** Nobody is there for longer than a run may be late. */
const outageMs = lateMsMax + 4_000

const newest = ({ decided }: ScheduleRuns): number => decided.at(-1)?.due.at(-1) ?? 0

/** What is stored once desks have of every rule what was decided by then. */
const settled = Effect.fnUntraced(function* (decided: ReadonlyMap<string, ScheduleRuns>) {
  for (;;) {
    const found = yield* readSchedules([...decided.keys()])
    const isTold = ([rule, { alerts }]: readonly [string, ScheduleRuns]) =>
      [...alerts.values()].some(({ at }) => at > newest(decided.get(rule)!))
    if ([...found].every(isTold)) return found
    yield* Effect.sleep(500)
  }
})

const run = Effect.gen(function* () {
  const engine = yield* make({ partitions, incarnation: "driver", implementations: [], owns: false })
  const rules = (yield* Effect.forEach(policies, (policy) => defineSchedules(engine, policy))).flat()
  const owners = Effect.map(engine.status, ({ partitions: all }) =>
    all.map((state) => (state._tag === "Elsewhere" ? (state.node ?? "") : "")),
  )
  for (let kill = 0; kill < kills; kill++) {
    yield* Effect.sleep(1_500 + Math.random() * 1_500)
    const holding = yield* owners
    const victim = nodes.running.find(({ pid }) => holding.some((name) => name.startsWith(`node-${pid}-`)))
    if (victim === undefined) continue
    yield* Effect.promise(() => nodes.kill(victim))
    yield* Effect.promise(() => nodes.start())
  }
  const ids = rules.map(({ rule }) => rule)
  const before = yield* readSchedules(ids)
  yield* Effect.promise(() => nodes.killAll())
  yield* Effect.sleep(outageMs)
  const restartedAt = Date.now()
  yield* Effect.promise(() => nodes.start())
  yield* Effect.promise(() => nodes.start())
  for (;;) {
    const after = yield* readSchedules(ids)
    if ([...after.values()].every((one) => newest(one) > restartedAt))
      return { rules, before, after, found: yield* settled(after) }
    yield* Effect.sleep(500)
  }
})

it("decides each run once and by one node, whoever dies, and makes up for those of an outage as the rule says", {
  timeout: 180_000,
}, async () => {
  const { rules, before, after, found } = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(Layer.build(layer(chaosConfig(server.connection))), (streams) =>
        Effect.provide(run, streams),
      ),
    ),
  )
  let handedOver = 0
  for (const { rule, policy, firstAt } of rules) {
    const { decided } = after.get(rule)!
    const { stored, alerts } = found.get(rule)!
    const end = newest(after.get(rule)!)
    const ran = decided.flatMap(({ due }) => due)
    const scheduled = Array.from(
      { length: (end - firstAt) / everyMs + 1 },
      (_, nth) => firstAt + nth * everyMs,
    )
    const missed = decided.reduce((sum, one) => sum + one.missed, 0)
    handedOver += new Set(decided.map(({ node }) => node)).size - 1

    expect(ran, `${rule}: a run is decided once, in order`).toEqual(
      [...new Set(ran)].toSorted((a, b) => a - b),
    )
    expect(scheduled, `${rule}: only what is due runs`).toEqual(expect.arrayContaining(ran))
    const inLane = stored.map(({ at }) => at).filter((at) => at <= end)
    expect(inLane, `${rule}: in the lane once`).toEqual(ran)
    const told = [...alerts.values()].map(({ at }) => at).filter((at) => at <= end)
    expect(told, `${rule}: at the desk once`).toEqual(ran)
    expect(ran.length + missed, `${rule}: what did not run is counted`).toBe(scheduled.length)

    if (policy === "all") expect(ran, rule).toEqual(scheduled)
    if (policy === "once")
      expect(
        decided.every(({ due }) => due.length === 1),
        rule,
      ).toBe(true)
    if (policy === "skip")
      expect(
        decided.flatMap(({ now, due }) => due.filter((at) => at < now - lateMsMax)),
        rule,
      ).toEqual([])
    // Of the outage it leaves some out that `skip` and `once` do not make up for.
    const missedBefore = before.get(rule)!.decided.reduce((sum, one) => sum + one.missed, 0)
    expect(missed - missedBefore > 0, `${rule}: left out of the outage`).toBe(policy !== "all")
    if (policy === "skip") expect(missedBefore, `${rule}: a take-over is no outage`).toBe(0)
  }
  // Each kill moves the rules of at least one partition.
  expect(handedOver).toBeGreaterThanOrEqual(kills)
  console.info(
    `${kills} kills and an outage, ${rules.length} rules, ${handedOver} times another node went on`,
  )
})
