/** The tables of the index: agents as lists show them, and their credentials, which are nowhere else. */
import { type Migration, protect } from "../../../resources/index.ts"

const tables = `
CREATE TABLE agents (
  tenant text NOT NULL,
  id text NOT NULL,
  revision bigint NOT NULL,
  version int NOT NULL,
  name text NOT NULL,
  framework text NOT NULL,
  status text NOT NULL,
  archived boolean NOT NULL,
  department text,
  owner text,
  access_level text NOT NULL,
  allowed_users text[] NOT NULL,
  allowed_teams text[] NOT NULL,
  health_status text NOT NULL,
  -- What a search looks through, in lower case.
  search_text text NOT NULL,
  -- The whole agent, as its actor describes it.
  view jsonb NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX agents_by_name ON agents (tenant, archived, lower(name), id);
${protect("agents")}
CREATE TABLE agent_credentials (
  tenant text NOT NULL,
  agent text NOT NULL,
  sealed text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, agent)
);
${protect("agent_credentials")}
`

export const agentMigrations: ReadonlyArray<Migration> = [
  { id: "0001_agents", up: tables, down: "DROP TABLE agent_credentials, agents;" },
]
