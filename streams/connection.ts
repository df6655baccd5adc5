/**
 * The one connection of a node: reconnects for ever with bounded back-off, knows what the server can do and tells
 * its users when the connection breaks. Closing its scope drains nothing: what is in flight fails as unknown.
 */
import * as Transport from "@nats-io/transport-node"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { errorCodes } from "./acknowledgement.ts"
import { call, isTransient } from "./api.ts"
import { type Capabilities, capabilitiesOf, requireServer } from "./capabilities.ts"
import type { Resolved } from "./config.ts"
import { type ApiError, ConnectFailed, JetStreamDisabled } from "./errors.ts"
import { Publisher } from "./publisher.ts"
import { Requests } from "./requests.ts"

export interface ConnectionStatus {
  readonly connected: boolean
  readonly server: string
  /** Milliseconds since the epoch of the last change between connected and not. */
  readonly since: number
  readonly reconnects: number
  readonly lastError: string | undefined
}

export interface NatsConnection {
  readonly transport: Transport.NatsConnection
  readonly requests: Requests
  readonly publisher: Publisher
  readonly capabilities: Capabilities
  /** Tells apart what this process sends from what any other does. */
  readonly instance: string
  readonly payloadBytesMax: () => number
  readonly status: () => ConnectionStatus
  /** Calls back at every change; answers how to stop. */
  readonly onChange: (listener: (connected: boolean) => void) => () => void
}

const pingIntervalMs = 10_000
const handshakeTimeoutMs = 5_000

const open = (config: Resolved, delay: () => number) =>
  Effect.tryPromise({
    try: () =>
      Transport.connect({
        servers: [...config.servers],
        name: config.clientName,
        ...(config.user === undefined ? {} : { user: config.user }),
        ...(config.password === undefined ? {} : { pass: Redacted.value(config.password) }),
        ...(config.token === undefined ? {} : { token: Redacted.value(config.token) }),
        maxReconnectAttempts: -1,
        ignoreAuthErrorAbort: true,
        reconnectDelayHandler: delay,
        pingInterval: pingIntervalMs,
        maxPingOut: 2,
        timeout: handshakeTimeoutMs,
        noAsyncTraces: true,
      }),
    catch: (cause) => new ConnectFailed({ servers: config.servers, detail: String(cause) }),
  })

const disabled: ReadonlyArray<number> = [errorCodes.notEnabled, errorCodes.notEnabledForAccount]

/** "Not enabled" is also what a server answers while it starts: only the start-up limit tells. */
const apiLevel = (config: Resolved, requests: Requests) =>
  call<{ readonly api?: { readonly level?: number } }>(requests, "$JS.API.INFO").pipe(
    Effect.retry({
      schedule: Schedule.spaced(config.limits.retryDelayMaxMs / 4).pipe(
        Schedule.upTo({ duration: config.limits.startupMs }),
      ),
      while: (error: ApiError) => isTransient(error) || disabled.includes(error.errorCode),
    }),
    Effect.map((info) => info.api?.level ?? 0),
    Effect.mapError((error) => new JetStreamDisabled({ servers: config.servers, detail: error.detail })),
  )

const make = Effect.fnUntraced(function* (config: Resolved) {
  const listeners = new Set<(connected: boolean) => void>()
  let status: ConnectionStatus = {
    connected: true,
    server: "",
    since: Date.now(),
    reconnects: 0,
    lastError: undefined,
  }
  // The client asks before every attempt: the longer the break lasts, the longer the pause, up to the limit.
  const { retryDelayMinMs, retryDelayMaxMs } = config.limits
  const delay = () =>
    Math.min(retryDelayMaxMs, Math.max(retryDelayMinMs, (Date.now() - status.since) / 4)) *
    (0.75 + Math.random() / 4)

  const transport = yield* Effect.acquireRelease(
    open(config, delay).pipe(
      Effect.retry({
        schedule: Schedule.spaced(retryDelayMaxMs / 4).pipe(
          Schedule.upTo({ duration: config.limits.startupMs }),
        ),
        while: (error: ConnectFailed) => !/authori[sz]ation|authentication/i.test(error.detail),
      }),
    ),
    (connection) => Effect.promise(() => connection.close().catch(() => undefined)),
  )
  const requests = yield* Effect.acquireRelease(
    Effect.sync(() => new Requests(transport, config.limits)),
    (open) => Effect.sync(() => open.close()),
  )
  status = { ...status, server: transport.getServer() }

  const change = (connected: boolean) => {
    if (status.connected === connected) return
    const reconnects = status.reconnects + (connected ? 1 : 0)
    status = { ...status, connected, server: transport.getServer(), since: Date.now(), reconnects }
    if (connected) requests.connected()
    else requests.disconnected()
    for (const listener of listeners) listener(connected)
  }
  void (async () => {
    for await (const event of transport.status()) {
      if (event.type === "disconnect" || event.type === "close") change(false)
      else if (event.type === "reconnect") change(true)
      else if (event.type === "error") status = { ...status, lastError: String(event.error) }
    }
  })()

  const level = yield* apiLevel(config, requests)
  const { version = "0.0.0", cluster } = transport.info ?? {}
  const capabilities = capabilitiesOf(version, level, cluster !== undefined)
  yield* requireServer(capabilities, config.replicas)
  return Nats.of({
    transport,
    requests,
    publisher: new Publisher(requests),
    capabilities,
    instance: crypto.randomUUID().slice(0, 13),
    payloadBytesMax: () => transport.info?.max_payload ?? 1024 * 1024,
    status: () => status,
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  })
})

/** The connection and what is known about the server at its other end. */
export class Nats extends Context.Service<Nats, NatsConnection>()("millrace/streams/Nats") {
  /** Errors: `ConnectFailed`, `JetStreamDisabled`, `UnsupportedByServer`. */
  static readonly layer = (config: Resolved) => Layer.effect(Nats, make(config))
}
