/** Chat sessions over HTTP, event streams and WebSockets. Shape: seed 0 §4.3 and §8. */
import * as Schema from "effect/Schema"
import { MessageContent } from "../chat-session.ts"
import { Id } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, Timestamp, TraceId } from "./paging.ts"

const AgentId = Schema.Union([Id, Schema.Int])
const one = "/api/chat/sessions/:session"
const params = { session: ActorKey }
const permission = "chat:use"
const ofSession = ["CHT_SES_001", "CHT_AUTH_001"] as const

/** The number of the last event that was seen: what comes after it is sent. Like `Last-Event-ID`. */
const after = Schema.optionalKey(Schema.String.check(Schema.isPattern(/^\d{0,15}$/u)))

export const chatEndpoints = {
  open: endpoint({
    id: "chat.sessions.open",
    method: "POST",
    path: "/api/chat/sessions/",
    summary: "Begin a conversation with an agent.",
    permission,
    body: Schema.Struct({
      agent_id: AgentId,
      title: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200))),
    }),
    example: { agent_id: "guide", title: "first steps" },
    answer: Schema.Struct({
      session_id: Id,
      trace_id: TraceId,
      websocket_url: Schema.String,
      created_at: Timestamp,
    }),
    status: 201,
  }),
  history: endpoint({
    id: "chat.messages.list",
    method: "GET",
    path: `${one}/messages/`,
    summary: "What was said in a conversation.",
    permission,
    params,
    answer: Schema.Struct({
      session_id: ActorKey,
      title: Schema.String,
      agent_id: Id,
      messages: Schema.Array(
        Schema.Struct({
          turn: Schema.Int,
          role: Schema.Literals(["user", "assistant"]),
          content: Schema.String,
          agent_id: Schema.optionalKey(Id),
          created_at: Timestamp,
        }),
      ),
      total: Schema.Int,
      last_event: Schema.Int,
    }),
    errors: ofSession,
  }),
  say: endpoint({
    id: "chat.messages.say",
    method: "POST",
    path: `${one}/messages/`,
    summary:
      "Say something; the answer comes as an event stream. The same Idempotency-Key says nothing twice.",
    permission,
    rate: "model-call",
    media: "text/event-stream",
    status: 200,
    params,
    body: Schema.Struct({
      role: Schema.optionalKey(Schema.Literal("user")),
      content: MessageContent,
      /** The same id again says nothing twice. */
      message_id: Schema.optionalKey(Id),
      metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
    }),
    example: { content: "what can you do?" },
    errors: [...ofSession, "CHT_SES_003"],
  }),
  follow: endpoint({
    id: "chat.events.follow",
    method: "GET",
    path: `${one}/events`,
    summary: "All events of a conversation from now on, or from after the last one seen, as an event stream.",
    permission,
    rate: "stream",
    media: "text/event-stream",
    status: 200,
    params,
    query: { after },
    errors: ofSession,
  }),
  stop: endpoint({
    id: "chat.turns.stop",
    method: "POST",
    path: `${one}/stop`,
    summary: "End the running answer.",
    permission,
    params,
    body: Schema.Struct({ turn: Schema.optionalKey(Schema.Int) }),
    answer: Schema.Struct({ stopped: Schema.Boolean }),
    errors: ofSession,
  }),
  transfer: endpoint({
    id: "chat.sessions.transfer",
    method: "POST",
    path: `${one}/transfer`,
    summary: "Give a conversation to another agent.",
    permission,
    params,
    body: Schema.Struct({
      to_agent: AgentId,
      reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(500))),
    }),
    answer: Schema.Struct({ from_agent: Id, to_agent: Id }),
    errors: ofSession,
  }),
  socket: endpoint({
    id: "chat.connectSocket",
    method: "GET",
    path: "/ws/:session",
    summary: "A conversation over a WebSocket; browsers send the token in the query.",
    permission,
    rate: "stream",
    media: "websocket",
    params,
    query: { token: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(8_192))), after },
    errors: [...ofSession, "CHT_WS_001"],
  }),
} as const
