/**
 * `npm run bench:failover -- [--rounds N]`: two nodes as processes, one is killed with -9, again and again. Measured is
 * the time from the kill to the first answer of a command that was sent after it, per partition of the killed node.
 */
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Address, type EngineShape, make } from "../../engine/index.ts"
import { layer } from "../../streams/index.ts"
import { chaosConfig, partitions } from "../../test/chaos/config.ts"
import { Nodes } from "../../test/chaos/nodes.ts"
import { AccountProtocol } from "../../test/support/account.ts"
import { testNatsServer } from "../../test/support/nats.ts"

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "20" }, json: { type: "boolean" } },
})
const rounds = Number(values.rounds)

/** One account per partition. */
const keys = Array.from({ length: partitions }, (_, partition) => {
  for (let number = 0; ; number++) {
    if (Address.partitionOf(`bench/account/p${number}`, partitions) === partition) return `p${number}`
  }
})

const owners = (engine: EngineShape) =>
  Effect.map(engine.status, ({ partitions }) =>
    partitions.map((state) => (state._tag === "Elsewhere" ? state.node : undefined)),
  )

const settled = Effect.fnUntraced(function* (engine: EngineShape) {
  for (;;) {
    const status = yield* engine.status
    const found = yield* owners(engine)
    if (status.members.length === 3 && new Set(found).size === 2 && !found.includes(undefined)) return found
    yield* Effect.sleep(50)
  }
})

const firstAnswer = Effect.fnUntraced(function* (engine: EngineShape, key: string, since: number) {
  for (;;) {
    const result = yield* Effect.result(
      engine.ask(
        AccountProtocol,
        key,
        { _tag: "Deposit", amount: 1 },
        { tenant: "bench", timeoutMs: 10_000 },
      ),
    )
    if (result._tag === "Success") return performance.now() - since
    yield* Effect.sleep(10)
  }
})

const server = await testNatsServer({ sync: "always" })
const nodes = new Nodes(server.connection)
await Promise.all([nodes.start(), nodes.start()])

const program = Effect.gen(function* () {
  const streams = yield* Layer.build(layer(chaosConfig(server.connection)))
  const engine = yield* make({ partitions, incarnation: "driver", implementations: [], owns: false }).pipe(
    Effect.provide(streams),
  )
  const times: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const found = yield* settled(engine)
    for (const key of keys) yield* firstAnswer(engine, key, performance.now())
    const victim = nodes.running[0]!
    const name = `node-${victim.pid}-`
    const at = performance.now()
    const killed = nodes.kill(victim)
    const concerned = keys.filter((_, partition) => found[partition]?.startsWith(name))
    times.push(
      ...(yield* Effect.forEach(concerned, (key) => firstAnswer(engine, key, at), {
        concurrency: "unbounded",
      })),
    )
    yield* Effect.promise(async () => {
      await killed
      await nodes.start()
    })
  }
  return times.sort((left, right) => left - right)
})

const times = await Effect.runPromise(Effect.scoped(program))
const at = (quantile: number) =>
  Math.round(times[Math.min(times.length - 1, Math.floor(times.length * quantile))]!)
const figures = { rounds, takeovers: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
console.log(
  values.json === true ? JSON.stringify(figures) : `kill -9 to the next answer: ${JSON.stringify(figures)}`,
)
await nodes.killAll()
await server.stop()
process.exit()
