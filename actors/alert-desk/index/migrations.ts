/** The tables of alerts and of their history. Times are milliseconds since the epoch, as the journal has them. */
import { type Migration, protect } from "../../../resources/index.ts"

const tables = `
CREATE TABLE alerts (
  tenant text NOT NULL,
  fingerprint text NOT NULL,
  revision bigint NOT NULL,
  state text NOT NULL,
  severity text NOT NULL,
  rule text NOT NULL,
  labels jsonb NOT NULL,
  quiet boolean NOT NULL,
  acknowledged boolean NOT NULL,
  at double precision NOT NULL,
  -- What a search looks through, in lower case.
  search_text text NOT NULL,
  -- The whole alert, as lists show it.
  record jsonb NOT NULL,
  PRIMARY KEY (tenant, fingerprint)
);
CREATE INDEX alerts_by_change ON alerts (tenant, at DESC, fingerprint);
CREATE INDEX alerts_by_state ON alerts (tenant, state, at DESC, fingerprint);
CREATE INDEX alerts_by_rule ON alerts (tenant, rule, at DESC, fingerprint);
${protect("alerts")}
CREATE TABLE alert_history (
  tenant text NOT NULL,
  number bigint NOT NULL,
  fingerprint text NOT NULL,
  taken_at double precision NOT NULL,
  entry jsonb NOT NULL,
  PRIMARY KEY (tenant, number)
);
CREATE INDEX alert_history_of_alert ON alert_history (tenant, fingerprint, number DESC);
CREATE INDEX alert_history_by_age ON alert_history (tenant, taken_at);
${protect("alert_history")}
`

export const alertMigrations: ReadonlyArray<Migration> = [
  { id: "0001_alerts", up: tables, down: "DROP TABLE alert_history, alerts;" },
]
