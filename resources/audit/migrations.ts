/**
 * The table of the audit log: it grows, and nothing in it changes or goes away, whatever its age. It tells of changes that
 * people make, not of calls, so it grows slowly; and whoever may take old entries out can take out the one that matters.
 * Export it, and keep the export, where a law says that entries have to go.
 */
import type { Migration } from "../sql/migrate.ts"
import { protect } from "../tenants/row-security.ts"

const tables = `
CREATE TABLE audit_log (
  tenant text NOT NULL,
  sequence bigint NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  object_type text NOT NULL,
  object_id text NOT NULL,
  before jsonb,
  after jsonb,
  request_id text,
  trace_id text,
  address text,
  previous_hash text NOT NULL,
  hash text NOT NULL,
  PRIMARY KEY (tenant, sequence)
);
CREATE INDEX audit_log_by_object ON audit_log (tenant, object_type, object_id, sequence);
CREATE INDEX audit_log_by_actor ON audit_log (tenant, actor, sequence);
${protect("audit_log", "SELECT, INSERT")}
CREATE TABLE audit_heads (
  tenant text PRIMARY KEY,
  sequence bigint NOT NULL,
  hash text NOT NULL
);
${protect("audit_heads", "SELECT, INSERT, UPDATE")}
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $refuse$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only';
END $refuse$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
`

export const auditMigrations: ReadonlyArray<Migration> = [
  {
    id: "0001_audit_log",
    up: tables,
    down: "DROP TABLE audit_heads, audit_log; DROP FUNCTION refuse_audit_change();",
  },
]
