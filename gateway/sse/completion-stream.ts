/**
 * An answer as OpenAI streams it: pieces, then the usage when it was asked for, then `[DONE]`. Until the first piece a
 * failure is an answer of its own with its status; afterwards it is the last event. A reader who leaves ends the work, one
 * who reads slowly slows it down.
 */
import * as Effect from "effect/Effect"
import type { Permission } from "../../schemas/index.ts"
import type { GatewayError } from "../errors.ts"
import { openaiErrorBody, toGatewayError } from "../errors.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayNeeds, GatewayServices } from "../services.ts"
import { admittedFor, openStream } from "../stream-access.ts"
import { runTraced } from "../traced.ts"

/** Who answers, by the name that the caller knows, and a piece of what it says. */
export type DeliverChoices = (model: string, choices: ReadonlyArray<unknown>) => Effect.Effect<void>

export interface Completing {
  readonly id: string
  /** Seconds since the epoch. */
  readonly created: number
  readonly withUsage: boolean
  /** For as long as the stream is open. */
  readonly permission: Permission
  /** Ends after the last piece, with who answered and what it took in the shape that callers know. */
  readonly work: (
    deliver: DeliverChoices,
  ) => Effect.Effect<{ readonly model: string; readonly usage: unknown }, unknown, GatewayNeeds>
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
  { id, created, withUsage, permission, work }: Completing,
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
    const remove = openStream(services, admittedFor(request, permission), { stop, refuse })
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
    const chunk = (model: string, choices: ReadonlyArray<unknown>, usage?: unknown): string =>
      JSON.stringify({
        id,
        object: "chat.completion.chunk",
        created,
        model,
        choices,
        ...(withUsage ? { usage: usage ?? null } : {}),
      })
    const deliver: DeliverChoices = (model, choices) =>
      choices.length === 0
        ? Effect.void
        : Effect.catchCause(
            Effect.promise(() => write(chunk(model, choices))),
            () => Effect.interrupt,
          )

    const finish = async () => {
      const { model, usage } = await runTraced(services, request, "POST /v1/chat/completions", work(deliver))
      if (withUsage) await write(chunk(model, [], usage))
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
