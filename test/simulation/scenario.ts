/**
 * One simulated run: a storm with clients working through it, then calm, then every promise checked against the
 * journals and against what a freshly started node says. Everything follows from the seed.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { makeStores, type Stores } from "../../engine/testkit/memory-deployment.ts"
import { VirtualTime } from "../../engine/testkit/virtual-time.ts"
import { checkOperations, foldJournals } from "./checker.ts"
import { actors, client, type Operation } from "./clients.ts"
import { LedgerProtocol } from "./ledger.ts"
import { World } from "./world.ts"

export interface Report {
  readonly seed: string
  readonly violations: ReadonlyArray<string>
  readonly operations: number
  readonly definite: number
  readonly crashes: number
  readonly freezes: number
  readonly virtualSeconds: number
}

/** Breaks one of the guarantees that the engine builds on, to prove that the checkers notice. */
export type Sabotage = (stores: Stores) => void

const clients = 4
const operationsEach = 14
/** After the storm all must be quiet within this virtual time. */
const settleMs = 120_000

export const simulate = (seed: string, sabotage?: Sabotage): Report => {
  const time = new VirtualTime(seed)
  const start = time.now
  const stores = makeStores({ now: () => time.now, dropsRepeats: time.random.next() < 0.5 })
  sabotage?.(stores)
  const world = new World(time, stores)
  const operations: Array<Operation> = []
  const violations: Array<string> = []

  const readAll = Effect.gen(function* () {
    const logs = new Map<string, { readonly balance: number; readonly log: ReadonlyArray<string> }>()
    for (const actor of actors) {
      for (;;) {
        const node = world.pick()
        const read =
          node === undefined
            ? undefined
            : yield* Effect.result(node.engine.ask(LedgerProtocol, actor, { _tag: "Read" }, { tenant: "t" }))
        if (read?._tag === "Success") {
          logs.set(actor, read.success)
          break
        }
        yield* time.sleep(300)
      }
    }
    return logs
  })

  const scenario = Effect.gen(function* () {
    const keeper = yield* Effect.forkChild(world.keep)
    yield* Effect.forkScoped(world.disturb)
    const storm = yield* Effect.forkChild(
      Effect.forEach(
        Array.from({ length: clients }, (_, index) => index),
        (index) => client(world, index, operationsEach, (operation) => operations.push(operation)),
        { concurrency: "unbounded", discard: true },
      ),
    )
    yield* Effect.raceFirst(Fiber.await(storm), time.sleep(90_000))
    world.settle()
    yield* Fiber.join(storm)
    const deadline = time.now + settleMs
    let open = ["nothing was read"]
    while (open.length > 0 && time.now < deadline) {
      yield* time.sleep(2_000)
      yield* readAll
      const { states } = foldJournals(stores)
      open = [...checkOperations(states, operations)]
    }
    world.crashAll()
    yield* time.sleep(5_000)
    const folded = foldJournals(stores)
    violations.push(...folded.violations, ...checkOperations(folded.states, operations))
    for (const [actor, read] of yield* readAll) {
      const expected = folded.states.get(`t/ledger/${actor}`)
      if ((expected?.log ?? []).join() !== read.log.join() || (expected?.balance ?? 0) !== read.balance) {
        violations.push(
          `actor ${actor} says ${JSON.stringify(read)}, its journal ${JSON.stringify(expected)}`,
        )
      }
    }
    yield* Fiber.interrupt(keeper)
  })

  // A partition heals from a mistake of the engine by starting anew: only its log tells. Outages are no mistakes.
  const healed = Logger.make(({ message, cause }) => {
    const defects = cause.reasons.filter(({ _tag }) => _tag === "Die")
    if (defects.length > 0) violations.push(`healed from a defect: ${message}: ${Cause.pretty(cause)}`)
  })

  try {
    const exit = time.run(
      Effect.scoped(
        Effect.timeoutOrElse(scenario, { duration: 600_000, orElse: () => Effect.die("did not settle") }),
      ).pipe(
        Effect.provide(Logger.layer([healed])),
        Effect.provideService(References.MinimumLogLevel, "Error"),
      ),
    )
    if (exit._tag === "Failure") violations.push(`the run failed: ${Cause.pretty(exit.cause)}`)
  } catch (thrown) {
    violations.push(
      `the run broke: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
    )
  }
  return {
    seed,
    violations,
    operations: operations.length,
    definite: operations.filter(({ knowledge }) => knowledge !== "unknown").length,
    crashes: world.crashes,
    freezes: world.freezes,
    virtualSeconds: Math.round((time.now - start) / 1_000),
  }
}
