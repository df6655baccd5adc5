/**
 * The commands of `actor-commands.ts` to any actor: the engine's own surface, and the fastest path through the gateway. A command is checked
 * against its protocol, handed to the engine as it came and answered from a callback, without a fiber per request.
 */
import { Address, type AskResult, EngineError, TraceContext } from "../../engine/index.ts"
import {
  type AnyProtocol,
  actorEndpoints,
  type Codec,
  type Span,
  spanAttribute,
} from "../../schemas/index.ts"
import { jsonText } from "../answers.ts"
import { engineError, rejectionError } from "../errors.ts"
import { idempotencyKeyOf } from "../idempotency-key.ts"
import { newSpanId } from "../request-context.ts"
import type { GatewayRequest, Route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { requireServed } from "./actor-commands.ts"
import { invalidFields, type JsonObject, readObject } from "./body.ts"

const refuse = (code: "UnknownKind" | "UnknownCommand" | "MalformedAddress", detail: string) =>
  engineError({ code, detail })

const codecOf = (protocol: AnyProtocol, tag: string): Codec => {
  const codec = Object.hasOwn(protocol.codec.command, tag) ? protocol.codec.command[tag] : undefined
  if (codec === undefined) throw refuse("UnknownCommand", `kind "${protocol.kind}" has no command "${tag}"`)
  return codec
}

const checkedCommand = (codec: Codec, tag: string, fields: JsonObject) => {
  const body = { ...fields, _tag: tag }
  try {
    codec.decode(body)
  } catch (cause) {
    throw invalidFields(cause, "ENG_CMD_003")
  }
  return body
}

/** Errors: `GatewayError` for anything but an answer. */
const answerText = (kind: string, result: AskResult): string => {
  if (result instanceof EngineError) throw engineError(result)
  if ("ok" in result) return `{"reply":${JSON.stringify(result.ok ?? null)}}`
  if ("rejected" in result) throw rejectionError(kind, result.rejected as { readonly _tag: string })
  throw engineError({
    code: result.failed.code as EngineError["code"],
    detail: result.failed.detail,
    accepted: true,
  })
}

/**
 * The span that the command stands under. It is reported only where the caller sent a trace of its own: at full speed a
 * span for each request would cost more than the request, and the actor's journal has the hop anyway.
 */
const spanOf = ({ context, identity, http }: GatewayRequest, to: string) => {
  const { traceId, parentSpanId } = context
  const spanId = newSpanId()
  const startMs = Date.now()
  const ended = (status: Span["status"]): Span | undefined =>
    parentSpanId === undefined
      ? undefined
      : {
          traceId,
          spanId,
          parentId: parentSpanId,
          name: `${http.req.method} ${actorEndpoints.send.path}`,
          kind: "server",
          service: "gateway",
          startMs,
          endMs: Date.now(),
          status,
          attributes: { [spanAttribute.user]: identity.user, "millrace.to": to },
          tenant: identity.tenant,
        }
  return { trace: TraceContext.format({ traceId, spanId }), ended }
}

export const actorRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  {
    endpoint: actorEndpoints.send,
    handle: async (request) => {
      const { http, context, identity } = request
      const { incoming } = http.env
      const kind = http.req.param("kind")!
      const protocol = services.protocols.get(kind)
      if (protocol === undefined) throw refuse("UnknownKind", `there is no kind "${kind}"`)
      const command = http.req.param("command")!
      const codec = codecOf(protocol, command)
      requireServed(identity, kind, command)
      const to = `${identity.tenant}/${kind}/${http.req.param("key")}`
      if (Address.parse(to) === undefined) throw refuse("MalformedAddress", `${to} is no address`)
      const { bodyBytesMax, bodyDepthMax } = services.limits
      const fields = await readObject(incoming, bodyBytesMax, bodyDepthMax)
      const body = checkedCommand(codec, command, fields)
      const idempotencyKey = idempotencyKeyOf(request)
      const { trace, ended } = spanOf(request, to)
      const call = {
        tenant: identity.tenant,
        principal: identity.user,
        trace,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      }
      return new Promise((resolve, reject) =>
        services.engine.submit(to, protocol.version, body, call, (result) => {
          const span = ended("ok" in result ? "ok" : "rejected" in result ? "rejected" : "error")
          if (span !== undefined) services.recordSpan(span)
          try {
            resolve(jsonText(context, 200, answerText(kind, result)))
          } catch (failure) {
            reject(failure)
          }
        }),
      )
    },
  },
]
