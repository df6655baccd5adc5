/**
 * A model's answer as OpenAI streams it: pieces, then the usage when it was asked for, then `[DONE]`. Until the first
 * piece a failure is an answer of its own with its status; afterwards it is the last event. A reader who leaves ends the
 * call, one who reads slowly slows it down.
 */
import * as Effect from "effect/Effect"
import { Llm, type LlmCall, type Piece, type Usage } from "../../resources/index.ts"
import { type GatewayError, openaiErrorBody, toGatewayError } from "../errors.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { openStream } from "../stream-access.ts"
import { runTraced } from "../traced.ts"

export interface CompletionShape {
  readonly id: string
  /** Seconds since the epoch. */
  readonly created: number
  readonly withUsage: boolean
  readonly counted: (usage: Usage) => unknown
}

const eventStream = {
  "Content-Type": "text/event-stream; charset=UTF-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
}

const event = (data: string): string => `data: ${data}\n\n`

export const streamCompletion = (
  services: GatewayServices,
  request: GatewayRequest,
  call: LlmCall,
  { id, created, withUsage, counted }: CompletionShape,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    request.interruption ??= new AbortController()
    const { interruption } = request
    const stop = () => interruption.abort()
    let refused: GatewayError | undefined
    const refuse = (error: GatewayError) => {
      refused = error
      stop()
    }
    const remove = openStream(services, request, { stop, refuse })
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const encoder = new TextEncoder()
    let begun = false
    // Rejects when the reader is gone.
    writer.closed.catch(stop)
    const write = (text: string): Promise<void> => {
      if (!begun) {
        begun = true
        resolve(new Response(readable, { headers: { ...responseHeaders(request.context), ...eventStream } }))
      }
      return writer.write(encoder.encode(event(text)))
    }
    const chunk = (model: string, choices: Piece["choices"], usage?: unknown): string =>
      JSON.stringify({
        id,
        object: "chat.completion.chunk",
        created,
        model,
        choices,
        ...(withUsage ? { usage: usage ?? null } : {}),
      })
    const deliver = ({ choices }: Piece) =>
      choices.length === 0
        ? Effect.void
        : Effect.catchCause(
            Effect.promise(() => write(chunk(call.model, choices))),
            () => Effect.interrupt,
          )

    const asking = Llm.use((llm) => llm.stream(call, deliver))
    const finish = async () => {
      const { model, usage } = await runTraced(services, request, "POST /v1/chat/completions", asking)
      if (withUsage) await write(chunk(model, [], counted(usage)))
      await write("[DONE]")
    }
    const fail = async (failure: unknown) => {
      if (!begun) return reject(refused ?? failure)
      await write(openaiErrorBody(refused ?? toGatewayError(failure)))
    }
    void finish()
      .catch(fail)
      .then(() => writer.close())
      .catch(() => {
        // The reader left: there is nobody to tell.
      })
      .finally(remove)
  })
