/** The table of the index: rules as lists show them. What was removed stays as a mark, against changes that come late. */
import { type Migration, protect } from "../../../resources/index.ts"

const tables = `
CREATE TABLE cep_rules (
  tenant text NOT NULL,
  id text NOT NULL,
  number bigint NOT NULL,
  version int NOT NULL,
  removed boolean NOT NULL,
  name text NOT NULL,
  enabled boolean NOT NULL,
  trigger_type text NOT NULL,
  severity text NOT NULL,
  owner text,
  labels text[] NOT NULL,
  consumes text[] NOT NULL,
  publishes text[] NOT NULL,
  -- What a search looks through, in lower case.
  search_text text NOT NULL,
  -- The newest change with its document, as the actor gave it.
  view jsonb NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX cep_rules_by_name ON cep_rules (tenant, removed, lower(name), id);
CREATE INDEX cep_rules_that_publish ON cep_rules (tenant) WHERE publishes <> '{}' AND enabled AND NOT removed;
${protect("cep_rules")}
`

export const ruleMigrations: ReadonlyArray<Migration> = [
  { id: "0001_cep_rules", up: tables, down: "DROP TABLE cep_rules;" },
]
