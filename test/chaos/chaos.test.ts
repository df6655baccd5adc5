/**
 * Real processes under real signals: nodes are killed and stopped at random while numbered transfers run between
 * accounts, then the server itself. Length by `CHAOS_SECONDS` (default 60).
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type EngineShape, make } from "../../engine/index.ts"
import { layer } from "../../streams/index.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { accounts, chaosConfig, opening, partitions } from "./config.ts"
import { readBooks } from "./journal-check.ts"
import { Nodes } from "./nodes.ts"
import { client, type Load, makeLoad, open, readAll } from "./transfers.ts"

const seconds = Number(process.env.CHAOS_SECONDS ?? 60)
const clients = 48
let server: TestNatsServer
let nodes: Nodes
/** The accounts outlive the first test; their opening keys, among the last thousand of each, may not. */
let opened = false

beforeAll(async () => {
  server = await testNatsServer({ sync: "always" })
  nodes = new Nodes(server.connection)
  await Promise.all([nodes.start(), nodes.start()])
})

afterAll(async () => {
  await nodes?.killAll()
  await server?.stop()
})

const pause = (ms: number) => Effect.sleep(ms)

/** Kills, stops and resumes nodes until the time is over; one stop lasts longer than any patience of the others. */
const disturb = Effect.gen(function* () {
  const until = Date.now() + seconds * 1_000
  let kills = 0
  let stops = 0
  const long = Math.min(30_000, seconds * 500)
  const [frozen] = nodes.running
  frozen!.kill("SIGSTOP")
  yield* Effect.promise(() => nodes.start())
  const thaw = yield* Effect.forkChild(
    Effect.andThen(
      pause(long),
      Effect.sync(() => frozen!.kill("SIGCONT")),
    ),
  )
  while (Date.now() < until) {
    yield* pause(500 + Math.random() * 2_500)
    const awake = nodes.running.filter((child) => child !== frozen)
    const victim = awake[Math.floor(Math.random() * awake.length)]!
    if (Math.random() < 0.6) {
      yield* Effect.promise(() => nodes.kill(victim))
      yield* Effect.promise(() => nodes.start())
      kills += 1
    } else {
      victim.kill("SIGSTOP")
      yield* pause(500 + Math.random() * 4_000)
      victim.kill("SIGCONT")
      stops += 1
    }
  }
  yield* Fiber.join(thaw)
  return { kills, stops }
})

const killServer = Effect.gen(function* () {
  for (let round = 0; round < 3; round++) {
    yield* pause(2_000)
    yield* Effect.promise(() => server.kill("SIGKILL"))
    yield* pause(500)
    yield* Effect.promise(() => server.restart())
  }
  yield* pause(2_000)
})

const underLoad = <A>(trouble: (engine: EngineShape) => Effect.Effect<A>) =>
  Effect.gen(function* () {
    const streams = yield* Layer.build(layer(chaosConfig(server.connection)))
    const engine = yield* make({
      partitions,
      incarnation: `driver-${Date.now()}`,
      implementations: [],
      owns: false,
    }).pipe(Effect.provide(streams))
    if (!opened) yield* open(engine, opening)
    opened = true
    const load = makeLoad()
    const first = Date.now()
    const running = yield* Effect.forkChild(
      Effect.forEach(
        Array.from({ length: clients }, (_, index) => index),
        (index) => client(engine, load, first + index),
        { concurrency: "unbounded", discard: true },
      ),
    )
    const outcome = yield* trouble(engine)
    load.stop = true
    yield* Fiber.join(running)
    const reads = yield* settled(engine)
    const books = yield* Effect.provide(readBooks, streams)
    return { outcome, load, reads, books }
  }).pipe(Effect.scoped)

/** Reads the accounts again and again until nothing is on its way any more. */
const settled = Effect.fnUntraced(function* (engine: EngineShape) {
  for (;;) {
    const reads = yield* readAll(engine)
    const sum = reads.reduce((total, [, { balance }]) => total + balance, 0)
    if (sum === accounts * opening) return reads
    yield* pause(200)
  }
})

const verify = (load: Load, run: Effect.Success<ReturnType<typeof underLoad>>) => {
  const { books, reads } = run
  expect(books.violations).toEqual([])
  expect(load.accepted.size).toBeGreaterThan(100)
  const wrong = [...load.accepted].filter((id) => books.sent.get(id) !== 1 || books.received.get(id) !== 1)
  expect(wrong, "accepted transfers that were not sent and received exactly once").toEqual([])
  expect(
    [...load.rejected].filter((id) => books.sent.has(id)),
    "rejected transfers that were sent",
  ).toEqual([])
  const twice = [...books.sent, ...books.received].filter(([, count]) => count !== 1)
  expect(twice, "transfers that happened more than once").toEqual([])
  for (const [account, { balance }] of reads) expect(books.balances.get(account), account).toBe(balance)
}

it("conserves sums and applies every accepted transfer exactly once while nodes are killed and stopped", {
  timeout: (seconds + 120) * 1_000,
}, async () => {
  const run = await Effect.runPromise(underLoad(() => disturb))
  verify(run.load, run)
  const { kills, stops } = run.outcome
  console.info(
    `chaos: ${run.load.accepted.size} transfers, ${kills} kills, ${stops} stops, ${run.books.owners} ownerships, ${run.books.entries} entries`,
  )
})

it("loses nothing accepted when the server is killed under load", { timeout: 180_000 }, async () => {
  const run = await Effect.runPromise(underLoad(() => killServer))
  verify(run.load, run)
  console.info(`server killed 3 times: ${run.load.accepted.size} transfers`)
})
