/**
 * Whose samples a message of the metric stream holds: the tenant is in its subject, so that the server hands out only
 * those that may be read. Changing the shape hides the samples that are stored.
 */
import { decodeToken, encodeToken } from "./token.ts"

/** Samples from before tenants had subjects of their own began with `api` or `host`, and are read by nobody. */
const shape = /^t\.([^.]+)\./

/** `source`: who sent them, such as `api`, or `host` and its name. */
export const metricToken = (tenant: string, ...source: ReadonlyArray<string>): string =>
  ["t", encodeToken(tenant), ...source.map(encodeToken)].join(".")

/** Matches the samples of one tenant. */
export const metricsOfTenant = (tenant: string): string => `t.${encodeToken(tenant)}.>`

/** Matches the samples of all tenants. */
export const metricsOfAll = "t.>"

/** Undefined for a message of no tenant, and for a name that was too long to be kept. */
export const tenantOfMetric = (token: string): string | undefined => {
  const tenant = shape.exec(token)?.[1]
  return tenant === undefined ? undefined : decodeToken(tenant)
}
