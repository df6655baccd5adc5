/** What others may use of the gateway. */

export { type CredentialSources, type Credentials, makeCredentials } from "./auth/credentials.ts"
export { developmentApiKey, developmentTenant, developmentUser } from "./auth/development-user.ts"
export { anonymous, type Identity } from "./auth/identity.ts"
export { type LoginConfig, type LoginOptions, makeLoginConfig } from "./auth/login-config.ts"
export { type NodeFile, readNodeFile, writeNodeFile } from "./auth/node-file.ts"
export { LatencyCounts } from "./cli/latency-counts.ts"
export { noTrustedProxies, parseTrustedProxies, type TrustedProxies } from "./client-address.ts"
export {
  type ComponentHealth,
  collectorComponent,
  databaseComponent,
  engineComponent,
  lanesComponent,
  natsComponent,
  projectionsComponent,
} from "./components.ts"
export {
  defaultGatewayLimits,
  defaultRatePolicies,
  type GatewayAddress,
  type GatewayLimits,
} from "./config.ts"
export { GatewayError } from "./errors.ts"
export { RequestMetrics } from "./metrics.ts"
export { OpenStreams } from "./open-streams.ts"
export type { RateGate } from "./rate-limit.ts"
export { parseRatePolicies, type RatePolicies } from "./rate-policies.ts"
export { ListenFailed, listenGateway } from "./server.ts"
export type { GatewayNeeds, GatewayServices } from "./services.ts"
export { makeWebPolicy, type WebPolicy, type WebSettings } from "./web-policy.ts"
