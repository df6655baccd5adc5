/** Gives the gateway what it talks to, and opens it. */
import * as Effect from "effect/Effect"
import { CallCounter, kinds, type NodeLanes, TraceStore } from "./actors/index.ts"
import { Engine } from "./engine/index.ts"
import {
  type CredentialSources,
  collectorComponent,
  databaseComponent,
  defaultGatewayLimits,
  engineComponent,
  type GatewayNeeds,
  type LoginConfig,
  lanesComponent,
  listenGateway,
  makeCredentials,
  makeWebPolicy,
  natsComponent,
  OpenStreams,
  projectionsComponent,
  RequestMetrics,
} from "./gateway/index.ts"
import {
  ApiKeys,
  Changes,
  Database,
  Directory,
  LoginSessions,
  NodeLog,
  RateLimits,
  SigningKeys,
  Tenants,
  Tracing,
} from "./resources/index.ts"
import type { Settings } from "./settings.ts"
import { Durability, Nats } from "./streams/index.ts"

/** An address that a person can open: what listens everywhere is reached here. */
const urlOf = (host: string, port: number): string => {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`
}

/** Where credentials are checked. */
const credentialSources = Effect.gen(function* () {
  const [signingKeys, apiKeys, logins] = [yield* SigningKeys, yield* ApiKeys, yield* LoginSessions]
  const [directory, tenants, changes] = [yield* Directory, yield* Tenants, yield* Changes]
  const sources: CredentialSources = {
    verifyingKey: signingKeys.verifying,
    checkApiKey: apiKeys.check,
    isAlive: logins.alive,
    access: directory.access,
    tenantAccepts: (tenant) => Effect.map(tenants.find(tenant), (found) => found?.state === "active"),
    generation: changes.generation,
  }
  return sources
})

/** Gives its address. */
export const startGateway = Effect.fnUntraced(function* (
  settings: Settings,
  login: LoginConfig,
  lastCollected: () => number | undefined,
  lanes: Pick<NodeLanes, "figures" | "problems">,
) {
  const [engine, traces] = [yield* Engine, yield* TraceStore]
  const [nats, durability, database] = [yield* Nats, yield* Durability, yield* Database]
  const tracing = yield* Tracing
  const calls = yield* CallCounter
  const { rates: policies, trustedProxies: proxies } = settings
  const rateLimits = yield* RateLimits
  const limits = defaultGatewayLimits
  const services = {
    engine,
    countCall: calls.count,
    protocols: new Map(kinds.map(({ protocol }) => [protocol.kind, protocol])),
    credentials: makeCredentials({
      sources: yield* credentialSources,
      context: yield* Effect.context(),
      limits,
    }),
    login,
    traces,
    recordSpan: tracing.record,
    isProduction: settings.environment === "production",
    components: {
      nats: natsComponent(nats, durability),
      database: databaseComponent(database),
      engine: engineComponent(engine),
      lanes: lanesComponent(engine, lanes),
      host_collector: collectorComponent(lastCollected),
      projections: projectionsComponent(traces),
      tracing: Effect.sync(() => ({ status: "healthy" as const, ...tracing.figures() })),
    },
    limits,
    web: makeWebPolicy(settings.web),
    rates: policies === undefined ? undefined : { limits: rateLimits, policies, proxies },
    proxies,
    log: yield* NodeLog,
    metrics: new RequestMetrics(),
    lanes: { figures: lanes.figures, problems: lanes.problems },
    streams: new OpenStreams(limits.streamsMax, limits.streamsPerUserMax),
    context: yield* Effect.context<GatewayNeeds>(),
  }
  const port = yield* listenGateway(services, { host: settings.host, port: settings.port })
  const url = urlOf(settings.host, port)
  login.listensAt(url)
  return url
})
