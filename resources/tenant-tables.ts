/** Every set of tables that has tenants' rows, in the order in which they are made. */
import { auditMigrations } from "./audit/migrations.ts"
import type { TenantTables } from "./tenants/prepare.ts"

export const tenantTables: ReadonlyArray<TenantTables> = [{ set: "audit", migrations: auditMigrations }]
