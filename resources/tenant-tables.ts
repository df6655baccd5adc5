/** Every set of tables that has tenants' rows, in the order in which they are made. */
import { auditMigrations } from "./audit/migrations.ts"
import { credentialManagementMigrations, credentialMigrations } from "./credentials/migrations.ts"
import type { TenantTables } from "./tenants/prepare.ts"

export const tenantTables: ReadonlyArray<TenantTables> = [
  { set: "audit", migrations: auditMigrations },
  { set: "credentials", migrations: credentialMigrations },
  { set: "credentials-management", migrations: credentialManagementMigrations },
]
