/**
 * `agent.execute` as server-sent events: each is an answer of JSON-RPC to the request, with an event of the seed as its
 * result, and the last one has the result that the request has without a stream. Leaving does not end the task.
 * Source: seed 0 §3.2, §4.3.
 */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import type { TaskEvent } from "../../schemas/index.ts"
import { toGatewayError } from "../errors.ts"
import { JsonRpcFailure } from "../json-rpc-failure.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { EventStream } from "../sse/event-stream.ts"
import { admittedFor, openStream } from "../stream-access.ts"
import { seedFailureOf } from "./seed-errors.ts"
import { answerSeedMethod, type SeedCall } from "./seed-methods.ts"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

/** Undefined for what the seed has no event for. */
const inSeedShape = (event: TaskEvent, agent: string): object | undefined => {
  const at = { timestamp: timestamp(event.at) }
  switch (event.type) {
    case "message":
    case "blocks":
      return undefined
    case "status":
      return event.status === "working" ? { type: "start", agent_id: agent, ...at } : undefined
    case "token":
      return { type: "token", content: event.content, index: event.index, ...at }
    case "transfer":
      return {
        type: "agent_transfer",
        from_agent: event.from,
        to_agent: event.to,
        reason: event.reason,
        ...at,
      }
    case "restart":
      return { type: "restart", agent_id: event.agent, index: event.index, reason: event.reason, ...at }
  }
}

const wantsStream = (request: GatewayRequest, { params }: SeedCall): boolean => {
  const { stream } = (params ?? {}) as { readonly stream?: unknown }
  if (typeof stream === "boolean") return stream
  const accepted = request.context.headers.accept ?? ""
  return accepted.includes("text/event-stream") && !accepted.includes("application/json")
}

/** Whether the answer to this request is a stream. One in a batch is none. */
export const isSeedStream = (request: GatewayRequest, call: SeedCall): boolean =>
  call.method === "agent.execute" && call.id !== undefined && wantsStream(request, call)

const errorOf = (failure: unknown) => {
  const { code, message, data } = failure instanceof JsonRpcFailure ? failure : seedFailureOf(failure)
  return { code, message, data }
}

/** Until the task has begun a failure is an answer of its own: it rejects with a `JsonRpcFailure`. */
export const streamSeedMethod = (
  services: GatewayServices,
  request: GatewayRequest,
  call: SeedCall,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    const { id, params } = call
    const agent = call.agent ?? String((params as { readonly agent_id?: unknown } | undefined)?.agent_id)
    request.interruption ??= new AbortController()
    const { interruption } = request
    let stream: EventStream | undefined
    const send = (content: object) => stream?.send({ jsonrpc: "2.0", id, ...content })
    const end = (content: object) => {
      send(content)
      stream?.end()
    }
    const remove = openStream(services, admittedFor(request, "agent:execute"), {
      stop: () => stream?.end(),
      // Whoever may not go on gets no answer any more.
      refuse: (error) => {
        end({ error: errorOf(toGatewayError(error)) })
        interruption.abort()
      },
    })
    const begin = () => {
      stream = new EventStream(request.http.env.outgoing, {
        headers: responseHeaders(request.context),
        pingEveryMs: services.limits.pingEveryMs,
        bufferBytesMax: services.limits.sendBufferBytesMax,
        closed: remove,
      })
      resolve(RESPONSE_ALREADY_SENT)
    }
    const told = (event: TaskEvent) => {
      if (stream === undefined) begin()
      const result = inSeedShape(event, agent)
      if (result !== undefined) send({ result })
    }
    const finished = answerSeedMethod(services, request, { ...call, told }).then((result) => {
      if (stream === undefined) begin()
      const { tokens_used, execution_time } = result.metadata
      // Units: seconds, as the seed's stream has it.
      const summary = { type: "end", total_tokens: tokens_used, execution_time: execution_time / 1_000 }
      end({ result: { ...summary, ...result } })
    })
    finished.catch((failure: unknown) => {
      if (stream === undefined) {
        remove()
        return reject(failure)
      }
      end({ error: errorOf(failure) })
    })
  })
