/** Anthropic's Messages API over HTTP, streamed and not. */
import type { EgressFetch } from "../egress/egress.ts"
import type { Model } from "../llm-models/model.ts"
import { choiceOfAnswer, finishReason, toAnthropic } from "./anthropic-shapes.ts"
import type { Piece, PieceChoice, Tokens } from "./call.ts"
import { failureOfStatus, UpstreamFailure } from "./failure.ts"
import { eventsOf } from "./sse.ts"
import type { Upstream } from "./upstream.ts"

const version = "2023-06-01"

interface Counts {
  readonly input_tokens?: number
  readonly output_tokens?: number
  readonly cache_creation_input_tokens?: number
  readonly cache_read_input_tokens?: number
}

interface Event {
  readonly type: string
  readonly index?: number
  readonly message?: { readonly usage?: Counts }
  readonly content_block?: { readonly type: string; readonly id?: string; readonly name?: string }
  readonly delta?: {
    readonly type?: string
    readonly text?: string
    readonly partial_json?: string
    readonly stop_reason?: string | null
  }
  readonly usage?: Counts
  readonly error?: { readonly type?: string; readonly message?: string }
}

const tokensOf = (counts: Counts): Tokens | undefined =>
  counts.input_tokens === undefined
    ? undefined
    : {
        input:
          counts.input_tokens +
          (counts.cache_creation_input_tokens ?? 0) +
          (counts.cache_read_input_tokens ?? 0),
        output: counts.output_tokens ?? 0,
      }

const failureOf = async (response: Response): Promise<UpstreamFailure> => {
  const text = await response.text()
  let error: { readonly message?: string; readonly type?: string } | undefined
  try {
    error = (JSON.parse(text) as Event).error
  } catch {
    // A proxy's page: the status says enough.
  }
  return failureOfStatus(response.status, error?.message ?? `status ${response.status}`, response.headers)
}

/** An error in the middle of a stream has no status of its own. */
const failureOfEvent = ({ error }: Event): UpstreamFailure =>
  error?.type === "overloaded_error" || error?.type === "rate_limit_error"
    ? new UpstreamFailure("limited", error.message ?? error.type, { retryable: true })
    : new UpstreamFailure("upstream", error?.message ?? "the stream failed", { retryable: true })

const piece = (delta: PieceChoice["delta"], reason: PieceChoice["finish_reason"] = null): Piece => ({
  choices: [{ index: 0, delta, finish_reason: reason }],
})

/** Blocks are numbered across texts and tools; tool calls of their own. */
const piecesOf = async function* (body: ReadableStream<Uint8Array>): AsyncGenerator<Piece> {
  let counts: Counts = {}
  const calls = new Map<number, number>()
  for await (const data of eventsOf(body)) {
    const event = JSON.parse(data) as Event
    const { delta, content_block: block } = event
    switch (event.type) {
      case "message_start":
        counts = { ...counts, ...event.message?.usage }
        yield piece({ role: "assistant", content: "" })
        break
      case "content_block_start":
        if (block?.type !== "tool_use") break
        calls.set(event.index ?? 0, calls.size)
        yield piece({
          tool_calls: [
            {
              index: calls.size - 1,
              id: block.id!,
              type: "function",
              function: { name: block.name!, arguments: "" },
            },
          ],
        })
        break
      case "content_block_delta":
        if (delta?.type === "text_delta") yield piece({ content: delta.text ?? "" })
        else if (delta?.type === "input_json_delta")
          yield piece({
            tool_calls: [
              { index: calls.get(event.index ?? 0) ?? 0, function: { arguments: delta.partial_json ?? "" } },
            ],
          })
        break
      case "message_delta":
        counts = { ...counts, ...event.usage }
        if (delta?.stop_reason != null)
          yield {
            ...piece({}, finishReason(delta.stop_reason) as PieceChoice["finish_reason"]),
            tokens: tokensOf(counts),
          }
        break
      case "message_stop":
        return
      case "error":
        throw failureOfEvent(event)
    }
  }
  throw new UpstreamFailure("upstream", "the answer broke off", { retryable: true })
}

export const anthropicUpstream = (model: Model, key: string | undefined, fetch: EgressFetch): Upstream => {
  const base = model.endpoint.replace(/\/$/, "")
  const headers = {
    "anthropic-version": version,
    "content-type": "application/json",
    ...(key === undefined ? {} : { "x-api-key": key }),
  }
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(`${base}${path}`, { ...init, headers })
    if (!response.ok) throw await failureOf(response)
    return response
  }
  const send = (body: unknown, signal: AbortSignal) =>
    ask("/messages", { method: "POST", body: JSON.stringify(body), signal })
  return {
    complete: async (request, signal) => {
      const response = await send(toAnthropic(request, model.model_name, false), signal)
      const answer = (await response.json()) as {
        content?: Parameters<typeof choiceOfAnswer>[0]
        stop_reason?: string
        usage?: Counts
      }
      if (!Array.isArray(answer?.content)) throw new UpstreamFailure("malformed", "the answer has no content")
      return {
        choices: [choiceOfAnswer(answer.content, answer.stop_reason)],
        tokens: tokensOf(answer.usage ?? {}),
      }
    },
    stream: async function* (request, signal) {
      const response = await send(toAnthropic(request, model.model_name, true), signal)
      if (response.body === null) throw new UpstreamFailure("malformed", "the answer has no body")
      yield* piecesOf(response.body)
    },
    probe: async (signal) => {
      await (await ask(`/models/${encodeURIComponent(model.model_name)}`, { signal })).body?.cancel()
    },
  }
}
