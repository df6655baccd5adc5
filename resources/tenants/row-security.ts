/**
 * Keeps each tenant's rows to itself inside the database: whoever works for a tenant does so as a role that sees only
 * rows of the tenant that its transaction named. Changing what `protect` writes changes the checksum of migrations that
 * used it; write a new function instead.
 */

/** The role that work for a tenant is done as. It owns nothing and cannot log in. */
export const tenantRole = "millrace_tenant"

/** The parameter that names the tenant of a transaction. */
export const tenantParameter = "millrace.tenant"

/** Roles belong to the whole server, which several deployments may share. */
export const createTenantRole = `DO $role$ BEGIN
  CREATE ROLE ${tenantRole} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $role$`

/** SQL that closes a table with a column `tenant` to all rows but the own ones. `rights`: what the role may do. */
export const protect = (table: string, rights = "SELECT, INSERT, UPDATE, DELETE"): string => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON ${table}
  USING (tenant = current_setting('${tenantParameter}', true))
  WITH CHECK (tenant = current_setting('${tenantParameter}', true));
GRANT ${rights} ON ${table} TO ${tenantRole};
`
