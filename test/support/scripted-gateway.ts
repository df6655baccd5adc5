/** A gateway that really listens, over an engine that answers what a test tells it to. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { AskResult, EngineShape } from "../../engine/index.ts"
import {
  anonymous,
  type Credentials,
  defaultGatewayLimits,
  GatewayError,
  type GatewayLimits,
  type GatewayServices,
  listenGateway,
  makeWebPolicy,
  OpenStreams,
  RequestMetrics,
  type WebSettings,
} from "../../gateway/index.ts"
import { PlatformSettings } from "../../resources/index.ts"
import { ChatSessionProtocol, LockProtocol, type SessionEvent } from "../../schemas/index.ts"

export interface ScriptedGateway {
  readonly url: string
  readonly token: string
  /** What every command is answered with; a session that reads as its owner's until it is set. */
  answer: (command: { readonly _tag: string }) => AskResult | "never"
  /** How many commands without an answer were interrupted. */
  interrupted: number
  /** Tells whoever listens. */
  readonly signal: (...events: ReadonlyArray<SessionEvent>) => void
  readonly stop: () => Promise<void>
}

const view = (session: string) => ({
  session,
  agent: "guide",
  title: "",
  owner: "u",
  createdAt: 0,
  messages: [],
  events: [],
  oldest: 1,
  last: 0,
})

/** A question waits for a minute, as it does by default. */
const settings = { get: () => Effect.succeed(60) } as unknown as (typeof PlatformSettings)["Service"]

export const startScriptedGateway = async (
  limits: Partial<GatewayLimits> = {},
  web: WebSettings = { publicUrl: undefined, corsOrigins: [] },
): Promise<ScriptedGateway> => {
  const listeners = new Set<(body: unknown) => void>()
  const gateway = {
    answer: (_: { readonly _tag: string }): AskResult | "never" => ({ ok: view("s") }),
    interrupted: 0,
    signal: (...events: ReadonlyArray<SessionEvent>) => {
      for (const tell of listeners) tell({ events })
    },
  }
  const engine = {
    submit: (_to, _version, body, _options, done) => {
      const result = gateway.answer(body)
      if (result !== "never") done(result)
    },
    ask: (_protocol, _key, command) => {
      const result = gateway.answer(command as { readonly _tag: string })
      if (result === "never")
        return Effect.onInterrupt(Effect.never, () => Effect.sync(() => void gateway.interrupted++))
      return "ok" in result ? Effect.succeed(result.ok as never) : Effect.fail(result as never)
    },
    listen: (_topic, handle) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => listeners.add(handle)),
          () => Effect.sync(() => listeners.delete(handle)),
        ),
      ),
  } as Partial<EngineShape> as EngineShape
  const all = { ...defaultGatewayLimits, ...limits }
  const token = "scripted"
  const identity = { ...anonymous, tenant: "t", user: "u", permissions: new Set(["*"]), expiresAt: Infinity }
  const credentials: Credentials = {
    known: (credential) => (credential === token ? identity : undefined),
    verify: () => Promise.reject(new GatewayError(401, "USR_AUTH_002", "The credential is not valid.")),
  }
  const services = {
    engine,
    protocols: new Map([LockProtocol, ChatSessionProtocol].map((protocol) => [protocol.kind, protocol])),
    credentials,
    login: {},
    components: {},
    recordSpan: () => {},
    limits: all,
    web: makeWebPolicy(web),
    metrics: new RequestMetrics(),
    streams: new OpenStreams(all.streamsMax, all.streamsPerUserMax),
    context: Context.make(PlatformSettings, settings),
  } as unknown as GatewayServices
  const scope = Effect.runSync(Scope.make())
  const listening = listenGateway(services, { host: "127.0.0.1", port: 0 })
  const port = await Effect.runPromise(Effect.provideService(listening, Scope.Scope, scope))
  return Object.assign(gateway, {
    url: `http://127.0.0.1:${port}`,
    token,
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void)),
  })
}
