/** Brings the tables of every tenant's own database to their shape, one after another; one that fails stops no other. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { TenantPlaces } from "./tenancy.ts"

export interface TenantMigration {
  readonly tenant: string
  /** From 1, of `of`. */
  readonly number: number
  readonly of: number
  /** Why it failed; absent when its tables are as they should be. */
  readonly failure?: string
}

/**
 * The management database is migrated when `Tenancy` is built. Answers one result per own database; `progress` is told
 * each as it comes. Idempotent.
 */
export const migrateAllTenants = Effect.fn("Tenants.migrateAll")(function* (
  progress: (migrated: TenantMigration) => Effect.Effect<void>,
): Effect.fn.Return<ReadonlyArray<TenantMigration>, SqlError, TenantPlaces> {
  const { register, databases } = yield* TenantPlaces
  yield* register.load
  const own = [...register.all].filter(({ database_url }) => database_url !== null)
  return yield* Effect.forEach(own, ({ id }, index) =>
    Effect.scoped(databases.get(id)).pipe(
      Effect.match({
        onSuccess: (): TenantMigration => ({ tenant: id, number: index + 1, of: own.length }),
        onFailure: ({ message }): TenantMigration => ({
          tenant: id,
          number: index + 1,
          of: own.length,
          failure: message,
        }),
      }),
      Effect.tap(progress),
      Effect.tap(() => databases.forget(id)),
    ),
  )
})
