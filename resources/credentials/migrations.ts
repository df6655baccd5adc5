/** The tables of credentials. Nothing in them lets anybody in: secrets are hashed, private keys sealed. */
import type { Migration } from "../sql/migrate.ts"
import { protect } from "../tenants/row-security.ts"

/** One row a login: only its newest refresh token is valid, so that any other one of the family shows a theft. */
const tenantTables = `
CREATE TABLE logins (
  tenant text NOT NULL,
  session text NOT NULL,
  family_hash text NOT NULL,
  token_hash text NOT NULL,
  user_id text NOT NULL,
  username text NOT NULL,
  created_at timestamptz NOT NULL,
  refreshed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (tenant, session),
  UNIQUE (tenant, family_hash)
);
CREATE INDEX logins_by_user ON logins (tenant, username, created_at);
CREATE INDEX logins_by_expiry ON logins (tenant, expires_at);
${protect("logins")}
CREATE TABLE api_keys (
  tenant text NOT NULL,
  id integer GENERATED ALWAYS AS IDENTITY,
  prefix text NOT NULL,
  user_id text NOT NULL,
  username text NOT NULL,
  name text NOT NULL,
  scopes jsonb,
  hash text NOT NULL,
  previous_hash text,
  previous_until timestamptz,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  last_used_at timestamptz,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, prefix)
);
CREATE INDEX api_keys_by_user ON api_keys (tenant, username, id);
${protect("api_keys")}
`

export const credentialMigrations: ReadonlyArray<Migration> = [
  { id: "0001_credentials", up: tenantTables, down: "DROP TABLE api_keys, logins;" },
]

/** What is looked at before the tenant is known, or belongs to none. */
const managementTables = `
CREATE TABLE signing_keys (
  kid text PRIMARY KEY,
  public_key jsonb NOT NULL,
  sealed_private_key text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE TABLE api_key_prefixes (
  prefix text PRIMARY KEY,
  tenant text NOT NULL
);
CREATE TABLE login_attempts (
  state_hash text PRIMARY KEY,
  sealed text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX login_attempts_by_age ON login_attempts (created_at);
CREATE TABLE used_id_tokens (
  hash text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX used_id_tokens_by_expiry ON used_id_tokens (expires_at);
`

export const credentialManagementMigrations: ReadonlyArray<Migration> = [
  {
    id: "0001_credential_management",
    up: managementTables,
    down: "DROP TABLE used_id_tokens, login_attempts, api_key_prefixes, signing_keys;",
  },
]
