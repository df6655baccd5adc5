/**
 * The tables of statistics, in the management database for all tenants: sums per day in UTC, made as things happen. What
 * the projection of journals held when the tables were made is counted in.
 */
import { type Migration, protect } from "../../resources/index.ts"

/** `statistics_agents` is read by nobody: agents have an index. It stays for nodes of the version before, in a roll-out. */
const tables = `
CREATE TABLE statistics_daily (
  tenant text NOT NULL,
  day date NOT NULL,
  metric text NOT NULL,
  dimension text NOT NULL,
  value bigint NOT NULL,
  PRIMARY KEY (tenant, metric, day, dimension)
);
${protect("statistics_daily", "SELECT")}
CREATE TABLE statistics_agents (
  tenant text NOT NULL,
  agent text NOT NULL,
  since date NOT NULL,
  PRIMARY KEY (tenant, agent)
);
${protect("statistics_agents", "SELECT")}
INSERT INTO statistics_daily
  SELECT tenant, (to_timestamp(start_ms / 1000) AT TIME ZONE 'UTC')::date, 'sessions', '', count(*)
  FROM journal_entries, jsonb_array_elements(events) AS event
  WHERE kind = 'chat-session' AND event->>'_tag' = 'Opened' GROUP BY 1, 2;
INSERT INTO statistics_agents
  SELECT tenant, key, min((to_timestamp(start_ms / 1000) AT TIME ZONE 'UTC')::date)
  FROM journal_entries, jsonb_array_elements(events) AS event
  WHERE kind = 'agent' AND event->>'_tag' = 'Registered' GROUP BY 1, 2;
`

export const statisticsMigrations: ReadonlyArray<Migration> = [
  { id: "0001_statistics", up: tables, down: "DROP TABLE statistics_daily, statistics_agents;" },
]
