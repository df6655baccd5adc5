/** Chat sessions over HTTP: open, history, say (answered as an event stream), stop, transfer. Source: seed 0 §4.3. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import { ChatSessionProtocol, chatEndpoints } from "../../schemas/index.ts"
import { idempotentIdOf } from "../idempotency-key.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { checkAccess, readSession } from "../session/access.ts"
import { inSessionTrace, sessionSpan, sessionTrace, sessionTraceparent } from "../session/session-trace.ts"
import { resumeAfter, streamSession } from "../sse/session-stream.ts"
import { runTraced } from "../traced.ts"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

/** Where people reach the node; where nobody said, at the name that the client used. */
const websocketUrl = ({ login }: GatewayServices, { http }: GatewayRequest, session: string): string => {
  const { host, "x-forwarded-proto": forwarded } = http.env.incoming.headers
  const base = login.publicUrl ?? `${forwarded === "https" ? "https" : "http"}://${host || "localhost"}`
  return `${base.replace(/^http/, "ws").replace(/\/$/, "")}/ws/${session}`
}

/** What is done in a session stands in the session's trace. */
const enterSession = (request: GatewayRequest, session: string): void => {
  request.context = inSessionTrace(request.context, session)
}

export const chatRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const callOf = ({ identity }: GatewayRequest) => ({ tenant: identity.tenant, principal: identity.user })

  const open = route(services, chatEndpoints.open, async (request, { body: { agent_id, title = "" } }) => {
    const session = randomUUID()
    const startMs = Date.now()
    request.context = inSessionTrace(request.context, session)
    const command = {
      _tag: "Open",
      agentId: String(agent_id),
      title,
      owner: request.identity.user,
    } as const
    const opened = await runTraced(
      services,
      request,
      "POST /api/chat/sessions/",
      engine.ask(ChatSessionProtocol, session, command, callOf(request)),
    )
    services.recordSpan(sessionSpan(session, request.identity, startMs, Date.now()))
    return {
      session_id: session,
      trace_id: sessionTrace(session).traceId,
      websocket_url: websocketUrl(services, request, session),
      created_at: timestamp(opened.createdAt),
    }
  })

  const history = route(services, chatEndpoints.history, async (request, { params: { session } }) => {
    enterSession(request, session)
    const read = readSession(services, request.identity, session)
    const view = await runTraced(services, request, "GET /api/chat/sessions/{id}/messages/", read)
    return {
      session_id: session,
      title: view.title,
      agent_id: view.agent,
      messages: view.messages.map(({ turn, role, agent, content, at }) => ({
        turn,
        role,
        content,
        ...(agent === undefined ? {} : { agent_id: agent }),
        created_at: timestamp(at),
      })),
      total: view.messages.length,
      last_event: view.last,
    }
  })

  const say = route(services, chatEndpoints.say, async (request, { params: { session }, body }) => {
    enterSession(request, session)
    const { content, message_id } = body
    const messageId = message_id ?? idempotentIdOf(request) ?? randomUUID()
    const saying = Effect.andThen(
      checkAccess(services, request.identity, session),
      engine.ask(ChatSessionProtocol, session, { _tag: "Say", messageId, content }, callOf(request)),
    )
    const { turn, after } = await runTraced(
      services,
      request,
      "POST /api/chat/sessions/{id}/messages/",
      saying,
    )
    return streamSession(services, request, { session, after, turn })
  })

  const follow = route(services, chatEndpoints.follow, async (request, { params: { session } }) => {
    enterSession(request, session)
    const after = resumeAfter(request)
    const read = readSession(services, request.identity, session)
    const view = await runTraced(services, request, "GET /api/chat/sessions/{id}/events", read)
    return streamSession(services, request, { session, after: after ?? view.last })
  })

  const stop = route(services, chatEndpoints.stop, async (request, { params: { session }, body }) => {
    enterSession(request, session)
    const stopping = Effect.andThen(
      checkAccess(services, request.identity, session),
      engine.ask(ChatSessionProtocol, session, { _tag: "Stop", ...body }, callOf(request)),
    )
    const { stopped } = await runTraced(services, request, "POST /api/chat/sessions/{id}/stop", stopping)
    return { stopped }
  })

  const transfer = route(services, chatEndpoints.transfer, async (request, { params: { session }, body }) => {
    enterSession(request, session)
    const { to_agent, reason = "asked by the user" } = body
    const command = { _tag: "Transfer", toAgent: String(to_agent), reason, context: "full" } as const
    const transferring = Effect.andThen(
      checkAccess(services, request.identity, session),
      engine.ask(ChatSessionProtocol, session, command, {
        ...callOf(request),
        trace: sessionTraceparent(session),
      }),
    )
    const { from, to } = await runTraced(
      services,
      request,
      "POST /api/chat/sessions/{id}/transfer",
      transferring,
    )
    return { from_agent: from, to_agent: to }
  })

  return [open, history, say, follow, stop, transfer]
}
