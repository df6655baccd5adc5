/** What can be wrong with the databases of tenants. */
import * as Schema from "effect/Schema"
import { tenantRole } from "./row-security.ts"

/** The login role can neither make nor take on the role that tenants' work is done as. */
export class TenantRoleMissing extends Schema.TaggedError<TenantRoleMissing>()("TenantRoleMissing", {
  login: Schema.String,
}) {
  readonly code = "tenant-role-missing"
  readonly kind = "terminal"
  override get message() {
    const login = `"${this.login.replaceAll('"', '""')}"`
    return (
      `The database's login role ${login} cannot work as the role ${tenantRole}, which keeps tenants apart; ` +
      `run once as an administrator of the database: CREATE ROLE ${tenantRole} NOLOGIN; GRANT ${tenantRole} TO ${login};`
    )
  }
}

/** This node's secret keys are not those that the deployment's database was made with. Never holds a key. */
export class SecretKeysDiffer extends Schema.TaggedError<SecretKeysDiffer>()("SecretKeysDiffer", {
  /** Of the key that the deployment seals under. */
  keyId: Schema.String,
  reason: Schema.String,
}) {
  readonly code = "secret-keys-differ"
  readonly kind = "terminal"
  override get message() {
    return (
      `This node has other secret keys than the deployment whose database it opened: ${this.reason} Give every node ` +
      `the same MILLRACE_SECRET_KEYS, the key ${this.keyId} among them; a node without one made its own in auth/secret-key ` +
      "under its MILLRACE_HOME, whose text can be given to the others."
    )
  }
}

/** A tenant's own database is in use by somebody else. */
export class DatabaseTaken extends Schema.TaggedError<DatabaseTaken>()("DatabaseTaken", {
  by: Schema.Literals(["another-tenant", "the-platform"]),
}) {
  readonly code = "database-taken"
  readonly kind = "terminal"
  override get message() {
    return this.by === "the-platform"
      ? "this database holds the platform itself"
      : "this database holds the rows of another tenant"
  }
}

/** Work for one tenant was begun inside work for another, or inside a transaction of the platform. A bug. */
export class TenantsMixed extends Error {
  constructor(tenant: string, inside: string | undefined) {
    super(
      `work for the tenant ${tenant} was begun inside ${inside === undefined ? "a transaction of the platform" : `work for the tenant ${inside}`}`,
    )
  }
}
