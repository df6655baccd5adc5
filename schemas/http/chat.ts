/** Chat sessions over HTTP, event streams and WebSockets. Shape: seed 0 §4.3 and §8. */
import * as Schema from "effect/Schema"
import { HandoverContext, historyMessagesMax, TokenUsage } from "../answer.ts"
import { MessageContent, titleCharactersMax } from "../chat-session.ts"
import { countOf, Id, nameOf, storableTextOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, pageQuery, queryNumber, Timestamp, TraceId } from "./paging.ts"

export const messagesPageMax = 200

const AgentId = Schema.Union([Id, Schema.Int])
const one = "/api/chat/sessions/:session"
const params = { session: ActorKey }
const permission = "chat:use"
const ofSession = ["CHT_SES_001", "CHT_AUTH_001"] as const
const ofAgent = ["AGT_REG_001", "AGT_AUTH_001", "AGT_REG_004"] as const

/** What all answers of a session took. `tokens`: those that were sent to clients; `usage`: of language models. */
const Totals = Schema.Struct({
  tokens: Schema.Int,
  /** Seconds. */
  execution_time: Schema.Finite,
  usage: TokenUsage,
})

const Session = Schema.Struct({
  session_id: ActorKey,
  title: Schema.String,
  /** Who has the conversation now. */
  agent_id: Id,
  created_at: Timestamp,
  last_activity: Timestamp,
  turns: Schema.Int,
  messages: Schema.Int,
  totals: Totals,
})

const Message = Schema.Struct({
  /** From 1, gapless per session. */
  number: Schema.Int,
  turn: Schema.Int,
  role: Schema.Literals(["user", "assistant"]),
  content: Schema.String,
  created_at: Timestamp,
  /** Only of the user's. */
  message_id: Schema.optionalKey(Id),
  /** This and the rest only of the assistant's. */
  agent_id: Schema.optionalKey(Id),
  status: Schema.optionalKey(Schema.Literals(["completed", "stopped", "failed"])),
  tokens: Schema.optionalKey(Schema.Int),
  /** Seconds. */
  execution_time: Schema.optionalKey(Schema.Finite),
  usage: Schema.optionalKey(TokenUsage),
  plan_id: Schema.optionalKey(Id),
  /** Why it failed. */
  code: Schema.optionalKey(Schema.String),
})

/** What the next agent gets of the conversation: all, a summary, or the last `messages`. */
const handover = {
  reason: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(500))),
  context: Schema.optionalKey(HandoverContext),
  messages: Schema.optionalKey(countOf(1, historyMessagesMax)),
}
const Transferred = Schema.Struct({ from_agent: Id, to_agent: Id })

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
      /** Without it the first question becomes the title. */
      title: Schema.optionalKey(storableTextOf(titleCharactersMax)),
    }),
    example: { agent_id: "guide", title: "first steps" },
    answer: Schema.Struct({
      session_id: Id,
      trace_id: TraceId,
      websocket_url: Schema.String,
      created_at: Timestamp,
    }),
    status: 201,
    errors: [...ofAgent, "CHT_SES_007"],
  }),
  list: endpoint({
    id: "chat.sessions.list",
    method: "GET",
    path: "/api/chat/sessions/",
    summary: "Your conversations, newest activity first.",
    permission,
    query: {
      ...pageQuery,
      /** Part of the title. */
      search: Schema.optionalKey(storableTextOf(titleCharactersMax)),
      agent_id: Schema.optionalKey(Id),
    },
    answer: Schema.Struct({
      sessions: Schema.Array(Session),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  get: endpoint({
    id: "chat.sessions.get",
    method: "GET",
    path: one,
    summary: "A conversation: who has it, whether an answer is under way, and what its answers took.",
    permission,
    params,
    answer: Schema.Struct({
      ...Session.fields,
      trace_id: TraceId,
      /** Who had it before. */
      previous_agent: Schema.optionalKey(Id),
      /** The turn whose answer is under way. */
      active_turn: Schema.optionalKey(Schema.Int),
      last_event: Schema.Int,
    }),
    errors: ofSession,
  }),
  rename: endpoint({
    id: "chat.sessions.rename",
    method: "PATCH",
    path: one,
    summary: "Give a conversation another title.",
    permission,
    params,
    body: Schema.Struct({ title: nameOf(titleCharactersMax) }),
    example: { title: "cancelling an order" },
    answer: Schema.Struct({ session_id: ActorKey, title: Schema.String }),
    errors: ofSession,
  }),
  delete: endpoint({
    id: "chat.sessions.delete",
    method: "DELETE",
    path: one,
    summary: "Delete a conversation and all that was said; a running answer ends.",
    permission,
    params,
    errors: ofSession,
  }),
  history: endpoint({
    id: "chat.messages.list",
    method: "GET",
    path: `${one}/messages/`,
    summary: "What was said in a conversation, page by page from the newest.",
    permission,
    params,
    query: {
      /** Those before this number; the newest when absent. */
      before: Schema.optionalKey(queryNumber(1, 1_000_000_000)),
      limit: Schema.optionalKey(queryNumber(1, messagesPageMax)),
    },
    answer: Schema.Struct({
      session_id: ActorKey,
      title: Schema.String,
      agent_id: Id,
      /** Oldest first. */
      messages: Schema.Array(Message),
      /** Of the whole conversation. */
      total: Schema.Int,
      /** `before` of the page with older ones; absent when there are none. */
      next_before: Schema.optionalKey(Schema.Int),
      last_event: Schema.Int,
    }),
    errors: ofSession,
  }),
  export: endpoint({
    id: "chat.sessions.export",
    method: "GET",
    path: `${one}/export`,
    summary: "A whole conversation as a file: JSON, or Markdown to read.",
    permission,
    rate: "batch",
    timeLimit: "own",
    params,
    query: { format: Schema.optionalKey(Schema.Literals(["json", "markdown"])) },
    media: "text/plain",
    status: 200,
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
    errors: [...ofSession, ...ofAgent, "CHT_SES_003"],
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
    body: Schema.Struct({ to_agent: AgentId, ...handover }),
    example: { to_agent: "ops", reason: "a question about metrics", context: "last", messages: 4 },
    answer: Transferred,
    errors: [...ofSession, ...ofAgent, "CHT_SES_003"],
  }),
  transferBack: endpoint({
    id: "chat.sessions.transferBack",
    method: "POST",
    path: `${one}/transfer/back`,
    summary: "Give a conversation back to the agent that had it before.",
    permission,
    params,
    body: Schema.Struct(handover),
    answer: Transferred,
    errors: [...ofSession, ...ofAgent, "CHT_SES_003", "CHT_SES_004"],
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
    errors: [...ofSession, "CHT_WS_001", "CHT_WS_002"],
  }),
} as const
