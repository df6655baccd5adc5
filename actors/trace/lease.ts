/**
 * Says which node should project, so that only one does the work. A row with a heartbeat in the very database that is
 * written: whoever shares a database shares the work. Only a hint; the positions are the fence.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

const name = "trace"

/** True when the lease is now this holder's for `leaseMs`, by the database's clock. */
export const hold = (sql: SqlClient, holder: string, leaseMs: number): Effect.Effect<boolean, SqlError> =>
  sql`INSERT INTO projection_leases (name, holder, expires_at)
    VALUES (${name}, ${holder}, now() + ${leaseMs}::float8 * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
    WHERE projection_leases.holder = EXCLUDED.holder OR projection_leases.expires_at < now()
    RETURNING holder`.pipe(Effect.map((rows) => rows.length > 0))

/** Gives the lease up, so that another node need not wait for its end. */
export const release = (sql: SqlClient, holder: string) =>
  sql`DELETE FROM projection_leases WHERE name = ${name} AND holder = ${holder}`

/** Runs `work` while the lease is held; interrupts it when it is lost, and waits for the lease again. For ever. */
export const whileHeld = (
  sql: SqlClient,
  options: { readonly holder: string; readonly leaseMs: number },
  work: Effect.Effect<never>,
): Effect.Effect<never> => {
  const { holder, leaseMs } = options
  const tryHold = Effect.catch(hold(sql, holder, leaseMs), () => Effect.succeed(false))
  const pause = Effect.sleep(leaseMs / 3)
  const until = (wanted: boolean): Effect.Effect<void> =>
    Effect.flatMap(tryHold, (held) => (held === wanted ? Effect.void : Effect.andThen(pause, until(wanted))))
  const held = Effect.raceFirst(Effect.andThen(pause, until(false)), work)
  return Effect.forever(Effect.andThen(until(true), held)).pipe(
    Effect.ensuring(Effect.ignore(release(sql, holder))),
  )
}
