/**
 * The tables of the registry: models, their prices and the grants on them. Gotcha: they refer to users and groups, so the
 * set of the directory comes first; a grant goes away with its model, user or group.
 */
import type { Migration } from "../sql/migrate.ts"
import { protect } from "../tenants/row-security.ts"

const models = `
CREATE TABLE llm_models (
  tenant text NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  provider text NOT NULL CHECK (provider IN ('OpenAI', 'Anthropic', 'Azure', 'Custom', 'Offline')),
  endpoint text NOT NULL,
  model_name text NOT NULL,
  sealed_key text,
  api_key_hint text,
  is_active boolean NOT NULL,
  health_status text NOT NULL CHECK (health_status IN ('healthy', 'unhealthy', 'unknown')),
  last_health_check timestamptz,
  health_detail text,
  context_tokens_max int,
  time_out_ms int NOT NULL,
  rate_per_minute int,
  fallback_model_id uuid,
  owner_id uuid,
  is_builtin boolean NOT NULL,
  version int NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, fallback_model_id) REFERENCES llm_models (tenant, id)
);
CREATE UNIQUE INDEX llm_models_by_name ON llm_models (tenant, lower(name));
CREATE UNIQUE INDEX llm_models_builtin ON llm_models (tenant) WHERE is_builtin;
CREATE INDEX llm_models_by_fallback ON llm_models (tenant, fallback_model_id) WHERE fallback_model_id IS NOT NULL;
${protect("llm_models")}
CREATE TABLE llm_model_prices (
  tenant text NOT NULL,
  model_id uuid NOT NULL,
  valid_from timestamptz NOT NULL,
  input_per_million numeric(16, 6) NOT NULL,
  output_per_million numeric(16, 6) NOT NULL,
  currency text NOT NULL,
  PRIMARY KEY (tenant, model_id, valid_from),
  FOREIGN KEY (tenant, model_id) REFERENCES llm_models (tenant, id) ON DELETE CASCADE
);
${protect("llm_model_prices")}
CREATE TABLE llm_model_permissions (
  tenant text NOT NULL,
  id uuid NOT NULL,
  model_id uuid NOT NULL,
  user_id uuid,
  group_id uuid,
  can_use boolean NOT NULL,
  can_share boolean NOT NULL,
  can_manage boolean NOT NULL,
  granted_by text NOT NULL,
  granted_by_name text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, id),
  CHECK (num_nonnulls(user_id, group_id) = 1),
  CHECK (can_use OR can_share OR can_manage),
  FOREIGN KEY (tenant, model_id) REFERENCES llm_models (tenant, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant, group_id) REFERENCES groups (tenant, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX llm_model_permissions_user ON llm_model_permissions (tenant, model_id, user_id)
  WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX llm_model_permissions_group ON llm_model_permissions (tenant, model_id, group_id)
  WHERE group_id IS NOT NULL;
CREATE INDEX llm_model_permissions_of_user ON llm_model_permissions (tenant, user_id);
CREATE INDEX llm_model_permissions_of_group ON llm_model_permissions (tenant, group_id);
${protect("llm_model_permissions")}
`

export const llmModelMigrations: ReadonlyArray<Migration> = [
  { id: "0001_models", up: models, down: "DROP TABLE llm_model_permissions, llm_model_prices, llm_models;" },
]
