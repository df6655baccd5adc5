/**
 * Chat sessions over HTTP: open, list, rename, delete, history, export, say (answered as an event stream), stop, transfer.
 * Source: seed 0 §4.3.
 */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ChatIndex } from "../../actors/index.ts"
import {
  ChatSessionProtocol,
  chatEndpoints,
  type HandoverTerms,
  type SessionTotals,
} from "../../schemas/index.ts"
import { usableAgentOf } from "../agent-access.ts"
import { scopesOf } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"
import { idempotentIdOf } from "../idempotency-key.ts"
import { responseHeaders } from "../request-context.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { checkAccess, checkMayAsk, readSession } from "../session/access.ts"
import { exportFormats, exportStream } from "../session/export.ts"
import { messageBody, readHistory } from "../session/history.ts"
import { requireRoom } from "../session/owned.ts"
import { inSessionTrace, sessionSpan, sessionTrace, sessionTraceparent } from "../session/session-trace.ts"
import { resumeAfter, streamSession } from "../sse/session-stream.ts"
import { runTraced } from "../traced.ts"

const limitDefault = 20
const messagesDefault = 50

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

/** Where people reach the node; where nobody said, at the name that the client used. */
const websocketUrl = ({ login }: GatewayServices, { http }: GatewayRequest, session: string): string => {
  const { host, "x-forwarded-proto": forwarded } = http.env.incoming.headers
  const base = login.publicUrl ?? `${forwarded === "https" ? "https" : "http"}://${host || "localhost"}`
  return `${base.replace(/^http/, "ws").replace(/\/$/, "")}/ws/${session}`
}

const totalsBody = ({ tokens, executionMs, usage }: SessionTotals) => ({
  tokens,
  execution_time: executionMs / 1_000,
  usage,
})

const noneBefore = () =>
  new GatewayError(409, "CHT_SES_004", "No other agent had this conversation before.", {
    remedy: "transfer it to an agent that you name",
  })

/** What is done in a session stands in the session's trace. */
const enterSession = (request: GatewayRequest, session: string): void => {
  request.context = inSessionTrace(request.context, session)
}

const callOf = ({ identity }: GatewayRequest) => ({ tenant: identity.tenant, principal: identity.user })

/** The sessions themselves: from their opening to their deletion. */
const sessionRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services

  const open = route(services, chatEndpoints.open, async (request, { body: { agent_id, title = "" } }) => {
    const session = randomUUID()
    const startMs = Date.now()
    request.context = inSessionTrace(request.context, session)
    const { identity } = request
    const agentId = String(agent_id)
    const opening = Effect.andThen(
      Effect.andThen(usableAgentOf(identity, agentId), requireRoom(identity)),
      engine.ask(
        ChatSessionProtocol,
        session,
        { _tag: "Open", agentId, title: title.trim(), owner: identity.user },
        callOf(request),
      ),
    )
    const opened = await runTraced(services, request, "POST /api/chat/sessions/", opening)
    services.recordSpan(sessionSpan(session, identity, startMs, Date.now()))
    return {
      session_id: session,
      trace_id: sessionTrace(session).traceId,
      websocket_url: websocketUrl(services, request, session),
      created_at: timestamp(opened.createdAt),
    }
  })

  const list = route(services, chatEndpoints.list, async (request, { query }) => {
    const { page = 1, limit = limitDefault, search, agent_id: agent } = query
    const { tenant, user } = request.identity
    const listing = ChatIndex.use((index) => index.list(tenant, user, { page, limit, search, agent }))
    const { rows, total } = await runTraced(services, request, "GET /api/chat/sessions/", listing)
    const sessions = rows.map((head) => ({
      session_id: head.session,
      title: head.title,
      agent_id: head.agent,
      created_at: timestamp(head.createdAt),
      last_activity: timestamp(head.lastActivity),
      turns: head.turns,
      messages: head.messages,
      totals: totalsBody(head.totals),
    }))
    return { sessions, total, page, limit }
  })

  const get = route(services, chatEndpoints.get, async (request, { params: { session } }) => {
    enterSession(request, session)
    const reading = readSession(services, request.identity, session)
    const view = await runTraced(services, request, "GET /api/chat/sessions/{id}", reading)
    const { activeTurn, previousAgent } = view
    return {
      session_id: session,
      title: view.title,
      agent_id: view.agent,
      created_at: timestamp(view.createdAt),
      last_activity: timestamp(view.lastActivity),
      turns: view.turns,
      messages: view.lastMessage,
      totals: totalsBody(view.totals),
      trace_id: sessionTrace(session).traceId,
      ...(previousAgent === undefined ? {} : { previous_agent: previousAgent }),
      ...(activeTurn === undefined ? {} : { active_turn: activeTurn }),
      last_event: view.last,
    }
  })

  const rename = route(services, chatEndpoints.rename, async (request, { params: { session }, body }) => {
    enterSession(request, session)
    const renaming = Effect.andThen(
      checkAccess(services, request.identity, session),
      engine.ask(ChatSessionProtocol, session, { _tag: "Rename", ...body }, callOf(request)),
    )
    const { title } = await runTraced(services, request, "PATCH /api/chat/sessions/{id}", renaming)
    return { session_id: session, title }
  })

  const remove = route(services, chatEndpoints.delete, async (request, { params: { session } }) => {
    enterSession(request, session)
    const deleting = Effect.andThen(
      checkAccess(services, request.identity, session),
      engine.ask(ChatSessionProtocol, session, { _tag: "Delete" }, callOf(request)),
    )
    await runTraced(services, request, "DELETE /api/chat/sessions/{id}", deleting)
    return undefined
  })

  return [open, list, get, rename, remove]
}

/** What was said. */
const historyRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, chatEndpoints.history, async (request, { params: { session }, query }) => {
    enterSession(request, session)
    const { before, limit = messagesDefault } = query
    const reading = readHistory(services, request.identity, session, { before, limit })
    const name = "GET /api/chat/sessions/{id}/messages/"
    const { view, messages } = await runTraced(services, request, name, reading)
    const first = messages[0]?.number ?? 1
    return {
      session_id: session,
      title: view.title,
      agent_id: view.agent,
      messages: messages.map(messageBody),
      total: view.lastMessage,
      ...(first > 1 ? { next_before: first } : {}),
      last_event: view.last,
    }
  }),
  route(services, chatEndpoints.export, async (request, { params: { session }, query }) => {
    enterSession(request, session)
    const reading = readSession(services, request.identity, session)
    const view = await runTraced(services, request, "GET /api/chat/sessions/{id}/export", reading)
    const format = exportFormats[query.format ?? "json"]
    const stream = exportStream(services, request.identity, view, format)
    return new Response(Stream.toReadableStreamWith(stream, services.context), {
      headers: {
        ...responseHeaders(request.context),
        "Content-Type": format.type,
        "Content-Disposition": `attachment; filename="chat-session.${format.extension}"`,
      },
    })
  }),
]

/** Turns, and who answers them. */
const turnRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services

  const say = route(services, chatEndpoints.say, async (request, { params: { session }, body }) => {
    enterSession(request, session)
    const { content, message_id } = body
    const seen = resumeAfter(request) ?? 0
    const messageId = message_id ?? idempotentIdOf(request) ?? randomUUID()
    const saying = Effect.andThen(
      checkMayAsk(services, request.identity, session),
      engine.ask(
        ChatSessionProtocol,
        session,
        { _tag: "Say", messageId, content, ...scopesOf(request.identity) },
        callOf(request),
      ),
    )
    const name = "POST /api/chat/sessions/{id}/messages/"
    const { turn, after } = await runTraced(services, request, name, saying)
    // Who lost the stream of the same message goes on after what it saw.
    return streamSession(services, request, { session, after: Math.max(after, seen), turn })
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

  const handOver = (
    request: GatewayRequest,
    session: string,
    toAgent: string,
    terms: Partial<HandoverTerms>,
  ) => {
    const { reason = "asked by the user", context = "full", messages } = terms
    const handover = { toAgent, reason, context, ...(messages === undefined ? {} : { messages }) }
    return Effect.andThen(
      usableAgentOf(request.identity, toAgent),
      engine.ask(
        ChatSessionProtocol,
        session,
        { _tag: "Transfer", ...handover },
        { ...callOf(request), trace: sessionTraceparent(session) },
      ),
    )
  }

  const transfer = route(services, chatEndpoints.transfer, async (request, { params: { session }, body }) => {
    enterSession(request, session)
    const { to_agent, ...terms } = body
    const transferring = Effect.andThen(
      checkAccess(services, request.identity, session),
      handOver(request, session, String(to_agent), terms),
    )
    const name = "POST /api/chat/sessions/{id}/transfer"
    const { from, to } = await runTraced(services, request, name, transferring)
    return { from_agent: from, to_agent: to }
  })

  const back = route(services, chatEndpoints.transferBack, async (request, { params: { session }, body }) => {
    enterSession(request, session)
    const returning = Effect.flatMap(readSession(services, request.identity, session), ({ previousAgent }) =>
      previousAgent === undefined
        ? Effect.fail(noneBefore())
        : handOver(request, session, previousAgent, body),
    )
    const name = "POST /api/chat/sessions/{id}/transfer/back"
    const { from, to } = await runTraced(services, request, name, returning)
    return { from_agent: from, to_agent: to }
  })

  return [say, follow, stop, transfer, back]
}

export const chatRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  ...sessionRoutes(services),
  ...historyRoutes(services),
  ...turnRoutes(services),
]
