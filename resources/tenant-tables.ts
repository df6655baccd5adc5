/** Every set of tables that has tenants' rows, in the order in which they are made. */
import { auditMigrations } from "./audit/migrations.ts"
import { credentialManagementMigrations, credentialMigrations } from "./credentials/migrations.ts"
import { directoryManagementMigrations, directoryMigrations } from "./directory/migrations.ts"
import { idempotencyMigrations } from "./idempotency/migrations.ts"
import { llmMigrations } from "./llm/migrations.ts"
import { llmModelMigrations } from "./llm-models/migrations.ts"
import { settingMigrations } from "./platform-settings/migrations.ts"
import type { TenantTables } from "./tenants/prepare.ts"

export const tenantTables: ReadonlyArray<TenantTables> = [
  { set: "audit", migrations: auditMigrations },
  { set: "settings", migrations: settingMigrations },
  { set: "directory", migrations: directoryMigrations },
  { set: "directory-management", migrations: directoryManagementMigrations },
  { set: "credentials", migrations: credentialMigrations },
  { set: "credentials-management", migrations: credentialManagementMigrations },
  { set: "llm-models", migrations: llmModelMigrations },
  { set: "llm-usage", migrations: llmMigrations },
  { set: "idempotency", migrations: idempotencyMigrations },
]
