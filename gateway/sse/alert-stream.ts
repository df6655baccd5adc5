/** The changes of a tenant's alerts as server-sent events, for as long as the client stays. Signals: what is missed is in the list. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { type AlertRecord, alertFeedTopic } from "../../schemas/index.ts"
import { alertBody } from "../http/cep-alerts.ts"
import { responseHeaders } from "../request-context.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { openStream } from "../stream-access.ts"
import { EventStream } from "./event-stream.ts"

export const streamAlerts = async (services: GatewayServices, request: GatewayRequest): Promise<Response> => {
  const { engine, limits } = services
  const scope = Effect.runSync(Scope.make())
  let stream: EventStream | undefined
  const end = (code: string, message: string) => {
    stream?.send({ type: "error", code, message, reconnect: true, retry_after: 1 })
    stream?.end()
  }
  const remove = openStream(services, request, {
    stop: () => end("GTW_STREAM_003", "This node is shutting down; resume elsewhere."),
    refuse: ({ code, message }) => end(code, message),
  })
  const heard = (body: unknown) => {
    const { alert } = body as { readonly alert: AlertRecord }
    stream?.send({ type: "alert", alert: alertBody(alert) })
  }
  // Listens before it answers: who has the headers misses nothing.
  await Effect.runPromise(
    Effect.provideService(engine.listen(alertFeedTopic(request.identity.tenant), heard), Scope.Scope, scope),
  )
  stream = new EventStream(request.http.env.outgoing, {
    headers: responseHeaders(request.context),
    pingEveryMs: limits.pingEveryMs,
    bufferBytesMax: limits.sendBufferBytesMax,
    closed: () => {
      remove()
      void Effect.runPromise(Scope.close(scope, Exit.void))
    },
  })
  return RESPONSE_ALREADY_SENT
}
