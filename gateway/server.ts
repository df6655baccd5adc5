/** Listens for the scope's time. Stopping first refuses new connections, then ends streams, then waits for answers. */
import { createServer, type Server } from "node:http"
import { createAdaptorServer, getRequestListener, type WebSocketServerLike } from "@hono/node-server"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { WebSocketServer } from "ws"
import { type Listening, listenFor } from "./acceptors.ts"
import { makeApp } from "./app.ts"
import { answerBroken, brokenTarget } from "./broken-requests.ts"
import type { GatewayAddress, GatewayLimits } from "./config.ts"
import { isUpgrade, refusedUpgrades } from "./refused-upgrades.ts"
import type { GatewayServices } from "./services.ts"

/** Nobody could be listened to at this address. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  host: Schema.String,
  port: Schema.Int,
  reason: Schema.String,
}) {
  readonly code = "listen-failed"
  readonly kind = "terminal"
  override get message() {
    return `The gateway cannot listen on ${this.host}:${this.port}: ${this.reason}`
  }
}

const reasonOf = (cause: NodeJS.ErrnoException): string =>
  cause.code === "EADDRINUSE"
    ? "the port is in use; stop the other process, or set PORT"
    : cause.code === "EACCES"
      ? "this user may not use that port; set PORT to one above 1023"
      : String(cause.code ?? cause.message)

/** Longer than any proxy keeps an idle connection, so that it is the proxy that closes. */
const keepAliveMs = 75_000

/** How often connections are looked at that have not sent their request, at the least. */
const checkConnectionsMsMax = 1_000

const serverOptions = ({ headerBytesMax, headersMsMax, receiveMsMax }: GatewayLimits) => ({
  maxHeaderSize: headerBytesMax,
  headersTimeout: headersMsMax,
  requestTimeout: receiveMsMax,
  connectionsCheckingInterval: Math.min(checkConnectionsMsMax, headersMsMax),
  keepAliveTimeout: keepAliveMs,
  shouldUpgradeCallback: isUpgrade,
})

interface Open {
  readonly server: Server
  readonly listening: Listening
}

const listen = (services: GatewayServices, address: GatewayAddress): Effect.Effect<Open, ListenFailed> => {
  const { host, port } = address
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: services.limits.frameBytesMax,
    // Tokens are too short to be worth the memory that compression takes for each connection.
    perMessageDeflate: false,
  })
  // A frame that breaks the protocol closes its own socket, with the right code; nobody else hears of it.
  sockets.on("connection", (socket) => socket.on("error", () => {}))
  const app = makeApp(services)
  const upgrades = refusedUpgrades(services, sockets, app.fetch)
  const server = createAdaptorServer({
    // Only upgrades come here.
    fetch: upgrades.fetch,
    // The listener of its own, so that a request whose line or host cannot be read gets an answer like all others.
    createServer: () =>
      createServer(
        serverOptions(services.limits),
        getRequestListener(app.fetch, { hostname: host, errorHandler: brokenTarget(services) }),
      ),
    hostname: host,
    websocket: { server: sockets as unknown as WebSocketServerLike },
  }) as Server
  server.on("upgrade", upgrades.listener)
  server.on("clientError", answerBroken(services))
  return Effect.tryPromise({
    try: async () => ({ server, listening: await listenFor(server, address) }),
    catch: (cause) => new ListenFailed({ host, port, reason: reasonOf(cause as NodeJS.ErrnoException) }),
  })
}

const stop = ({ server, listening }: Open, services: GatewayServices) =>
  Effect.callback<void>((resume) => {
    void listening.close().then(() => resume(Effect.void))
    services.streams.stopAll()
    server.closeIdleConnections()
  }).pipe(
    Effect.timeoutOrElse({
      duration: services.limits.stopGraceMs,
      orElse: () => Effect.sync(() => server.closeAllConnections()),
    }),
  )

/** Gives the port that it listens on. */
export const listenGateway = Effect.fnUntraced(function* (
  services: GatewayServices,
  address: GatewayAddress,
) {
  const { listening } = yield* Effect.acquireRelease(listen(services, address), (open) =>
    stop(open, services),
  )
  return listening.port
})
