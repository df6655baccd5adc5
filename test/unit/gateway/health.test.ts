/** What a node tells of itself, and to whom. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { anonymous } from "../../../gateway/auth/identity.ts"
import { healthRoutes } from "../../../gateway/http/health.ts"
import { beginRequest } from "../../../gateway/request-context.ts"
import type { GatewayRequest } from "../../../gateway/route.ts"
import type { GatewayServices } from "../../../gateway/services.ts"

const read = async (id: string, isProduction: boolean, tenant = "default") => {
  const services = {
    isProduction,
    components: { nats: Effect.succeed({ status: "degraded", server: "nats://10.0.0.7" }) },
    streams: { size: 3 },
    context: Context.empty(),
    limits: { bodyBytesMax: 1_024, bodyDepthMax: 8 },
  } as unknown as GatewayServices
  const incoming = { headers: {}, url: "/health", method: "GET", socket: {} }
  const request = {
    http: { env: { incoming }, req: { method: "GET", path: "/health", param: () => ({}) } },
    context: beginRequest({}, { headersFor: () => ({}) } as never),
    identity: { ...anonymous, tenant },
  } as unknown as GatewayRequest
  const { handle } = healthRoutes(services).find(({ endpoint }) => endpoint.id === id)!
  return (await (await handle(request)).json()) as unknown
}

describe("the state of a node", () => {
  const parts = { nats: { status: "degraded", server: "nats://10.0.0.7" }, gateway: { status: "healthy" } }

  it("is told with all particulars where nobody runs it in production", async () => {
    expect(await read("health.read", false)).toMatchObject({ status: "degraded", components: parts })
  })

  it("is told to anybody in production by its parts' names and states alone", async () => {
    const { status, components } = (await read("health.read", true)) as Record<string, unknown>
    expect(status).toBe("degraded")
    expect(components).toEqual({ nats: { status: "degraded" }, gateway: { status: "healthy" } })
  })

  it("is told with all particulars to the platform's own people, and to no other tenant's", async () => {
    expect(await read("health.readDetails", true)).toMatchObject({ status: "degraded", components: parts })
    await expect(read("health.readDetails", true, "acme")).rejects.toMatchObject({ status: 403 })
  })
})
