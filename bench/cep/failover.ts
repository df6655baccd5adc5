/**
 * How long rules on schedules are silent when the node that holds them is killed with -9, again and again: two nodes as
 * processes, and a rule that is due each second in each partition. All of it follows from what is stored: the times at which
 * runs were due, at which they were in the lane, and at which the desk took their alerts.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { make } from "../../engine/index.ts"
import { layer } from "../../streams/index.ts"
import { chaosConfig, partitions } from "../../test/chaos/config.ts"
import { Nodes } from "../../test/chaos/nodes.ts"
import { defineSchedules, readSchedules, type ScheduleRuns } from "../../test/chaos/schedule-rules.ts"
import { testNatsServer } from "../../test/support/nats.ts"
import type { Figures } from "./in-process.ts"

/** Between two kills: another node has what the last one had, and every rule ran there. */
const betweenMs = 3_000

interface Kill {
  /** How the names of the killed node's incarnations begin. */
  readonly node: string
  readonly at: number
}

/** Between the last of these times before `at` and the first after it. */
const silence = (times: ReadonlyArray<number>, at: number): number =>
  Math.min(...times.filter((time) => time > at)) - Math.max(...times.filter((time) => time <= at))

/** Of a rule that the killed node held last: how long its lane had no run, and how late the first one was. */
const takeOver = ({ decided, stored }: ScheduleRuns, { node, at }: Kill) => {
  const holder = decided.findLast(({ now }) => now <= at)?.node
  const next = stored.find(({ storedAt }) => storedAt > at)
  if (holder?.startsWith(node) !== true || next === undefined) return []
  const times = stored.map(({ storedAt }) => storedAt)
  return [{ silentMs: silence(times, at), lateMs: next.storedAt - next.at }]
}

const spread = (name: string, values: ReadonlyArray<number>) => {
  const sorted = values.toSorted((one, other) => one - other)
  return { [`${name}P50Ms`]: sorted[Math.floor(sorted.length / 2)]!, [`${name}MaxMs`]: sorted.at(-1)! }
}

/** `silent`: 1,000 ms is what it is without a kill. */
export const failover = async (kills: number): Promise<Figures> => {
  const server = await testNatsServer()
  const nodes = new Nodes(server.connection, "cep-node.ts")
  await Promise.all([nodes.start(), nodes.start()])
  const run = Effect.gen(function* () {
    const engine = yield* make({ partitions, incarnation: "driver", implementations: [], owns: false })
    const rules = yield* defineSchedules(engine, "all")
    const killed: Array<Kill> = []
    for (let kill = 0; kill < kills; kill++) {
      yield* Effect.sleep(betweenMs)
      // The older one: the younger takes over, and then there is a new one.
      const victim = nodes.running[0]!
      yield* Effect.promise(() => nodes.kill(victim))
      killed.push({ node: `node-${victim.pid}-`, at: Date.now() })
      yield* Effect.promise(() => nodes.start())
    }
    yield* Effect.sleep(betweenMs)
    const found = yield* readSchedules(rules.map(({ rule }) => rule))
    return { killed, runs: [...found.values()] }
  })
  const { killed, runs } = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(Layer.build(layer(chaosConfig(server.connection))), (streams) =>
        Effect.provide(run, streams),
      ),
    ),
  ).finally(async () => {
    await nodes.killAll()
    await server.stop()
  })
  const taken = killed.flatMap((kill) => runs.flatMap((one) => takeOver(one, kill)))
  // The rule, its lane and the desk may have been on different nodes: of each kill the rule that was silent longest.
  const alerts = killed.map(({ at }) =>
    Math.max(
      ...runs.map((one) =>
        silence(
          [...one.alerts.values()].map(({ takenAt }) => takenAt),
          at,
        ),
      ),
    ),
  )
  return {
    kills,
    takeOvers: taken.length,
    ...spread(
      "silent",
      taken.map(({ silentMs }) => silentMs),
    ),
    ...spread(
      "late",
      taken.map(({ lateMs }) => lateMs),
    ),
    ...spread("noAlert", alerts),
  }
}
