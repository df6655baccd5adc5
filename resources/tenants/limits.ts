/** Every bound around tenants and their own databases, with its unit. */
export const tenantLimits = {
  /** Tenants of a deployment: each node keeps all of them in memory. */
  tenantsMax: 10_000,
  /** How long a node goes by what it has read of the tenants when it hears of no change. */
  keepMs: 10_000,
  /** Tenants' own databases that a node keeps connections to; the one unused for longest makes room. */
  tenantPoolsMax: 32,
  /** Connections to one of them. */
  poolConnectionsMax: 5,
  /** Without use for this long, the connections to a tenant's own database are closed. */
  poolIdleMs: 5 * 60_000,
  /** For reaching a tenant's own database and bringing its tables to their shape, before it is given up. */
  openMs: 30_000,
  databaseUrlCharactersMax: 2_000,
} as const
