/** What the gateway is given: everything it talks to, so that a test can put a node together from parts. */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type {
  AgentIndex,
  AgentRecommendations,
  AlertIndex,
  Channels,
  ChatIndex,
  LaneOperations,
  Lanes,
  NodeLanes,
  RuleIndex,
  TaskIndex,
  TraceStore,
} from "../actors/index.ts"
import type { EngineShape, KeyValue } from "../engine/index.ts"
import type {
  ApiKeys,
  Changes,
  Directory,
  Egress,
  Llm,
  LlmModels,
  LlmUsage,
  LoginAttempts,
  LoginSessions,
  NodeLogShape,
  PlatformSettings,
  Secrets,
  SigningKeys,
  Tenancy,
  Tenants,
} from "../resources/index.ts"
import type { AnyProtocol, Span } from "../schemas/index.ts"
import type { MetricStream } from "../streams/index.ts"
import type { Credentials } from "./auth/credentials.ts"
import type { LoginConfig } from "./auth/login-config.ts"
import type { TrustedProxies } from "./client-address.ts"
import type { ComponentHealth } from "./components.ts"
import type { GatewayLimits } from "./config.ts"
import type { RequestMetrics } from "./metrics.ts"
import type { OpenStreams } from "./open-streams.ts"
import type { RateGate } from "./rate-limit.ts"
import type { WebPolicy } from "./web-policy.ts"

/** The services that handlers may use as Effects. */
export type GatewayNeeds =
  | AgentIndex
  | AgentRecommendations
  | AlertIndex
  | ApiKeys
  | Changes
  | Channels
  | ChatIndex
  | Directory
  | Egress
  | KeyValue.KeyValue
  | LaneOperations
  | Lanes
  | Llm
  | LlmModels
  | LlmUsage
  | LoginAttempts
  | LoginSessions
  | MetricStream
  | Secrets
  | SigningKeys
  | PlatformSettings
  | RuleIndex
  | TaskIndex
  | Tenancy
  | Tenants

export interface GatewayServices {
  readonly engine: EngineShape
  /** By kind: what callers may send to. */
  readonly protocols: ReadonlyMap<string, AnyProtocol>
  readonly credentials: Credentials
  /** How people log in. */
  readonly login: LoginConfig
  readonly traces: (typeof TraceStore)["Service"]
  /** Reports a span that is not made by the tracer. */
  readonly recordSpan: (span: Span) => void
  /** Nobody outside is told addresses and versions. */
  readonly isProduction?: boolean
  /** What /health shows, by name. */
  readonly components: Readonly<Record<string, Effect.Effect<ComponentHealth>>>
  readonly limits: GatewayLimits
  /** What browsers are told, and which sites' pages may call. */
  readonly web: WebPolicy
  /** How fast callers may be; without it nobody is held up. */
  readonly rates?: RateGate | undefined
  /** Whose `X-Forwarded-For` is believed; without it nobody's. */
  readonly proxies?: TrustedProxies | undefined
  /** Without it nothing is logged. */
  readonly log?: NodeLogShape | undefined
  readonly metrics: RequestMetrics
  /** Of the lanes that this node evaluates, for /metrics. */
  readonly lanes?: Pick<NodeLanes, "figures" | "problems"> | undefined
  /** Told of every call by somebody who is known, for the statistics. */
  readonly countCall?: ((tenant: string, userId: string) => void) | undefined
  readonly streams: OpenStreams
  /** Tracer, logger and clock that handlers run with, and the services that they may use. */
  readonly context: Context.Context<GatewayNeeds>
}
