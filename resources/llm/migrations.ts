/**
 * The tables of what model calls took. Ledger rows are only added, and go after months; totals and months are sums of them, kept in the
 * transaction that adds a row, so that a budget is checked without adding up the ledger.
 */
import type { Migration } from "../sql/migrate.ts"
import { protect, tenantRole } from "../tenants/row-security.ts"

const tables = `
CREATE TABLE llm_usage (
  tenant text NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  user_id text NOT NULL,
  user_name text NOT NULL,
  model_id text NOT NULL,
  model_name text NOT NULL,
  agent text NOT NULL,
  operation text NOT NULL,
  tokens_in bigint NOT NULL,
  tokens_out bigint NOT NULL,
  cost numeric(30,12) NOT NULL,
  currency text NOT NULL,
  estimated boolean NOT NULL,
  status text NOT NULL,
  duration_ms integer NOT NULL,
  trace_id text,
  fallback_of text,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX llm_usage_by_time ON llm_usage (tenant, at);
${protect("llm_usage", "SELECT, INSERT")}
CREATE TABLE llm_usage_totals (
  tenant text NOT NULL,
  day date NOT NULL,
  user_id text NOT NULL,
  model_id text NOT NULL,
  agent text NOT NULL,
  currency text NOT NULL,
  user_name text NOT NULL,
  model_name text NOT NULL,
  calls bigint NOT NULL,
  failed bigint NOT NULL,
  tokens_in bigint NOT NULL,
  tokens_out bigint NOT NULL,
  cost numeric(30,12) NOT NULL,
  PRIMARY KEY (tenant, day, user_id, model_id, agent, currency)
);
${protect("llm_usage_totals")}
CREATE TABLE llm_usage_months (
  tenant text NOT NULL,
  month date NOT NULL,
  scope text NOT NULL,
  scope_id text NOT NULL,
  currency text NOT NULL,
  tokens bigint NOT NULL,
  cost numeric(30,12) NOT NULL,
  PRIMARY KEY (tenant, month, scope, scope_id, currency)
);
${protect("llm_usage_months")}
CREATE TABLE llm_reservations (
  tenant text NOT NULL,
  id uuid NOT NULL,
  user_id text NOT NULL,
  model_id text NOT NULL,
  tokens bigint NOT NULL,
  cost numeric(30,12) NOT NULL,
  currency text NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, id)
);
${protect("llm_reservations", "SELECT, INSERT, DELETE")}
CREATE TABLE llm_budgets (
  tenant text NOT NULL,
  scope text NOT NULL CHECK (scope IN ('MODEL', 'TENANT', 'USER')),
  scope_id text NOT NULL,
  tokens_max bigint,
  cost_max numeric(30,12),
  currency text NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, scope, scope_id)
);
${protect("llm_budgets")}
`

const kept = `
CREATE TABLE llm_usage_kept (
  tenant text PRIMARY KEY,
  kept_from date NOT NULL
);
${protect("llm_usage_kept")}
GRANT DELETE ON llm_usage TO ${tenantRole};
CREATE POLICY only_old_rows_go ON llm_usage AS RESTRICTIVE FOR DELETE
  USING (at < now() - interval '62 days');
`

export const llmMigrations: ReadonlyArray<Migration> = [
  {
    id: "0001_llm_usage",
    up: tables,
    down: "DROP TABLE llm_budgets, llm_reservations, llm_usage_months, llm_usage_totals, llm_usage;",
  },
  {
    id: "0002_llm_usage_kept",
    up: kept,
    down: `DROP POLICY only_old_rows_go ON llm_usage; REVOKE DELETE ON llm_usage FROM ${tenantRole}; DROP TABLE llm_usage_kept;`,
  },
]
