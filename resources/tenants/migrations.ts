/** The tables of the tenants themselves, in the management database, and the mark of a tenant's own database. */
import type { Migration } from "../sql/migrate.ts"
import type { TenantTables } from "./prepare.ts"

/** The tenant that the platform's own things belong to. It is there from the beginning. */
export const platformTenant = "default"

const tenants = `
CREATE TABLE tenants (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  state text NOT NULL CHECK (state IN ('active', 'suspended')),
  database_url text,
  created_at timestamptz NOT NULL DEFAULT now(),
  version int NOT NULL DEFAULT 1
);
INSERT INTO tenants (id, name, state) VALUES ('${platformTenant}', 'Platform', 'active');
`

const secretKeyCheck = `
CREATE TABLE secret_key_check (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  sealed text NOT NULL
);
`

const migrations: ReadonlyArray<Migration> = [
  { id: "0001_tenants", up: tenants, down: "DROP TABLE tenants;" },
  { id: "0002_secret_key_check", up: secretKeyCheck, down: "DROP TABLE secret_key_check;" },
]

/** Of the management database only. */
export const managementTables: TenantTables = { set: "tenants", migrations }

/** Of a tenant's own database only: whose it is. */
export const ownDatabaseTables: TenantTables = {
  set: "tenants/own-database",
  migrations: [
    {
      id: "0001_home",
      up: `CREATE TABLE tenant_home (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  tenant text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);`,
      down: "DROP TABLE tenant_home;",
    },
  ],
}
