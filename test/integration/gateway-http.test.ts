/** The gateway of a whole node over HTTP: who gets in, what is refused and how, and commands to any actor. */
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { openSession } from "../support/session-client.ts"

let node: TestNode
const tokens = { stranger: "", powerless: "", reader: "" }

beforeAll(async () => {
  node = await startTestNode()
  tokens.stranger = await node.login("stranger")
  tokens.powerless = await node.narrow(await node.login("guest"), ["agent:read"])
  tokens.reader = await node.narrow(await node.login("developer"), ["actor:send", "cep:read"])
})
afterAll(() => node.stop())

describe("logging in", () => {
  it("takes the token and the API key that the node wrote down", async () => {
    expect((await node.request("GET", "/api/agents/")).status).toBe(200)
    expect((await node.request("GET", "/api/agents", { token: node.apiKey })).status).toBe(200)
  })

  it("says what is missing when there is no credential", async () => {
    const response = await node.request("GET", "/api/agents/", { token: "" })
    expect(response.headers.get("www-authenticate")).toBe("Bearer")
    expect(await errorOf(response)).toMatchObject({ status: 401, code: "USR_AUTH_001" })
  })

  it.each([
    ["no token at all", "nonsense", "USR_AUTH_002"],
    ["unsigned", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkZXZlbG9wZXIiLCJ0ZW5hbnQiOiJkZWZhdWx0In0.", "USR_AUTH_002"],
    ["an unknown API key", "ak_live_nothing", "USR_AUTH_002"],
  ])("refuses a credential that is %s", async (_, token, code) => {
    expect(await errorOf(await node.request("GET", "/api/agents/", { token }))).toMatchObject({
      status: 401,
      code,
    })
  })

  it("refuses what a user has no permission for", async () => {
    const refused = await node.request("POST", "/api/ops/questions", {
      token: tokens.powerless,
      body: { question: "what is the CPU usage now" },
    })
    expect(await errorOf(refused)).toMatchObject({
      status: 403,
      code: "USR_AUTH_003",
      details: { permission: "ops:ask" },
    })
  })

  it("keeps a session for its owner", async () => {
    const session = await openSession(node)
    const path = `/api/chat/sessions/${session}`
    for (const [method, rest, body] of [
      ["GET", "/messages/", undefined],
      ["GET", "/events", undefined],
      ["POST", "/messages/", { content: "hello" }],
      ["POST", "/stop", {}],
      ["POST", "/transfer", { to_agent: "ops" }],
    ] as const) {
      const refused = await node.request(method, path + rest, { body, token: tokens.stranger })
      expect(await errorOf(refused)).toMatchObject({ status: 403, code: "CHT_AUTH_001" })
    }
  })
})

describe("errors", () => {
  it("have one shape, with the trace and the time", async () => {
    const trace = "0af7651916cd43dd8448eb211c80319c"
    const response = await node.request("GET", "/nowhere", {
      headers: { traceparent: `00-${trace}-b7ad6b7169203331-01`, "x-request-id": "r-1" },
    })
    expect(response.headers.get("x-request-id")).toBe("r-1")
    expect(response.headers.get("traceparent")).toContain(trace)
    expect(Number(response.headers.get("x-process-time"))).toBeGreaterThanOrEqual(0)
    const error = await errorOf(response)
    expect(error).toMatchObject({ status: 404, code: "GTW_ROUTE_001", trace_id: trace })
    expect(Number.isNaN(Date.parse(error.timestamp))).toBe(false)
  })

  it("name the method that a path takes", async () => {
    const response = await node.request("DELETE", "/health")
    expect(response.headers.get("allow")).toBe("GET")
    expect((await errorOf(response)).status).toBe(405)
  })

  it.each([
    ["not JSON", '{"question":', 400, "GTW_BODY_004"],
    ["no object", "[1]", 400, "GTW_BODY_005"],
    ["a field of the wrong type", { question: 1 }, 400, "GTW_BODY_006"],
    ["an unknown field", { question: "hello", quesiton: "" }, 400, "GTW_BODY_006"],
    ["too large", { question: "x".repeat(300_000) }, 413, "GTW_BODY_001"],
  ])("refuse a body that is %s", async (_, body, status, code) => {
    const error = await errorOf(await node.request("POST", "/api/ops/questions", { body }))
    expect(error).toMatchObject({ status, code })
  })

  it("name the field and the remedy", async () => {
    const error = await errorOf(
      await node.request("POST", "/api/ops/questions", { body: { question: "hello", quesiton: "" } }),
    )
    expect(error.details).toMatchObject({ field: "quesiton", reason: "this field is not known here" })
    expect(error.details.remedy).toBeTypeOf("string")
  })

  it("refuse a body that is not declared as JSON", async () => {
    const response = await node.request("POST", "/api/ops/questions", {
      body: "question=hello",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    })
    expect(await errorOf(response)).toMatchObject({ status: 415, code: "GTW_BODY_002" })
  })

  it("stop a body without a length at the limit", async () => {
    const { hostname, port } = new URL(node.url)
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          `POST /api/ops/questions HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${node.token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
        )
        const piece = "x".repeat(65_536)
        for (let count = 0; count < 8; count++) socket.write(`10000\r\n${piece}\r\n`)
      })
      socket.once("data", (data) => {
        resolve(String(data))
        socket.destroy()
      })
      socket.once("error", reject)
    })
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })
})

describe("commands to any actor", () => {
  const acquire = { owner: "me", ttlMs: 60_000, waitMs: 0 }

  it("gives the actor's answer, and the same one for the same idempotency key", async () => {
    const send = (key: string) =>
      node.request("POST", "/api/actors/lock/twice/Acquire", {
        body: acquire,
        headers: { "idempotency-key": key },
      })
    const first = await json(await send("key-1"))
    expect(first).toMatchObject({ reply: { _tag: "Granted", fence: 1 } })
    expect(await json(await send("key-1"))).toEqual(first)
    expect(await errorOf(await send("key-2"))).toMatchObject({
      status: 409,
      code: "LCK_HOLD_002",
      details: { rejection: "AlreadyAcquiring", owner: "me" },
    })
  })

  it("gives nobody the answer to another user's command with the same idempotency key", async () => {
    const send = async (token: string | undefined) =>
      node.request("POST", "/api/actors/lock/apart/Acquire", {
        body: acquire,
        token,
        headers: { "idempotency-key": "key-1" },
      })
    expect((await send(undefined)).status).toBe(200)
    expect(await errorOf(await send(tokens.stranger))).toMatchObject({ code: "LCK_HOLD_002" })
  })

  it.each([
    ["agent/ops/Register", "/api/agents/{id}/execute"],
    ["agent/ops/Alert", "/api/agents/{id}/execute"],
    ["chat-session/s/Say", "/api/chat/sessions/"],
    ["chat-session/s/Delete", "/api/chat/sessions/"],
    ["cep-rule/r/Define", "/api/cep/rules"],
    ["cep-rule/r/Enable", "/api/cep/rules"],
  ])("does not send %s, and names the route to use", async (to, route) => {
    expect(await errorOf(await node.request("POST", `/api/actors/${to}`, { body: {} }))).toMatchObject({
      status: 403,
      code: "GTW_ACTOR_001",
      details: { remedy: expect.stringContaining(route) },
    })
  })

  it("asks for the command's own permission too", async () => {
    const send = (command: string) =>
      node.request("POST", `/api/actors/cep-rule/none/${command}`, { body: {}, token: tokens.reader })
    expect(await errorOf(await send("Disable"))).toMatchObject({
      status: 403,
      details: { permission: "cep:write" },
    })
    expect((await send("Read")).status).toBe(404)
  })

  it.each([
    ["an unknown kind", "/api/actors/unheard-of/x/Read", {}, 404, "ENG_KIND_001"],
    ["an unknown command", "/api/actors/lock/x/Steal", {}, 404, "ENG_CMD_001"],
    ["a command named like a property", "/api/actors/lock/x/constructor", {}, 404, "ENG_CMD_001"],
    ["a missing field", "/api/actors/lock/x/Acquire", { owner: "me" }, 400, "ENG_CMD_003"],
    ["an unknown field", "/api/actors/lock/x/Read", { extra: 1 }, 400, "ENG_CMD_003"],
    ["a key with control characters", "/api/actors/lock/a%00b/Read", {}, 400, "ENG_ADDR_001"],
    ["a key that is too long", `/api/actors/lock/${"k".repeat(300)}/Read`, {}, 400, "ENG_ADDR_001"],
  ])("refuses %s", async (_, path, body, status, code) => {
    expect(await errorOf(await node.request("POST", path, { body }))).toMatchObject({ status, code })
  })

  it("stands in the caller's trace, under a span of the gateway", async () => {
    const trace = "7af7651916cd43dd8448eb211c80319c"
    const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01` }
    await node.request("POST", "/api/actors/lock/traced/Read", { body: {}, headers })
    await expect
      .poll(async () => json(await node.request("GET", `/api/tracing/traces/${trace}`)), { timeout: 20_000 })
      .toMatchObject({
        roots: [
          {
            name: "POST /api/actors/:kind/:key/:command",
            parentId: "b7ad6b7169203331",
            children: [{ name: "lock.Read", service: "lock" }],
          },
        ],
      })
  })

  it("needs a permission of its own", async () => {
    const refused = await node.request("POST", "/api/actors/lock/x/Read", {
      body: {},
      token: tokens.powerless,
    })
    expect(await errorOf(refused)).toMatchObject({ status: 403, details: { permission: "actor:send" } })
  })
})
