/** One chaos run: accounts are opened, clients transfer between them while trouble is made, and the books are checked. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { expect } from "vitest"
import { type EngineShape, make } from "../../engine/index.ts"
import { layer } from "../../streams/index.ts"
import { accounts, type ChaosConnection, chaosConfig, opening, partitions } from "./config.ts"
import { readBooks } from "./journal-check.ts"
import { client, makeLoad, open, readAll } from "./transfers.ts"

const clients = 48

/** `fresh` opens the accounts: they outlive a run, while their opening keys, among a thousand of each, may not. */
export const underLoad = <A>(connection: ChaosConnection, fresh: boolean, trouble: Effect.Effect<A>) =>
  Effect.gen(function* () {
    const streams = yield* Layer.build(layer(chaosConfig(connection)))
    const engine = yield* make({
      partitions,
      incarnation: `driver-${Date.now()}`,
      implementations: [],
      owns: false,
    }).pipe(Effect.provide(streams))
    if (fresh) yield* open(engine, opening)
    const load = makeLoad()
    const first = Date.now()
    const running = yield* Effect.forkChild(
      Effect.forEach(
        Array.from({ length: clients }, (_, index) => index),
        (index) => client(engine, load, first + index),
        { concurrency: "unbounded", discard: true },
      ),
    )
    const outcome = yield* trouble
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
    yield* Effect.sleep(200)
  }
})

export const verify = ({ books, load, reads }: Effect.Success<ReturnType<typeof underLoad>>) => {
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
