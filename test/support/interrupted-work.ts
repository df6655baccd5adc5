/** Work for a tenant that is given up at every moment, as when a client is gone or a request's time is over. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Tenancy } from "../../resources/index.ts"

/** More turns of the event loop than the work takes, where the database is on this machine. */
const moments = 60

const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/**
 * Interrupts one work at every moment, alone and while others wait for the same connections, and afterwards has one done
 * on each of the pool's connections. Gives what these find: nothing of the interrupted ones may be left in them.
 */
export const interruptEverywhere = (connections: number) =>
  Effect.gen(function* () {
    const { within, management } = yield* Tenancy
    const work = within("a", (sql) => Effect.andThen(sql`SELECT 1 AS one`, sql`SELECT pg_sleep(0.001)`))
    for (let moment = 0; moment < moments; moment++)
      for (const others of [0, connections]) {
        const waiting = yield* Effect.forEach(Array.from({ length: others }), () => Effect.forkChild(work))
        const fiber = yield* Effect.forkChild(work)
        for (let passed = 0; passed < moment; passed++) yield* turn
        yield* Fiber.interrupt(fiber)
        for (const other of waiting.slice(0, others / 2)) yield* Fiber.interrupt(other)
        yield* Effect.forEach(waiting.slice(others / 2), Fiber.await)
      }
    const state = Effect.map(
      management<{ role: string; tenant: string }>`SELECT current_setting('role') AS role,
        coalesce(current_setting('millrace.tenant', true), '') AS tenant, pg_sleep(0.01)`,
      ([row]) => ({ role: row!.role, tenant: row!.tenant }),
    )
    return yield* Effect.all(
      Array.from({ length: connections }, () => state),
      { concurrency: "unbounded" },
    )
  })

/** A connection as it was made. */
export const untouched = { role: "none", tenant: "" }
