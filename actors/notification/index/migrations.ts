/** The tables of channels and of what became of deliveries. Times are milliseconds since the epoch. */
import { type Migration, protect } from "../../../resources/index.ts"

const tables = `
CREATE TABLE cep_channels (
  tenant text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  per_minute_max int NOT NULL,
  enabled boolean NOT NULL,
  version int NOT NULL,
  -- The settings as everybody may see them, and whole.
  shown jsonb NOT NULL,
  sealed text NOT NULL,
  updated_at double precision NOT NULL,
  updated_by text NOT NULL,
  PRIMARY KEY (tenant, id)
);
${protect("cep_channels")}
CREATE TABLE cep_deliveries (
  tenant text NOT NULL,
  channel text NOT NULL,
  n int NOT NULL,
  revision int NOT NULL,
  id text NOT NULL,
  what text NOT NULL,
  status text NOT NULL,
  attempts int NOT NULL,
  at double precision NOT NULL,
  detail text,
  trace_id text,
  PRIMARY KEY (tenant, channel, n)
);
CREATE INDEX cep_deliveries_by_time ON cep_deliveries (tenant, at DESC, channel, n);
${protect("cep_deliveries")}
`

export const notificationMigrations: ReadonlyArray<Migration> = [
  { id: "0001_channels", up: tables, down: "DROP TABLE cep_deliveries, cep_channels;" },
]
