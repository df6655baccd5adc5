/**
 * Counts the gateway's calls and who made them. In memory first, then added to the sums every few seconds: a node that is
 * killed loses what it counted since, and a flush whose outcome is unknown may count twice. No ledger.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { SqlClient } from "effect/sql/SqlClient"
import { PlatformSettings, TenantPlaces } from "../../resources/index.ts"
import { addDaily, type Daily } from "./daily.ts"
import { dayOf } from "./entries.ts"
import { statisticsLimits as limits } from "./limits.ts"

const dayMs = 24 * 3_600_000

export interface CallCounterService {
  /** Costs a look-up or two; never fails. `userId` may be empty. */
  readonly count: (tenant: string, userId: string) => void
  readonly flush: Effect.Effect<void>
}

interface Sum extends Omit<Daily, "value"> {
  value: number
}

/** The sums that wait. `dropped`: calls that found no room. */
export class WaitingCalls {
  #sums = new Map<string, Sum>()
  dropped = 0

  add(tenant: string, day: string, metric: Daily["metric"], dimension: string, value = 1): void {
    const place = `${day}/${metric}/${tenant}/${dimension}`
    const sum = this.#sums.get(place)
    if (sum !== undefined) sum.value += value
    else if (this.#sums.size < limits.waitingMax)
      this.#sums.set(place, { tenant, day, metric, dimension, value })
    else this.dropped += value
  }

  take(): ReadonlyArray<Daily> {
    const taken = [...this.#sums.values()]
    this.#sums = new Map()
    return taken
  }
}

/** What people set ends the sums of their tenant, a day at a time. */
const prune = Effect.fnUntraced(function* (sql: SqlClient) {
  const [{ register }, settings] = [yield* TenantPlaces, yield* PlatformSettings]
  for (const { id } of register.all) {
    const days = yield* settings.get(id, "statistics.retention_days")
    const before = dayOf((yield* Clock.currentTimeMillis) - days * dayMs)
    yield* sql`DELETE FROM statistics_daily WHERE tenant = ${id} AND day < ${before}::text::date
      AND metric IN ('sessions', 'api_calls', 'active')`
  }
})

const make = Effect.gen(function* () {
  const [sql, clock] = [yield* SqlClient, yield* Clock.Clock]
  const waiting = new WaitingCalls()
  const turn = Semaphore.makeUnsafe(1)

  const writeSlices = Effect.fnUntraced(function* (rows: ReadonlyArray<Daily>) {
    for (let from = 0; from < rows.length; from += limits.flushSlice) {
      const slice = rows.slice(from, from + limits.flushSlice)
      yield* addDaily(sql, slice).pipe(
        Effect.catch((error) =>
          Effect.andThen(
            Effect.logWarning("calls are counted later: the statistics cannot be written", error),
            Effect.sync(() => {
              for (const { tenant, day, metric, dimension, value } of slice)
                waiting.add(tenant, day, metric, dimension, value)
            }),
          ),
        ),
      )
    }
  })
  const flush = Effect.suspend(() => writeSlices(waiting.take())).pipe(
    turn.withPermits(1),
    Effect.withTracerEnabled(false),
  )
  yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(flush, limits.stopMs)))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(limits.flushEveryMs), flush)))
  const pruning = Effect.catch(prune(sql), (error) =>
    Effect.logWarning("the statistics could not be pruned", error),
  )
  yield* Effect.forkScoped(
    Effect.withTracerEnabled(
      Effect.forever(Effect.andThen(Effect.sleep(limits.pruneEveryMs), pruning)),
      false,
    ),
  )
  // A day's text costs more than all else of a call, and changes once a day.
  let [day, dayBegan] = ["", 0]
  return CallCounter.of({
    count: (tenant, userId) => {
      const now = clock.currentTimeMillisUnsafe()
      if (now < dayBegan || now >= dayBegan + dayMs) {
        dayBegan = now - (now % dayMs)
        day = dayOf(now)
      }
      waiting.add(tenant, day, "api_calls", "")
      if (userId !== "") waiting.add(tenant, day, "active", userId)
    },
    flush,
  })
})

export class CallCounter extends Context.Service<CallCounter, CallCounterService>()(
  "millrace/actors/CallCounter",
) {
  /** After the projection of traces has made its tables. */
  static readonly layer = Layer.effect(CallCounter, make)
}
