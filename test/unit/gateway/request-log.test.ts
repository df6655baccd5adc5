/** What is logged of requests, and what the counters say. */
import type { AddressInfo } from "node:net"
import { serve } from "@hono/node-server"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Hono } from "hono"
import { afterEach, describe, expect, it } from "vitest"
import { mount } from "../../../gateway/entrance.ts"
import { GatewayError } from "../../../gateway/errors.ts"
import {
  defaultGatewayLimits,
  type GatewayServices,
  makeWebPolicy,
  RequestMetrics,
} from "../../../gateway/index.ts"
import { renderNodeCounters } from "../../../gateway/node-counters.ts"
import { type GatewayEnvironment, route } from "../../../gateway/route.ts"
import { type LogConfig, logLimits, NodeLog, nodeLogLayer } from "../../../resources/index.ts"
import { endpoint } from "../../../schemas/index.ts"

const declared = {
  answer: Schema.String,
  summary: "A route of this test.",
  method: "GET",
  permission: "public",
} as const
const endpoints = {
  fine: endpoint({ ...declared, id: "t.fine", path: "/fine" }),
  broken: endpoint({ ...declared, id: "t.broken", path: "/broken" }),
  refused: endpoint({ ...declared, id: "t.refused", path: "/refused" }),
  slow: endpoint({ ...declared, id: "t.slow", path: "/slow" }),
}
const secret = "ak_live_0123456789abcdef"

let close: (() => void) | undefined
afterEach(() => close?.())

const startGateway = async (requests: LogConfig["requests"]) => {
  const lines: Array<string> = []
  const config = { format: "json", level: "info", requests, file: undefined } as const
  const log = await Effect.runPromise(
    Effect.scoped(
      Effect.map(Layer.build(nodeLogLayer(config, (line) => lines.push(line))), Context.get(NodeLog)),
    ),
  )
  const services = {
    limits: defaultGatewayLimits,
    web: makeWebPolicy({ publicUrl: undefined, corsOrigins: [] }),
    metrics: new RequestMetrics(),
    log,
    context: Context.empty(),
  } as unknown as GatewayServices
  const app = new Hono<GatewayEnvironment>()
  mount(app, services, [
    route(services, endpoints.fine, () => "fine"),
    route(services, endpoints.broken, () => {
      throw new Error(`cannot use ${secret}`)
    }),
    route(services, endpoints.refused, () => {
      throw new GatewayError(404, "T_001", "There is no such thing.")
    }),
    route(services, endpoints.slow, (request) => {
      // As if it had begun long ago.
      request.context = { ...request.context, startedAt: performance.now() - logLimits.slowRequestMs - 1 }
      return "slow"
    }),
  ])
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const started = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () => resolve(started))
  })
  close = () => server.close()
  const { port } = server.address() as AddressInfo
  const ask = (path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { "x-request-id": `r${path.slice(1)}` } })
  return { lines, ask, services, told: () => lines.map((line) => JSON.parse(line)) }
}

describe("the log of requests", () => {
  it("says what failed inside, under the request's id and without secrets; the caller hears nothing of it", async () => {
    const { ask, told, lines } = await startGateway("off")
    const answer = await ask("/broken")
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain("cannot use")
    expect(told()).toEqual([
      expect.objectContaining({
        level: "error",
        message: "a request failed",
        request_id: "rbroken",
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        cause: expect.stringMatching(/^Error: cannot use \[secret\]\n +at /),
      }),
    ])
    expect(lines.join()).not.toContain(secret)
  })

  it("has one line for each request where it is told to", async () => {
    const { ask, told } = await startGateway("true")
    for (const path of ["/fine?x=1", "/refused"]) await ask(path)
    expect(told()).toEqual([
      expect.objectContaining({
        level: "info",
        message: "GET /fine 200",
        status: 200,
        path: "/fine",
        address: "127.0.0.1",
      }),
      expect.objectContaining({
        message: "GET /refused 404",
        request_id: "rrefused",
        ms: expect.any(Number),
      }),
    ])
  })

  it("has slow and failed requests only by default, and failed ones only where it is told so", async () => {
    const messages = async (requests: LogConfig["requests"]) => {
      const { ask, told } = await startGateway(requests)
      for (const path of ["/fine", "/refused", "/slow", "/broken"]) await ask(path)
      close?.()
      return told().map(({ message }) => message)
    }
    expect(await messages("slow")).toEqual(["GET /slow 200", "a request failed", "GET /broken 500"])
    expect(await messages("errors")).toEqual(["a request failed", "GET /broken 500"])
    expect(await messages("off")).toEqual(["a request failed"])
  })
})

describe("the node's counters", () => {
  it("have the lines of the log and what rate limits did, each with its type", async () => {
    const { ask, services } = await startGateway("true")
    await ask("/fine")
    const figures = {
      granted: 5,
      refused: 4,
      alone: 3,
      exchanges: 2,
      conflicts: 1,
      failures: 6,
      identities: 7,
    }
    const rates = { limits: { figures: () => figures } } as unknown as GatewayServices["rates"]
    const text = renderNodeCounters({ ...services, rates })
    expect(text).toContain("# TYPE millrace_log_lines_total counter\nmillrace_log_lines_total 1\n")
    expect(text).toContain("millrace_log_lines_lost_total 0\n")
    expect(text).toContain("millrace_rate_limit_refused_total 4\n")
    expect(text).toContain("# TYPE millrace_rate_limit_identities gauge\nmillrace_rate_limit_identities 7\n")
  })
})
