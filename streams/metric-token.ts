/**
 * Whose samples a message of the metric stream holds, and in which lane it is: both are in its subject, so that the server
 * hands out only those that may be read. Changing the shape, or the lane of a name, hides the samples that are stored.
 */
import { Address } from "../engine/index.ts"
import { decodeToken, encodeToken } from "./token.ts"

/**
 * Samples from before there were lanes have `api` or `host` in the lane's place, and are read for queries only; from
 * before tenants had subjects of their own they began with these, and are read by nobody.
 */
const shape = /^t\.([^.]+)\.([0-9]+\.)?/

/** The lane of whatever has this name: a metric, a type of events. All items of one name of one tenant are in one lane. */
export const laneOf = (tenant: string, name: string, lanes: number): number =>
  Address.partitionOf(`${tenant}\n${name}`, lanes)

/** `source`: who sent them, such as `api`, or `host` and its name. */
export const metricToken = (tenant: string, lane: number, ...source: ReadonlyArray<string>): string =>
  ["t", encodeToken(tenant), String(lane), ...source.map(encodeToken)].join(".")

/** Matches the samples of one tenant. */
export const metricsOfTenant = (tenant: string): string => `t.${encodeToken(tenant)}.>`

/** Matches the samples of one tenant in one lane, and those from before there were lanes. */
export const metricsOfTenantInLane = (tenant: string, lane: number): ReadonlyArray<string> => {
  const prefix = `t.${encodeToken(tenant)}`
  return [`${prefix}.${lane}.>`, `${prefix}.api`, `${prefix}.host.>`]
}

/** Matches what is in one lane, of all tenants. */
export const metricsOfLane = (lane: number): string => `t.*.${lane}.>`

/** `source` of messages that change a rule. */
export const ruleSource = "rule"

/** `source` of messages, of no tenant, by which time passes in a lane. */
export const tickSource = "tick"

/** Matches the changes of rules in one lane, of all tenants. */
export const ruleChangesOfLane = (lane: number): string => `t.*.${lane}.${ruleSource}`

/** Whether a message changes rules. */
export const isRuleChange = (token: string): boolean => token.replace(shape, "") === ruleSource

/** Matches the samples of all tenants. */
export const metricsOfAll = "t.>"

/** Undefined for a message of no tenant, and for a name that was too long to be kept. */
export const tenantOfMetric = (token: string): string | undefined => {
  const tenant = shape.exec(token)?.[1]
  return tenant === undefined ? undefined : decodeToken(tenant)
}

/** Undefined for a message from before there were lanes. */
export const laneOfMetric = (token: string): number | undefined => {
  const lane = shape.exec(token)?.[2]
  return lane === undefined ? undefined : Number.parseInt(lane, 10)
}
