/** Answers that are kept for repeats of their request, as the rows of a tenant and as the gateway gives them. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, layer } from "@effect/vitest"
import { getRequestListener } from "@hono/node-server"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Hono } from "hono"
import { mount } from "../../gateway/entrance.ts"
import {
  anonymous,
  defaultGatewayLimits,
  GatewayError,
  type GatewayServices,
  makeWebPolicy,
  RequestMetrics,
} from "../../gateway/index.ts"
import { Answer, type GatewayEnvironment, route } from "../../gateway/route.ts"
import {
  beginKeyedRequest,
  forgetKey,
  keepAnswer,
  keptAnswerLimits,
  Tenancy,
  tenantTables,
} from "../../resources/index.ts"
import { endpoint } from "../../schemas/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

const tenancy = Tenancy.layer(tenantTables).pipe(Layer.provideMerge(ephemeralDatabase()))
const asked = { fingerprint: "f", nowMs: 1_000, leaseMs: 500 }
const answer = { status: 201, headers: { ETag: '"1"' }, body: '{"id":1}' }
const ownerOf = (key: string, tenant = "t", username = "u") => ({ tenant, username, key })

/** Makes a thing per call, and refuses the name `bad`. */
const thing = endpoint({
  id: "things.make",
  method: "POST",
  path: "/things",
  summary: "Make a thing.",
  permission: "setting:write",
  idempotent: true,
  body: Schema.Struct({ name: Schema.String }),
  answer: Schema.Struct({ made: Schema.Int }),
  status: 201,
})

const served = Effect.gen(function* () {
  const context = yield* Effect.context<Tenancy>()
  let made = 0
  const gate = { hold: () => Promise.resolve() }
  const identity = (user: string) => ({ ...anonymous, tenant: "t", user, permissions: new Set(["*"]) })
  const services = {
    context,
    limits: defaultGatewayLimits,
    web: makeWebPolicy({ publicUrl: undefined, corsOrigins: [] }),
    metrics: new RequestMetrics(),
    credentials: { known: identity },
  } as unknown as GatewayServices
  const app = new Hono<GatewayEnvironment>()
  mount(app, services, [
    route(services, thing, async (_, { body }) => {
      made++
      await gate.hold()
      if (body.name === "bad") throw new GatewayError(409, "X_Y_001", "taken")
      return new Answer({ made }, { Location: `/things/${made}` })
    }),
  ])
  const server = createServer(getRequestListener(app.fetch))
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void))),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/things`
  const post = (key: string, name: string, user = "u") =>
    Effect.promise(async () => {
      const headers = {
        authorization: `Bearer ${user}`,
        "idempotency-key": key,
        "content-type": "application/json",
      }
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ name }) })
      return { response, body: (await response.json()) as { made?: number; error?: { code: string } } }
    })
  return { post, gate, count: () => made }
})

layer(tenancy, { timeout: 60_000 })("a kept answer", (it) => {
  it.effect("is given to repeats, and to nobody else's", () =>
    Effect.gen(function* () {
      const owner = ownerOf("k1")
      expect(yield* beginKeyedRequest(owner, asked)).toEqual({ _tag: "First" })
      expect(yield* beginKeyedRequest(owner, asked)).toEqual({ _tag: "UnderWay", untilMs: 1_500 })
      yield* keepAnswer(owner, answer, 1_100)
      expect(yield* beginKeyedRequest(owner, asked)).toEqual({ _tag: "Repeat", answer })
      expect(yield* beginKeyedRequest(owner, { ...asked, fingerprint: "g" })).toEqual({ _tag: "Other" })
      for (const other of [ownerOf("k1", "t2"), ownerOf("k1", "t", "u2"), ownerOf("k2")])
        expect(yield* beginKeyedRequest(other, asked)).toEqual({ _tag: "First" })
    }),
  )

  it.effect(
    "is forgotten after its time, and a request that never ended may be made again after its own",
    () =>
      Effect.gen(function* () {
        const [ended, crashed] = [ownerOf("e"), ownerOf("c")]
        yield* beginKeyedRequest(ended, asked)
        yield* keepAnswer(ended, answer, 1_000)
        yield* beginKeyedRequest(crashed, asked)
        const at = (nowMs: number) => ({ ...asked, nowMs })
        expect((yield* beginKeyedRequest(crashed, at(1_499)))._tag).toBe("UnderWay")
        expect((yield* beginKeyedRequest(crashed, at(1_500)))._tag).toBe("First")
        expect((yield* beginKeyedRequest(ended, at(1_000 + keptAnswerLimits.keepMs - 1)))._tag).toBe("Repeat")
        expect((yield* beginKeyedRequest(ended, at(1_000 + keptAnswerLimits.keepMs)))._tag).toBe("First")
      }),
  )

  it.effect("is not kept when it is too long", () =>
    Effect.gen(function* () {
      const owner = ownerOf("long")
      yield* beginKeyedRequest(owner, asked)
      yield* keepAnswer(owner, { ...answer, body: "x".repeat(keptAnswerLimits.bodyCharactersMax + 1) }, 1_000)
      expect((yield* beginKeyedRequest(owner, asked))._tag).toBe("First")
      yield* forgetKey(owner)
      expect((yield* beginKeyedRequest(owner, asked))._tag).toBe("First")
    }),
  )
})

layer(tenancy, { timeout: 60_000 })("a repeated request", (it) => {
  it.effect("is answered as the first time, without being done again", () =>
    Effect.gen(function* () {
      const { post, count } = yield* served
      const first = yield* post("a", "x")
      const again = yield* post("a", "x")
      expect([first.response.status, again.response.status, count()]).toEqual([201, 201, 1])
      expect([again.body, again.response.headers.get("location")]).toEqual([first.body, "/things/1"])
      expect(first.response.headers.get("idempotency-replayed")).toBeNull()
      expect(again.response.headers.get("idempotency-replayed")).toBe("true")
      expect((yield* post("a", "x", "somebody-else")).body).toEqual({ made: 2 })
    }),
  )

  it.effect("is refused with another body, and while the first is under way", () =>
    Effect.gen(function* () {
      const { post, gate } = yield* served
      yield* post("b", "x")
      const other = yield* post("b", "y")
      expect([other.response.status, other.body.error?.code]).toEqual([422, "GTW_IDEM_002"])
      const [entered, leave] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      gate.hold = () => {
        entered.resolve()
        return leave.promise
      }
      const running = yield* Effect.forkChild(post("c", "x"))
      yield* Effect.promise(() => entered.promise)
      const meanwhile = yield* post("c", "x")
      expect([meanwhile.response.status, meanwhile.body.error?.code]).toEqual([409, "GTW_IDEM_001"])
      expect(Number(meanwhile.response.headers.get("retry-after"))).toBeGreaterThan(0)
      leave.resolve()
      expect((yield* Fiber.join(running)).response.status).toBe(201)
    }),
  )

  it.effect("runs again after a refusal, which changed nothing", () =>
    Effect.gen(function* () {
      const { post, count } = yield* served
      expect((yield* post("d", "bad")).response.status).toBe(409)
      expect((yield* post("d", "bad")).response.status).toBe(409)
      expect(count()).toBe(2)
    }),
  )
})
