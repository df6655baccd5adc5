/** Says whether a tenant can have its own database at an address, before anything of it is stored. */
import * as Effect from "effect/Effect"
import { type Refused, refuse } from "../refusal.ts"
import type { DatabaseMode } from "../sql/database.ts"
import { maskText } from "../tracing/masking.ts"
import { tenantLimits } from "./limits.ts"
import { openOwnDatabase } from "./own-databases.ts"
import type { TenantTables } from "./prepare.ts"

const field = "database_url"

const isAddress = (url: string): boolean => {
  if (url.length > tenantLimits.databaseUrlCharactersMax || !URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return (protocol === "postgres:" || protocol === "postgresql:") && hostname !== ""
}

/** The messages of drivers tell little by themselves: those of their causes belong to them. */
const reasonOf = (failure: unknown): string => {
  const texts: Array<string> = []
  for (let error = failure, depth = 0; error instanceof Error && depth < 6; depth += 1) {
    if (!texts.includes(error.message)) texts.push(error.message)
    const { reason } = error as { readonly reason?: unknown }
    error = reason instanceof Error ? reason : error.cause
  }
  return maskText(texts.join(": ") || String(failure)).slice(0, 500)
}

/** Connects, makes the tables and claims the database: what fails is said, and nothing of the tenant exists. */
export const checkAddress = Effect.fnUntraced(function* (
  mode: DatabaseMode,
  tenant: string,
  url: string,
  tables: ReadonlyArray<TenantTables>,
): Effect.fn.Return<void, Refused> {
  if (mode === "embedded")
    return yield* refuse("invalid", "TEN_DB_001", "An embedded database has no others beside it.", {
      field,
      remedy: "run the platform on a PostgreSQL: set DATABASE_URL",
    })
  if (!isAddress(url))
    return yield* refuse("malformed", "TEN_DB_002", "This is no address of a PostgreSQL database.", {
      field,
      remedy: "give it as postgres://user:password@host:5432/database",
    })
  yield* Effect.scoped(openOwnDatabase(tenant, url, tables)).pipe(
    Effect.timeout(tenantLimits.openMs),
    Effect.catchCause((cause) => {
      const failure = cause.reasons.find((reason) => "error" in reason || "defect" in reason)
      const error =
        failure === undefined
          ? cause
          : "error" in failure
            ? failure.error
            : (failure as { defect: unknown }).defect
      return Effect.fail(
        refuse("invalid", "TEN_DB_003", "The tenant's database cannot be used; nothing was stored.", {
          field,
          reason: reasonOf(error),
          remedy: "correct the address, or what the reason names, and try again",
        }),
      )
    }),
  )
})
