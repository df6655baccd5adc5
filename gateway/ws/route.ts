/** `/ws/{session_id}?token=`: logs in, checks access and then upgrades; a refusal is an HTTP status, not a socket. */
import { upgradeWebSocket } from "@hono/node-server"
import type { Context } from "hono"
import type { WebSocket } from "ws"
import { authorize } from "../auth/identity.ts"
import { GatewayError, toGatewayError } from "../errors.ts"
import { beginRequest } from "../request-context.ts"
import {
  errorResponse,
  type GatewayApp,
  type GatewayEnvironment,
  type GatewayRequest,
  identify,
} from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { readSession } from "../session/access.ts"
import { inSessionTrace } from "../session/session-trace.ts"
import { resumeAfter } from "../sse/session-stream.ts"
import { runTraced } from "../traced.ts"
import { SessionSocket } from "./session-socket.ts"

/** A browser cannot set headers on a WebSocket: there the query carries the credential. */
const credentialOf = (http: Context<GatewayEnvironment>): string | undefined => {
  const token = http.req.query("token")
  return token === undefined ? http.req.header("authorization") : `Bearer ${token}`
}

const enter = async (services: GatewayServices, http: Context<GatewayEnvironment>) => {
  const session = http.req.param("session")!
  const context = inSessionTrace(beginRequest(http.env.incoming.headers), session)
  const identity = await identify(services, credentialOf(http))
  authorize(identity, "chat:use")
  const request: GatewayRequest = { http, context, identity }
  const after = resumeAfter(request)
  const view = await runTraced(services, request, "GET /ws/{id}", readSession(services, identity, session))
  return { request, at: { session, after: after ?? view.last } }
}

/** The bound on open streams is met after the upgrade: the socket is told to come back. */
const openSocket = (...parts: ConstructorParameters<typeof SessionSocket>): SessionSocket | undefined => {
  try {
    return new SessionSocket(...parts)
  } catch (failure) {
    parts[2].close(1013, toGatewayError(failure).message)
    return undefined
  }
}

export const mountSessionSocket = (app: GatewayApp, services: GatewayServices): void => {
  app.get("/ws/:session", async (http, next) => {
    try {
      if (http.req.header("upgrade")?.toLowerCase() !== "websocket")
        throw new GatewayError(400, "CHT_WS_001", "This path takes WebSockets only.")
      const { request, at } = await enter(services, http)
      let socket: SessionSocket | undefined
      const upgrade = upgradeWebSocket(() => ({
        onOpen: (_, { raw }) => {
          socket = openSocket(services, request, raw as WebSocket, at)
        },
        onMessage: (message) => socket?.receive(message.data),
        onClose: () => socket?.closed(),
        onError: () => socket?.closed(),
      }))
      return await upgrade(http, next)
    } catch (failure) {
      return errorResponse(beginRequest(http.env.incoming.headers), failure)
    }
  })
}
