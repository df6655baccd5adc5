/** `/ws/{session_id}?token=`: checks access and then upgrades; a refusal is an HTTP status, not a socket. */
import { upgradeWebSocket } from "@hono/node-server"
import * as Effect from "effect/Effect"
import type { WebSocket } from "ws"
import { chatEndpoints } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"
import { GatewayError, toGatewayError } from "../errors.ts"
import { isOwnOrigin } from "../own-origin.ts"
import { type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { checkAccess, readSession } from "../session/access.ts"
import { inSessionTrace } from "../session/session-trace.ts"
import { resumeAfter } from "../sse/session-stream.ts"
import { runTraced } from "../traced.ts"
import { SessionSocket } from "./session-socket.ts"

/** The bound on open streams is met after the upgrade: the socket is told to come back. */
const openSocket = (...parts: ConstructorParameters<typeof SessionSocket>): SessionSocket | undefined => {
  try {
    return new SessionSocket(...parts)
  } catch (failure) {
    parts[2].close(1013, toGatewayError(failure).message)
    return undefined
  }
}

/** A browser lets pages of any site open a socket, and does not ask us first. Who names no origin is no browser. */
const foreignOrigin = (origin: string | undefined) =>
  new GatewayError(403, "CHT_WS_002", "Pages of this site may not open sockets here.", {
    origin,
    remedy: "have the site's origin added to CORS_ORIGINS",
  })

const newest = (...session: Parameters<typeof readSession>) =>
  Effect.map(readSession(...session), ({ last }) => last)

/** Who comes back is not held up by a question to the session: thousands may at once. */
const resuming = (services: GatewayServices, identity: Identity, session: string, seen: number) =>
  Effect.as(checkAccess(services, identity, session), seen)

const noUpgrade = () => new GatewayError(400, "CHT_WS_001", "This path takes WebSockets only.")

export const socketRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, chatEndpoints.socket, async (request, { params: { session } }) => {
    const { http, identity } = request
    const { headers } = http.env.incoming
    if (headers.upgrade?.toLowerCase() !== "websocket") throw noUpgrade()
    if (!isOwnOrigin(services, headers)) throw foreignOrigin(headers.origin)
    request.context = inSessionTrace(request.context, session)
    const seen = resumeAfter(request)
    const access =
      seen === undefined ? newest(services, identity, session) : resuming(services, identity, session, seen)
    const after = await runTraced(services, request, "GET /ws/{id}", access)
    const at = { session, after }
    let socket: SessionSocket | undefined
    const upgrade = upgradeWebSocket(() => ({
      onOpen: (_, { raw }) => {
        socket = openSocket(services, request, raw as WebSocket, at)
      },
      onMessage: (message) => socket?.receive(message.data),
      onClose: () => socket?.closed(),
      onError: () => socket?.closed(),
    }))
    const upgraded = await upgrade(http, async () => {})
    if (upgraded === undefined) throw noUpgrade()
    return upgraded
  }),
]
