import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { implement } from "../../../engine/index.ts"
import { LogStore } from "../../../engine/memory/log.ts"
import { makeStores, startNode } from "../../../engine/testkit/memory-deployment.ts"
import { VirtualTime } from "../../../engine/testkit/virtual-time.ts"
import { Account, AccountProtocol } from "../../support/account.ts"

it("drops journal records past the retention that a checkpoint covers, and a new node still knows the state", () => {
  const time = new VirtualTime("retention")
  const stores = makeStores({ now: () => time.now })
  const limits = {
    checkpointEveryMs: 1_000,
    journalMarkEveryMs: 2_000,
    journalRetentionMs: 10_000,
    passivateAfterMs: 500,
  }
  const started = (incarnation: string) =>
    Effect.flatMap(implement(Account, {}), (account) =>
      startNode(stores, { partitions: 1, incarnation, implementations: [account], limits }),
    )
  const deposit = { _tag: "Deposit", amount: 1 } as const
  const program = Effect.gen(function* () {
    yield* Effect.scoped(
      Effect.gen(function* () {
        const engine = yield* started("first")
        for (let count = 0; count < 40; count++) {
          yield* engine.ask(AccountProtocol, "a", deposit, { tenant: "t" })
          yield* Effect.sleep(1_000)
        }
      }),
    )
    const kept = stores.journal.messages(0).length
    const oldest = stores.journal.messages(0)[0]!.storedAt
    const read = yield* Effect.scoped(
      Effect.flatMap(started("second"), (engine) =>
        engine.ask(AccountProtocol, "a", { _tag: "Read" }, { tenant: "t" }),
      ),
    )
    return { kept, age: time.now - oldest, read }
  })
  const exit = time.run(program)
  expect(exit._tag).toBe("Success")
  if (exit._tag !== "Success") return
  expect(exit.value.read).toEqual({ balance: 40, handled: 40 })
  expect(exit.value.kept).toBeLessThan(25)
  expect(exit.value.age).toBeGreaterThan(9_000)
})

it("drops what a checkpoint covers when the journal is full, rather than stop, also for a new owner", () => {
  const time = new VirtualTime("full journal")
  const now = () => time.now
  const stores = { ...makeStores({ now }), journal: new LogStore({ now, messagesMax: 40 }) }
  const limits = { checkpointEveryMs: 500 }
  const started = (incarnation: string) =>
    Effect.flatMap(implement(Account, {}), (account) =>
      startNode(stores, { partitions: 1, incarnation, implementations: [account], limits }),
    )
  const deposits = (incarnation: string) =>
    Effect.scoped(
      Effect.gen(function* () {
        const engine = yield* started(incarnation)
        let handled = 0
        for (let count = 0; count < 100; count++) {
          const reply = yield* engine.ask(
            AccountProtocol,
            "a",
            { _tag: "Deposit", amount: 1 },
            { tenant: "t" },
          )
          handled = reply.handled
          yield* Effect.sleep(100)
        }
        return handled
      }),
    )
  const exit = time.run(Effect.andThen(deposits("first"), deposits("second")))
  expect(exit).toMatchObject({ _tag: "Success", value: 200 })
})
