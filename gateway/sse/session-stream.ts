/** A session's events as server-sent events: one turn until its end, or all there are for as long as the client stays. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import type { SessionEvent } from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { SessionFeed } from "../session/session-feed.ts"
import { openStream } from "../stream-access.ts"
import { EventStream } from "./event-stream.ts"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

/** Shape: seed 0 §4.3; `turn` and `timestamp` on each. */
const inSseShape = (event: SessionEvent): unknown => {
  const { turn } = event
  const common = { turn, timestamp: timestamp(event.at) }
  switch (event.type) {
    case "message":
      return {
        type: "message",
        role: event.role,
        content: event.content,
        message_id: event.message_id,
        ...common,
      }
    case "stream_start":
      return { type: "start", session_id: event.session_id, agent_id: event.agent_id, ...common }
    case "token":
      return { type: "token", content: event.content, index: event.index, ...common }
    case "agent_transfer": {
      const { from_agent, to_agent, reason } = event
      return { type: "agent_transfer", from_agent, to_agent, reason, ...common }
    }
    case "stream_end": {
      const { total_tokens, execution_time, stopped, plan, usage } = event
      return {
        type: "end",
        total_tokens,
        execution_time,
        ...(stopped === undefined ? {} : { stopped }),
        ...(plan === undefined ? {} : { plan_id: plan }),
        ...(usage === undefined ? {} : { usage }),
        ...common,
      }
    }
    case "stream_restart": {
      const { agent_id, index, reason } = event
      return { type: "restart", agent_id, index, reason, ...common }
    }
    case "error":
      return { type: "error", code: event.code, message: event.message, ...common }
  }
}

/** What the client saw last, by header or query; undefined when it says nothing. Throws on anything but a number. */
export const resumeAfter = ({ http }: GatewayRequest): number | undefined => {
  const said = http.req.header("last-event-id") ?? http.req.query("after")
  if (said === undefined || said === "") return undefined
  if (/^\d{1,15}$/.test(said)) return Number(said)
  throw new GatewayError(400, "GTW_HEAD_002", "The event number is not valid.", {
    field: "Last-Event-ID",
    reason: "a whole number, as in an event's id",
  })
}

const endings = new Set<SessionEvent["type"]>(["stream_end", "error"])

/** With `turn` the stream has that turn's answer and ends with it; without, it stays open. */
export const streamSession = (
  services: GatewayServices,
  request: GatewayRequest,
  at: { readonly session: string; readonly after: number; readonly turn?: number },
): Response => {
  const { limits } = services
  const { tenant } = request.identity
  let feed: SessionFeed | undefined
  let closed = false
  let stream: EventStream | undefined
  const end = (code: string, message: string, reconnect = true) => {
    stream?.send({ type: "error", code, message, reconnect, ...(reconnect ? { retry_after: 1 } : {}) })
    stream?.end()
  }
  const remove = openStream(services, request, {
    stop: () => end("GTW_STREAM_003", "This node is shutting down; resume elsewhere."),
    refuse: ({ code, message }) => end(code, message),
  })
  stream = new EventStream(request.http.env.outgoing, {
    headers: responseHeaders(request.context),
    pingEveryMs: limits.pingEveryMs,
    bufferBytesMax: limits.sendBufferBytesMax,
    closed: () => {
      closed = true
      remove()
      feed?.close()
    },
  })
  if (closed) return RESPONSE_ALREADY_SENT
  const open = stream
  /** False when the stream is over with it. */
  const tell = (event: SessionEvent): boolean => {
    const foreign = at.turn !== undefined && (event.turn !== at.turn || event.type === "message")
    if (!foreign) open.send(inSseShape(event), event.n)
    if (at.turn === undefined || event.turn < at.turn) return true
    if (event.turn === at.turn && !endings.has(event.type)) return true
    if (event.turn === at.turn) open.end()
    else end("CHT_STR_001", "The events of this turn are no longer held; read the session's messages.", false)
    return false
  }
  feed = new SessionFeed(
    services,
    { tenant, session: at.session, after: at.after },
    {
      events: (events) => void events.every(tell),
      ready: (go) => open.ready(go),
      missing: (from, to) => open.send({ type: "missing", from, to }, to),
      failed: (error) => {
        // What passes is tried again at the next tick; what does not ends the stream.
        if (error.status !== 503) end(error.code, error.message, error.status !== 404)
      },
    },
  )
  void feed.open()
  return RESPONSE_ALREADY_SENT
}
