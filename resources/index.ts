/** What other folders may use of the outside world: embedded by default, real services by configuration. */
export { anchorAudits, auditAnchorsLayer } from "./audit/anchors.ts"
export { auditLimits } from "./audit/limits.ts"
export { type AuditSearch, auditPage, auditStream } from "./audit/read.ts"
export {
  type AuditEntry,
  type Change,
  type ChangedBy,
  recordChanges,
} from "./audit/record.ts"
export { type AuditVerdict, verifyAudit } from "./audit/verify.ts"
export { Changes, type ChangesService } from "./changes/changes.ts"
export { Kept, type KeptLimits, keptOr, keptUnder } from "./changes/kept.ts"
export { apiKeyMark } from "./credentials/api-key-text.ts"
export { type ApiKey, ApiKeys, apiKeySession, type KnownApiKey } from "./credentials/api-keys.ts"
export { hashOf, randomSecret } from "./credentials/hash.ts"
export { credentialsLayer } from "./credentials/layer.ts"
export { type CredentialLimits, defaultCredentialLimits } from "./credentials/limits.ts"
export { type LoginAttempt, LoginAttempts } from "./credentials/login-attempts.ts"
export { type LoggedIn, LoginSessions, loginTopic } from "./credentials/login-sessions.ts"
export { SigningKeys, signingAlgorithm } from "./credentials/signing-keys.ts"
export { accessTopic } from "./directory/change.ts"
export {
  type Access,
  type Claims,
  Directory,
  type DirectoryService,
  type Group,
  type Page,
  type PageOf,
  type Role,
  type User,
  type UserSearch,
} from "./directory/directory.ts"
export type { DirectoryOptions } from "./directory/make.ts"
export { narrowed } from "./directory/rights.ts"
export { type AllowList, nothingAllowed, parseAllowList } from "./egress/addresses.ts"
export {
  Egress,
  type EgressConfig,
  type EgressFetch,
  type EgressLimits,
  type EgressService,
} from "./egress/egress.ts"
export { EgressRefused } from "./egress/refused.ts"
export { collectHostMetrics, type HostMetricsOptions } from "./host-metrics/collector.ts"
export {
  beginKeyedRequest,
  forgetKey,
  type KeptAnswer,
  keepAnswer,
  keptAnswerLimits,
} from "./idempotency/kept-answers.ts"
export type { Outcome as BreakerOutcome } from "./llm/breaker.ts"
export { Breakers } from "./llm/breakers.ts"
export type { Budget, BudgetLimit } from "./llm/budgets.ts"
export type {
  Answered,
  ChatRequest,
  Completion,
  EmbeddingRequest,
  Embeddings,
  LlmCall,
  LlmCaller,
  Piece,
  Usage,
} from "./llm/call.ts"
export { modelCheckerLayer } from "./llm/checker.ts"
export { lexicalDimensions, lexicalModel, lexicalVector } from "./llm/lexical/embedding.ts"
export { isHangul, type Word, wordsOf } from "./llm/lexical/words.ts"
export { type LlmLimits, llmLimits } from "./llm/limits.ts"
export { Llm, type LlmService } from "./llm/llm.ts"
export { retryAfterMs, retryDelayMs } from "./llm/retry.ts"
export { LlmUsage, type LlmUsageService } from "./llm/usage.ts"
export type { UsageGroup, UsageRow } from "./llm/usage-report.ts"
export { ModelChecker, type ModelCheckerService } from "./llm-models/checker.ts"
export { llmModelsLayer } from "./llm-models/layer.ts"
export { llmModelLimits } from "./llm-models/limits.ts"
export {
  type AccessibleModel,
  type BatchDifference,
  type BatchResult,
  type KeptModel,
  LlmModels,
  type LlmModelsService,
  llmModelsTopic,
  type ModelChange,
  type ModelSearch,
  type NewGrant,
  type NewModel,
  type Requester,
} from "./llm-models/llm-models.ts"
export type {
  CallableModel,
  Health,
  HealthStatus,
  Model,
  ModelCaller,
  ModelPermission,
  Price,
  Provider,
  Right,
} from "./llm-models/model.ts"
export { type LogConfig, logLimits, readLogConfig } from "./log/config.ts"
export { NodeLog, type NodeLogFigures, type NodeLogShape, nodeLogLayer } from "./log/node-log.ts"
export { type MailConfig, Mailer, type MailService } from "./mail/mail.ts"
export { parseSmtpUrl } from "./mail/smtp-url.ts"
export { type ClusterStartOptions, startNatsCluster } from "./nats-server/cluster.ts"
export type { SyncMode } from "./nats-server/configuration.ts"
export {
  NatsClusterRefused,
  NatsServerStartFailed,
  NatsServerUnavailable,
  NatsStoreInUse,
} from "./nats-server/errors.ts"
export { type KeepOptions, type KeptNatsServer, keepNatsServer } from "./nats-server/keep.ts"
export {
  type NatsServerSource,
  type ObtainedNatsServer,
  type ObtainOptions,
  obtainNatsServer,
} from "./nats-server/obtain.ts"
export {
  type RunningNatsServer,
  type ServerAddress,
  type StartOptions,
  startNatsServer,
} from "./nats-server/server.ts"
export { natsServerVersions } from "./nats-server/versions.ts"
export { PlatformSettings, type SettingCategory } from "./platform-settings/platform-settings.ts"
export { rateLimitBounds } from "./rate-limit/bounds.ts"
export type { RateDecision, RatePolicy, RateQuestion } from "./rate-limit/policy.ts"
export { type RateLimitFigures, RateLimits } from "./rate-limit/rate-limits.ts"
export { type RefusalReason, Refused, refuse } from "./refusal.ts"
export { type Resealed, resealAll } from "./reseal/reseal.ts"
export { type SealedReport, sealedRows } from "./reseal/sealed-rows.ts"
export { BadSecretKeys, readSecretKeys } from "./secrets/secret-keys.ts"
export { type SecretKey, Secrets, type SecretsService, SecretUnreadable } from "./secrets/secrets.ts"
export { timedSignature } from "./secrets/timed-signature.ts"
export {
  Database,
  type DatabaseConfig,
  type DatabaseHealth,
  type DatabaseMode,
  type DatabaseServices,
} from "./sql/database.ts"
export {
  type DatabaseError,
  DatabaseLocked,
  DatabaseUnavailable,
  MigrationChanged,
  type MigrationError,
  MigrationFailed,
  MigrationOutOfOrder,
} from "./sql/errors.ts"
export { type MigrateOptions, type Migration, migrate, migrateBack } from "./sql/migrate.ts"
export { vector } from "./sql/vector.ts"
export { tenantTables } from "./tenant-tables.ts"
export { DatabaseTaken, TenantRoleMissing } from "./tenants/errors.ts"
export { tenantLimits } from "./tenants/limits.ts"
export { migrateAllTenants, type TenantMigration } from "./tenants/migrate-all.ts"
export { managementTables, ownDatabaseTables, platformTenant } from "./tenants/migrations.ts"
export { makeOwnDatabases } from "./tenants/own-databases.ts"
export { prepareDatabase, type SealedColumn, type TenantTables } from "./tenants/prepare.ts"
export { tenantsTopic } from "./tenants/register.ts"
export { protect, tenantParameter, tenantRole } from "./tenants/row-security.ts"
export { asTenant, Tenancy, type TenancyService, TenantPlaces } from "./tenants/tenancy.ts"
export { type Tenant, Tenants, type TenantsService } from "./tenants/tenants.ts"
export { defaultTracingLimits, type TracingLimits } from "./tracing/limits.ts"
export { isSecretName, maskAttributes, maskText, maskValue } from "./tracing/masking.ts"
export { Tracing, type TracingConfig, type TracingFigures, underTrace } from "./tracing/tracing.ts"
