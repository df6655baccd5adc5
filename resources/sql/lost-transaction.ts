/**
 * Makes a transaction whose connection was lost fail like any other statement. effect's client rolls back
 * on the lost connection, and that failure is a defect which hides the error and escapes every retry.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"

const isLost = (defect: unknown): defect is SqlError =>
  isSqlError(defect) && defect.reason._tag === "ConnectionError"

/** The lost connection among the defects; an interruption stays one. */
const lostConnection = (cause: Cause.Cause<unknown>): SqlError | undefined => {
  if (Cause.hasInterrupts(cause)) return undefined
  return cause.reasons.flatMap((reason) => (Cause.isDieReason(reason) ? [reason.defect] : [])).find(isLost)
}

/** The same client, whose `withTransaction` fails with the `SqlError` when the connection is lost. */
export const failLostTransactions = (client: PgClient): PgClient => {
  const { withTransaction } = client
  return Object.assign(client, {
    withTransaction: <R, E, A>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
      Effect.catchCause(withTransaction(work), (cause) => {
        const lost = lostConnection(cause)
        return lost === undefined ? Effect.failCause(cause) : Effect.fail(lost)
      }),
  })
}
