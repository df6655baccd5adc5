/** Named locks over HTTP. A grant carries its fencing token; who holds it, and nobody else, extends and releases. */
import { LockProtocol, lockEndpoints } from "../../schemas/index.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

/** On top of the wait that the caller asked for. */
const answerMs = 10_000
const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

export const lockRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const callOf = ({ identity }: GatewayRequest) => ({ tenant: identity.tenant, principal: identity.user })

  const acquire = route(services, lockEndpoints.acquire, async (request, { params, body }) => {
    const { owner, wait_ms: waitMs = 0, ttl_ms: ttlMs } = body
    const asking = engine.ask(
      LockProtocol,
      params.name,
      { _tag: "Acquire", owner, waitMs, ttlMs },
      { ...callOf(request), timeoutMs: waitMs + answerMs },
    )
    const answer = await runTraced(services, request, "POST /api/locks/{name}/acquire", asking)
    return answer._tag === "Granted"
      ? { acquired: true, fence: answer.fence, expires_at: timestamp(answer.expiresAt) }
      : { acquired: false }
  })

  const extend = route(services, lockEndpoints.extend, async (request, { params, body }) => {
    const command = { _tag: "Extend", owner: body.owner, fence: body.fence, ttlMs: body.ttl_ms } as const
    const asking = engine.ask(LockProtocol, params.name, command, callOf(request))
    const { expiresAt } = await runTraced(services, request, "POST /api/locks/{name}/extend", asking)
    return { expires_at: timestamp(expiresAt) }
  })

  const release = route(services, lockEndpoints.release, async (request, { params, body }) => {
    const asking = engine.ask(LockProtocol, params.name, { _tag: "Release", ...body }, callOf(request))
    await runTraced(services, request, "POST /api/locks/{name}/release", asking)
    return { released: true }
  })

  return [acquire, extend, release]
}
