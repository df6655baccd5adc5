/** The table of answers that are kept for repeated requests. */
import type { Migration } from "../sql/migrate.ts"
import { protect } from "../tenants/row-security.ts"

const tables = `
CREATE TABLE idempotency_answers (
  tenant text NOT NULL,
  username text NOT NULL,
  key text NOT NULL,
  fingerprint text NOT NULL,
  -- Of the answer; null while the request is under way.
  status integer,
  headers jsonb,
  body text,
  -- Milliseconds since the epoch.
  expires_ms double precision NOT NULL,
  PRIMARY KEY (tenant, username, key)
);
CREATE INDEX idempotency_answers_by_expiry ON idempotency_answers (tenant, expires_ms);
CREATE INDEX idempotency_answers_by_user ON idempotency_answers (tenant, username, expires_ms);
${protect("idempotency_answers")}
`

export const idempotencyMigrations: ReadonlyArray<Migration> = [
  { id: "0001_idempotency_answers", up: tables, down: "DROP TABLE idempotency_answers;" },
]
