/**
 * The tables of users, groups and roles. The roles that every tenant has are code and stand in no table. `…_key` is a
 * name in lower case: under row-level security only plain comparisons of columns can use an index.
 */
import type { Migration } from "../sql/migrate.ts"
import { protect } from "../tenants/row-security.ts"

const tables = `
CREATE TABLE directory_locks (
  tenant text PRIMARY KEY,
  changes bigint NOT NULL
);
${protect("directory_locks", "SELECT, INSERT, UPDATE")}
CREATE TABLE users (
  tenant text NOT NULL,
  id uuid NOT NULL,
  issuer text NOT NULL,
  subject text NOT NULL,
  username text NOT NULL,
  username_key text NOT NULL,
  username_kr text,
  email text NOT NULL,
  department text,
  is_active boolean NOT NULL DEFAULT true,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_login_at timestamptz,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, username_key),
  UNIQUE (tenant, issuer, subject)
);
CREATE INDEX users_by_username ON users (tenant, username);
${protect("users")}
CREATE TABLE groups (
  tenant text NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  name_key text NOT NULL,
  description text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, name_key)
);
${protect("groups")}
CREATE TABLE roles (
  tenant text NOT NULL,
  name text NOT NULL,
  description text NOT NULL,
  permissions jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, name)
);
${protect("roles")}
CREATE TABLE user_roles (
  tenant text NOT NULL,
  user_id uuid NOT NULL,
  role text NOT NULL,
  PRIMARY KEY (tenant, user_id, role),
  FOREIGN KEY (tenant, user_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX user_roles_by_role ON user_roles (tenant, role);
${protect("user_roles")}
CREATE TABLE group_roles (
  tenant text NOT NULL,
  group_id uuid NOT NULL,
  role text NOT NULL,
  PRIMARY KEY (tenant, group_id, role),
  FOREIGN KEY (tenant, group_id) REFERENCES groups ON DELETE CASCADE
);
CREATE INDEX group_roles_by_role ON group_roles (tenant, role);
${protect("group_roles")}
CREATE TABLE memberships (
  tenant text NOT NULL,
  group_id uuid NOT NULL,
  user_id uuid NOT NULL,
  source text NOT NULL CHECK (source IN ('provider', 'hand')),
  PRIMARY KEY (tenant, group_id, user_id, source),
  FOREIGN KEY (tenant, group_id) REFERENCES groups ON DELETE CASCADE,
  FOREIGN KEY (tenant, user_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX memberships_by_user ON memberships (tenant, user_id);
${protect("memberships")}
`

export const directoryMigrations: ReadonlyArray<Migration> = [
  {
    id: "0001_directory",
    up: tables,
    down: "DROP TABLE memberships, group_roles, user_roles, roles, groups, users, directory_locks;",
  },
]

/** Of the management database: who is to administer a tenant is written down together with the tenant. */
export const directoryManagementMigrations: ReadonlyArray<Migration> = [
  {
    id: "0001_awaited_administrators",
    up: `CREATE TABLE awaited_administrators (
  tenant text NOT NULL,
  username text NOT NULL,
  PRIMARY KEY (tenant, username)
);`,
    down: "DROP TABLE awaited_administrators;",
  },
]
