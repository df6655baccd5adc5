/**
 * The tables of the trace projection. They are a second copy that may be dropped: the streams they are made from hold
 * the truth. An actor's hop is stored once, as its journal entry; the view `trace_spans` shows it as a span.
 */
import type * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import {
  type Migration,
  type MigrationError,
  prepareDatabase,
  protect,
  type TenantRoleMissing,
  tenantRole,
} from "../../resources/index.ts"

import { statisticsMigrations } from "../statistics/migrations.ts"

const set = "actors/trace"

const tables = `
CREATE TABLE spans (
  trace_id text NOT NULL,
  span_id text NOT NULL,
  parent_id text,
  name text NOT NULL,
  kind text NOT NULL,
  service text NOT NULL,
  start_ms double precision NOT NULL,
  end_ms double precision NOT NULL,
  status text NOT NULL,
  attributes jsonb NOT NULL,
  tenant text NOT NULL,
  actor text COLLATE "C",
  principal text,
  PRIMARY KEY (trace_id, span_id)
);
CREATE INDEX spans_by_start ON spans (start_ms);

CREATE TABLE journal_entries (
  partition int NOT NULL,
  sequence bigint NOT NULL,
  index int NOT NULL,
  tenant text NOT NULL,
  kind text NOT NULL,
  key text NOT NULL,
  actor text COLLATE "C" NOT NULL,
  cause text NOT NULL,
  command text,
  events jsonb,
  principal text,
  trace_id text,
  span_id text NOT NULL,
  parent_id text,
  name text,
  status text NOT NULL,
  dead_code text,
  dead_detail text,
  start_ms double precision NOT NULL,
  end_ms double precision NOT NULL,
  PRIMARY KEY (partition, sequence, index)
);
CREATE INDEX journal_entries_by_trace ON journal_entries (trace_id);
CREATE INDEX journal_entries_by_start ON journal_entries (start_ms);
CREATE INDEX journal_entries_by_actor ON journal_entries (actor, sequence);

CREATE TABLE trace_logs (
  log_key text PRIMARY KEY,
  trace_id text NOT NULL,
  tenant text NOT NULL,
  at_ms double precision NOT NULL,
  service text NOT NULL,
  agent_id jsonb,
  level text NOT NULL,
  message text NOT NULL,
  is_transfer boolean NOT NULL,
  metadata jsonb
);
CREATE INDEX trace_logs_by_trace ON trace_logs (trace_id, at_ms);
CREATE INDEX trace_logs_by_time ON trace_logs (at_ms);

CREATE TABLE projection_positions (
  source text PRIMARY KEY,
  position bigint NOT NULL,
  halted text,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE projection_leases (
  name text PRIMARY KEY,
  holder text NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE VIEW trace_spans AS
  SELECT trace_id, span_id, parent_id, name, kind, service, start_ms, end_ms, status, attributes, tenant,
    actor, principal FROM spans
  UNION ALL
  SELECT trace_id, span_id, parent_id, name, 'actor', kind, start_ms, end_ms, status,
    jsonb_strip_nulls(jsonb_build_object(
      'millrace.actor', actor, 'user.id', principal, 'error.type', dead_code, 'error.message', dead_detail,
      'millrace.position', partition || '/' || sequence || '/' || index)),
    tenant, actor, principal FROM journal_entries WHERE name IS NOT NULL AND trace_id IS NOT NULL;
`

/** An embedded database keeps no statistics: only an index in the asked order makes it read just what is asked for. */
const search = `
CREATE INDEX spans_by_tenant ON spans (tenant, start_ms);
CREATE INDEX journal_entries_by_tenant ON journal_entries (tenant, start_ms);
CREATE VIEW hop_spans AS
  SELECT trace_id, span_id, parent_id, name, 'actor' AS kind, kind AS service, start_ms, end_ms, status,
    jsonb_strip_nulls(jsonb_build_object(
      'millrace.actor', actor, 'user.id', principal, 'error.type', dead_code, 'error.message', dead_detail,
      'millrace.position', partition || '/' || sequence || '/' || index)) AS attributes,
    tenant, actor, principal FROM journal_entries WHERE name IS NOT NULL AND trace_id IS NOT NULL;
CREATE OR REPLACE VIEW trace_spans AS
  SELECT trace_id, span_id, parent_id, name, kind, service, start_ms, end_ms, status, attributes, tenant,
    actor, principal FROM spans
  UNION ALL SELECT * FROM hop_spans;
`

const searchBack = `
DROP VIEW trace_spans;
DROP VIEW hop_spans;
DROP INDEX spans_by_tenant;
DROP INDEX journal_entries_by_tenant;
${tables.slice(tables.indexOf("CREATE VIEW trace_spans"))}`

/** What is missing from the copy, by source. */
const losses = `ALTER TABLE projection_positions
  ADD COLUMN gaps bigint NOT NULL DEFAULT 0,
  ADD COLUMN refused bigint NOT NULL DEFAULT 0;`

const lossesBack = "ALTER TABLE projection_positions DROP COLUMN gaps, DROP COLUMN refused;"

/** The projector writes as the owner, for all; a tenant reads its own rows, through the views as well. */
const rowSecurity = `
${["spans", "journal_entries", "trace_logs"].map((table) => protect(table, "SELECT")).join("")}
ALTER VIEW trace_spans SET (security_invoker = true);
ALTER VIEW hop_spans SET (security_invoker = true);
GRANT SELECT ON trace_spans, hop_spans TO ${tenantRole};
`

const rowSecurityBack = `
REVOKE SELECT ON trace_spans, hop_spans FROM ${tenantRole};
ALTER VIEW trace_spans RESET (security_invoker);
ALTER VIEW hop_spans RESET (security_invoker);
${["spans", "journal_entries", "trace_logs"]
  .map(
    (table) => `REVOKE SELECT ON ${table} FROM ${tenantRole};
DROP POLICY own_tenant ON ${table};
ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY;
`,
  )
  .join("")}`

export const traceMigrations: ReadonlyArray<Migration> = [
  {
    id: "0001_tables",
    up: tables,
    down: `DROP VIEW trace_spans;
DROP TABLE spans, journal_entries, trace_logs, projection_positions, projection_leases;`,
  },
  { id: "0002_search", up: search, down: searchBack },
  { id: "0003_losses", up: losses, down: lossesBack },
  { id: "0004_row_security", up: rowSecurity, down: rowSecurityBack },
]

/** Idempotent; several nodes may do it at once. */
export const migrateTraces = (
  sql: SqlClient,
): Effect.Effect<void, MigrationError | SqlError | TenantRoleMissing> =>
  prepareDatabase(sql, [
    { set, migrations: traceMigrations },
    { set: "actors/statistics", migrations: statisticsMigrations },
  ])
