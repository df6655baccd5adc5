/** Named locks over HTTP. A grant carries its fencing token; who holds it, and nobody else, extends and releases. */
import * as Schema from "effect/Schema"
import { LockProtocol } from "../../schemas/index.ts"
import { type GatewayRequest, json, type Route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { bodyDecoder, readObject } from "./body.ts"

const { Acquire, Extend, Release } = LockProtocol.commands
const decodeAcquire = bodyDecoder(
  Schema.Struct({
    owner: Acquire.fields.owner,
    /** 0, the default, tries once. */
    wait_ms: Schema.optionalKey(Acquire.fields.waitMs),
    ttl_ms: Acquire.fields.ttlMs,
  }),
)
const decodeExtend = bodyDecoder(
  Schema.Struct({ owner: Extend.fields.owner, fence: Extend.fields.fence, ttl_ms: Extend.fields.ttlMs }),
)
const decodeRelease = bodyDecoder(Schema.Struct(Release.fields))

/** On top of the wait that the caller asked for. */
const answerMs = 10_000

export const lockRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine, limits } = services
  const nameOf = ({ http }: GatewayRequest) => http.req.param("name")!
  const body = ({ http }: GatewayRequest) => readObject(http.env.incoming, limits.bodyBytesMax)
  const callOf = ({ identity }: GatewayRequest) => ({ tenant: identity.tenant, principal: identity.user })

  const acquire = async (request: GatewayRequest) => {
    const { owner, wait_ms: waitMs = 0, ttl_ms: ttlMs } = decodeAcquire(await body(request))
    const asking = engine.ask(
      LockProtocol,
      nameOf(request),
      { _tag: "Acquire", owner, waitMs, ttlMs },
      { ...callOf(request), timeoutMs: waitMs + answerMs },
    )
    const answer = await runTraced(services, request, "POST /api/locks/{name}/acquire", asking)
    return json(
      request.context,
      200,
      answer._tag === "Granted"
        ? { acquired: true, fence: answer.fence, expires_at: new Date(answer.expiresAt).toISOString() }
        : { acquired: false },
    )
  }

  const extend = async (request: GatewayRequest) => {
    const { owner, fence, ttl_ms: ttlMs } = decodeExtend(await body(request))
    const command = { _tag: "Extend", owner, fence, ttlMs } as const
    const asking = engine.ask(LockProtocol, nameOf(request), command, callOf(request))
    const { expiresAt } = await runTraced(services, request, "POST /api/locks/{name}/extend", asking)
    return json(request.context, 200, { expires_at: new Date(expiresAt).toISOString() })
  }

  const release = async (request: GatewayRequest) => {
    const command = { _tag: "Release", ...decodeRelease(await body(request)) } as const
    const asking = engine.ask(LockProtocol, nameOf(request), command, callOf(request))
    await runTraced(services, request, "POST /api/locks/{name}/release", asking)
    return json(request.context, 200, { released: true })
  }

  const permission = "lock:use"
  return [
    { method: "POST", path: "/api/locks/:name/acquire", permission, handle: acquire },
    { method: "POST", path: "/api/locks/:name/extend", permission, handle: extend },
    { method: "POST", path: "/api/locks/:name/release", permission, handle: release },
  ]
}
