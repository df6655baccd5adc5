/** Every set of tables that has tenants' rows: those of the resources, and the projections that actors keep. */
import { type TenantTables, tenantTables } from "../resources/index.ts"
import { agentMigrations } from "./agent/index/migrations.ts"
import { agentSecrets } from "./agent/index/sealed.ts"
import { agentEmbeddingMigrations } from "./agent/recommend/migrations.ts"
import { alertMigrations } from "./alert-desk/index/migrations.ts"
import { ruleMigrations } from "./cep-rule/index/migrations.ts"
import { chatMigrations } from "./chat-session/index/migrations.ts"
import { notificationMigrations } from "./notification/index/migrations.ts"
import { channelSecrets } from "./notification/index/sealed.ts"
import { taskMigrations } from "./task/index/migrations.ts"

export const platformTables: ReadonlyArray<TenantTables> = [
  ...tenantTables,
  { set: "agents", migrations: agentMigrations, sealed: agentSecrets },
  { set: "agent-embeddings", migrations: agentEmbeddingMigrations },
  { set: "cep-rules", migrations: ruleMigrations },
  { set: "alerts", migrations: alertMigrations },
  { set: "chat", migrations: chatMigrations },
  { set: "cep-notifications", migrations: notificationMigrations, sealed: channelSecrets },
  { set: "tasks", migrations: taskMigrations },
]
