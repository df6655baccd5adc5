/**
 * The vectors of agents. The column takes any number of dimensions, since models differ, and there is no vector index: an
 * exact scan of 10,000 agents takes a fraction of what it may (bench/recommend). Vectors stay in the row as they are up
 * to 8 kB: behind a pointer, as Postgres would put them, the scan takes three times as long.
 */
import { type Migration, protect } from "../../../resources/index.ts"

const tables = `
DO $check$ BEGIN
  IF to_regtype('vector') IS NULL THEN
    RAISE EXCEPTION 'pgvector is not installed in this database; have its administrator run CREATE EXTENSION vector';
  END IF;
END $check$;
CREATE TABLE agent_embeddings (
  tenant text NOT NULL,
  agent text NOT NULL,
  -- Of the agent's settings that the vector was made from.
  version int NOT NULL,
  model text NOT NULL,
  dimensions int NOT NULL,
  text_hash text NOT NULL,
  embedding vector NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, agent)
) WITH (toast_tuple_target = 8160);
ALTER TABLE agent_embeddings ALTER embedding SET STORAGE EXTERNAL;
${protect("agent_embeddings")}
`

export const agentEmbeddingMigrations: ReadonlyArray<Migration> = [
  { id: "0001_agent_embeddings", up: tables, down: "DROP TABLE agent_embeddings;" },
]
