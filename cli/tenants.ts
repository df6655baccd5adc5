/** The tenants' own databases, brought to the shape that this version expects before its nodes start. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { migrateAllTenants, type TenantMigration } from "../resources/index.ts"
import { Failure } from "./failure.ts"
import { onPlatform } from "./platform.ts"

export const renderMigration = ({ number, of, tenant, failure }: TenantMigration): string =>
  `[${number}/${of}] ${tenant}: ${failure ?? "as it should be"}`

/** Tells each as it comes. Errors: `Failure` also when one of them failed; the others were migrated all the same. */
export const migrateTenants = Effect.fnUntraced(function* (environment: NodeJS.ProcessEnv, asJson: boolean) {
  const told = (one: TenantMigration) => Console.log(asJson ? JSON.stringify(one) : renderMigration(one))
  const done = yield* onPlatform(migrateAllTenants(told), environment)
  const failed = done.filter(({ failure }) => failure !== undefined).length
  if (failed > 0)
    return yield* new Failure({ reason: `${failed} of ${done.length} databases were not migrated` })
  if (!asJson)
    yield* Console.log(
      `the platform's database and ${done.length} databases of tenants are as they should be`,
    )
})
