/** A stream of the public protocol as server-sent events. Until the first one a failure is an answer of its own. */
import { formatSSEErrorEvent, formatSSEEvent } from "@a2a-js/sdk"
import type { GatewayError } from "../errors.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { openStream } from "../stream-access.ts"

export const eventStream = {
  "Content-Type": "text/event-stream; charset=UTF-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
}

export interface StreamShape {
  /** What the last event says of a failure in the middle. */
  readonly failed: (failure: unknown) => unknown
  /** Ends what makes the events. */
  readonly abort: AbortController
}

/** Rejects with the failure when there is no first event, or no room for another stream. */
export const streamEvents = async (
  services: GatewayServices,
  request: GatewayRequest,
  events: AsyncGenerator<unknown, void, undefined>,
  { failed, abort }: StreamShape,
): Promise<Response> => {
  let refused: GatewayError | undefined
  const remove = openStream(services, request, {
    stop: () => abort.abort(),
    refuse: (error) => {
      refused = error
      abort.abort()
    },
  })
  let first: IteratorResult<unknown, void>
  try {
    first = await events.next()
  } catch (failure) {
    remove()
    throw failure
  }
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const encoder = new TextEncoder()
  const write = (text: string) => writer.write(encoder.encode(text))
  const ping = setInterval(() => {
    // A slow reader is sent nothing but what it waits for.
    if ((writer.desiredSize ?? 0) > 0) void write(": ping\n\n").catch(() => {})
  }, services.limits.pingEveryMs)
  // Rejects when the reader is gone.
  writer.closed.catch(() => abort.abort())
  const deliver = async () => {
    try {
      for (let next = first; next.done !== true; next = await events.next())
        await write(formatSSEEvent(next.value as never))
      if (refused !== undefined) await write(formatSSEErrorEvent(failed(refused)))
    } catch (failure) {
      await write(formatSSEErrorEvent(failed(refused ?? failure)))
    }
  }
  void deliver()
    .then(() => writer.close())
    .catch(() => {
      // The reader left: there is nobody to tell.
    })
    .finally(() => {
      clearInterval(ping)
      remove()
      abort.abort()
      void events.return()
    })
  return new Response(readable, { headers: { ...responseHeaders(request.context), ...eventStream } })
}
