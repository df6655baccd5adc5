/** Two gateways over one NATS server, asked from many sides at the same time. */
import type { AddressInfo } from "node:net"
import { serve } from "@hono/node-server"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Hono } from "hono"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { anonymous } from "../../gateway/auth/identity.ts"
import { mount } from "../../gateway/entrance.ts"
import { GatewayError } from "../../gateway/errors.ts"
import {
  defaultGatewayLimits,
  type GatewayServices,
  makeWebPolicy,
  parseRatePolicies,
  parseTrustedProxies,
  RequestMetrics,
} from "../../gateway/index.ts"
import { type GatewayEnvironment, route } from "../../gateway/route.ts"
import { makeRateLimits } from "../../resources/rate-limit/rate-limits.ts"
import { endpoint } from "../../schemas/index.ts"
import { LimitCounters } from "../../streams/index.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startNode, testStreamsConfig } from "../support/streams.ts"

/** The limit is reached within one window, because it never ends. */
const now = () => 0
const policies = parseRatePolicies("read=40/60,write=7/60,login=3/60,anonymous=5/60")!
const proxies = parseTrustedProxies("127.0.0.0/8")

const declared = { answer: Schema.String, summary: "A route of this test." } as const
const things = endpoint({ ...declared, id: "t.read", method: "GET", path: "/things", permission: "login" })
const health = endpoint({ ...declared, id: "t.health", method: "GET", path: "/health", permission: "public" })

/** A credential is its user's name. */
const credentials = {
  known: () => undefined,
  held: (credential: string) => credential === "held",
  verify: async (credential: string) => {
    const refuse = (code: string) => new GatewayError(401, code, "No.")
    if (credential.startsWith("expired")) throw refuse("USR_AUTH_004")
    if (credential.startsWith("wrong")) throw refuse("USR_AUTH_002")
    const session = credential.startsWith("key:") ? credential : ""
    return { ...anonymous, tenant: "acme", user: session === "" ? credential : "kim", session }
  },
}

const startGateway = Effect.fnUntraced(function* (config: Parameters<typeof startNode>[0]) {
  const streams = yield* startNode(config)
  const limits = yield* makeRateLimits({ store: Context.get(streams, LimitCounters), now })
  const services = {
    credentials,
    limits: defaultGatewayLimits,
    web: makeWebPolicy({ publicUrl: undefined, corsOrigins: [] }),
    rates: { limits, policies, proxies },
    metrics: new RequestMetrics(),
    context: Context.empty(),
  } as unknown as GatewayServices
  const app = new Hono<GatewayEnvironment>()
  mount(app, services, [route(services, things, () => "seen"), route(services, health, () => "healthy")])
  const listening = Effect.callback<ReturnType<typeof serve>>((resume) => {
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () =>
      resume(Effect.succeed(server)),
    )
  })
  const server = yield* Effect.acquireRelease(listening, (open) => Effect.sync(() => open.close()))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

describe("rate limits of two gateways", () => {
  let nats: TestNatsServer
  let gateways: ReadonlyArray<string>
  const scope = Effect.runSync(Scope.make())
  let clients = 0

  beforeAll(async () => {
    nats = await testNatsServer()
    const config = testStreamsConfig(nats.connection)
    const both = Effect.forEach([1, 2], () => startGateway(config))
    gateways = await Effect.runPromise(Effect.provideService(both, Scope.Scope, scope))
  })
  afterAll(async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await nats.stop()
  })

  /** An address that no other test comes from. */
  const newAddress = () => `203.0.113.${++clients}`
  const ask = (gateway: number, credential: string, address = newAddress(), method = "GET") =>
    fetch(`${gateways[gateway % 2]}/things`, {
      method,
      headers: {
        ...(credential === "" ? {} : { authorization: `Bearer ${credential}` }),
        "x-forwarded-for": address,
      },
    })
  const statuses = async (times: number, credential: string, address?: string) => {
    const answers = await Promise.all(
      Array.from({ length: times }, (_, index) => ask(index, credential, address)),
    )
    return Object.groupBy(answers, ({ status }) => status)
  }

  it("let exactly the limit through to one user, wherever they ask", async () => {
    const { 200: through, 429: refused } = await statuses(100, "kim")
    expect([through?.length, refused?.length]).toEqual([40, 60])
  })

  it("count users apart from each other, and an API key apart from its owner", async () => {
    expect((await ask(0, "lee")).status).toBe(200)
    expect((await ask(1, "key:7")).status).toBe(200)
  })

  it("say with each answer how much is left, and with a refusal how to go on", async () => {
    const answer = await ask(0, "park")
    expect(answer.headers.get("ratelimit-policy")).toBe('"read";q=40;w=60')
    expect(answer.headers.get("ratelimit")).toBe('"read";r=39;t=60')
    await statuses(60, "park")
    const refused = await ask(1, "park")
    expect(refused.status).toBe(429)
    expect(refused.headers.get("retry-after")).toBe("60")
    expect(refused.headers.get("ratelimit")).toBe('"read";r=0;t=60')
    expect(await refused.json()).toMatchObject({
      error: {
        code: "GTW_RATE_001",
        details: {
          rate_class: "read",
          limit: 40,
          window_seconds: 60,
          remedy: expect.stringContaining("60 s"),
        },
      },
    })
  })

  it("count what comes without a credential to its address", async () => {
    const address = newAddress()
    const { 401: through, 429: refused } = await statuses(20, "", address)
    expect([through?.length, refused?.length]).toEqual([5, 15])
    expect((await ask(0, "")).status).toBe(401)
  })

  it("look at no further unknown credential from an address that guessed too often", async () => {
    const address = newAddress()
    const guesses: Array<number> = []
    for (let guess = 0; guess < 6; guess++) guesses.push((await ask(0, `wrong${guess}`, address)).status)
    expect(guesses).toEqual([401, 401, 401, 429, 429, 429])
    expect((await ask(0, "choi", address)).status).toBe(429)
    expect((await ask(0, "choi")).status).toBe(200)
  })

  it("hold up nobody at such an address whose credential held before", async () => {
    const address = newAddress()
    for (let guess = 0; guess < 6; guess++) await ask(0, `wrong${guess}`, address)
    expect((await ask(0, "held", address)).status).toBe(200)
    expect((await ask(0, "fresh", address)).status).toBe(429)
  })

  it("do not take a credential that has just expired for a guess", async () => {
    const address = newAddress()
    for (let index = 0; index < 4; index++) expect((await ask(0, "expired", address)).status).toBe(401)
    expect((await ask(0, "jung", address)).status).toBe(200)
  })

  it("never hold up whoever watches the node's health", async () => {
    const asked = Array.from({ length: 30 }, (_, index) => fetch(`${gateways[index % 2]}/health`))
    expect((await Promise.all(asked)).filter(({ status }) => status === 200)).toHaveLength(30)
  })
})
