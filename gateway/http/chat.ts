/** Chat sessions over HTTP: open, history, say (answered as an event stream), stop, transfer. Source: seed 0 §4.3. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ChatSessionProtocol, Id, MessageContent } from "../../schemas/index.ts"
import { idempotentIdOf } from "../idempotency-key.ts"
import { type GatewayRequest, json, type Route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { checkAccess, readSession } from "../session/access.ts"
import { inSessionTrace, sessionSpan, sessionTrace, sessionTraceparent } from "../session/session-trace.ts"
import { resumeAfter, streamSession } from "../sse/session-stream.ts"
import { runTraced } from "../traced.ts"
import { bodyDecoder, readObject } from "./body.ts"

const AgentId = Schema.Union([Id, Schema.Int])
const decodeOpening = bodyDecoder(
  Schema.Struct({
    agent_id: AgentId,
    title: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200))),
  }),
)
const decodeMessage = bodyDecoder(
  Schema.Struct({
    role: Schema.optionalKey(Schema.Literal("user")),
    content: MessageContent,
    /** The same id again says nothing twice. */
    message_id: Schema.optionalKey(Id),
    metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  }),
)
const decodeStop = bodyDecoder(Schema.Struct({ turn: Schema.optionalKey(Schema.Int) }))
const decodeTransfer = bodyDecoder(
  Schema.Struct({
    to_agent: AgentId,
    reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(500))),
  }),
)

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

const websocketUrl = ({ http }: GatewayRequest, session: string): string => {
  const { host, "x-forwarded-proto": forwarded } = http.env.incoming.headers
  return `${forwarded === "https" ? "wss" : "ws"}://${host ?? "localhost"}/ws/${session}`
}

const sessionOf = (request: GatewayRequest): string => {
  const session = request.http.req.param("session")!
  request.context = inSessionTrace(request.context, session)
  return session
}

export const chatRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine, limits } = services
  const body = (request: GatewayRequest) => readObject(request.http.env.incoming, limits.bodyBytesMax)
  const callOf = ({ identity }: GatewayRequest) => ({ tenant: identity.tenant, principal: identity.user })

  const open = async (request: GatewayRequest) => {
    const { agent_id, title = "" } = decodeOpening(await body(request))
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
    return json(request.context, 201, {
      session_id: session,
      trace_id: sessionTrace(session).traceId,
      websocket_url: websocketUrl(request, session),
      created_at: timestamp(opened.createdAt),
    })
  }

  const history = async (request: GatewayRequest) => {
    const session = sessionOf(request)
    const read = readSession(services, request.identity, session)
    const view = await runTraced(services, request, "GET /api/chat/sessions/{id}/messages/", read)
    return json(request.context, 200, {
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
    })
  }

  const say = async (request: GatewayRequest) => {
    const session = sessionOf(request)
    const { content, message_id } = decodeMessage(await body(request))
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
  }

  const follow = async (request: GatewayRequest) => {
    const session = sessionOf(request)
    const after = resumeAfter(request)
    const read = readSession(services, request.identity, session)
    const view = await runTraced(services, request, "GET /api/chat/sessions/{id}/events", read)
    return streamSession(services, request, { session, after: after ?? view.last })
  }

  const stop = async (request: GatewayRequest) => {
    const session = sessionOf(request)
    const fields = decodeStop(await body(request))
    const stopping = Effect.andThen(
      checkAccess(services, request.identity, session),
      engine.ask(ChatSessionProtocol, session, { _tag: "Stop", ...fields }, callOf(request)),
    )
    const { stopped } = await runTraced(services, request, "POST /api/chat/sessions/{id}/stop", stopping)
    return json(request.context, 200, { stopped })
  }

  const transfer = async (request: GatewayRequest) => {
    const session = sessionOf(request)
    const { to_agent, reason = "asked by the user" } = decodeTransfer(await body(request))
    const command = { _tag: "Transfer", toAgent: String(to_agent), reason } as const
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
    return json(request.context, 200, { from_agent: from, to_agent: to })
  }

  const one = "/api/chat/sessions/:session"
  const permission = "chat:use"
  return [
    { method: "POST", path: "/api/chat/sessions/", permission, handle: open },
    { method: "GET", path: `${one}/messages/`, permission, handle: history },
    { method: "POST", path: `${one}/messages/`, permission, handle: say },
    { method: "GET", path: `${one}/events`, permission, handle: follow },
    { method: "POST", path: `${one}/stop`, permission, handle: stop },
    { method: "POST", path: `${one}/transfer`, permission, handle: transfer },
  ]
}
