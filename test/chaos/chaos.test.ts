/**
 * Real processes under real signals: nodes are killed and stopped at random while numbered transfers run between
 * accounts, then the server itself. Length by `CHAOS_SECONDS` (default 60).
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { afterAll, beforeAll, it } from "vitest"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { Nodes } from "./nodes.ts"
import { underLoad, verify } from "./run.ts"

const seconds = Number(process.env.CHAOS_SECONDS ?? 60)
let server: TestNatsServer
let nodes: Nodes

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

it("conserves sums and applies every accepted transfer exactly once while nodes are killed and stopped", {
  timeout: (seconds + 120) * 1_000,
}, async () => {
  const run = await Effect.runPromise(underLoad(server.connection, true, disturb))
  verify(run)
  const { kills, stops } = run.outcome
  console.info(
    `chaos: ${run.load.accepted.size} transfers, ${kills} kills, ${stops} stops, ${run.books.owners} ownerships, ${run.books.entries} entries`,
  )
})

it("loses nothing accepted when the server is killed under load", { timeout: 180_000 }, async () => {
  const run = await Effect.runPromise(underLoad(server.connection, false, killServer))
  verify(run)
  console.info(`server killed 3 times: ${run.load.accepted.size} transfers`)
})
