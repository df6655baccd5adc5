/** What holds for every route: shapes of errors, headers, what is refused before a handler sees it, and limits. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf } from "../../support/http-answers.ts"
import { rawRequest } from "../../support/raw-request.ts"
import { type ScriptedGateway, startScriptedGateway } from "../../support/scripted-gateway.ts"

const friend = "https://app.example"
let gateway: ScriptedGateway
beforeAll(async () => {
  gateway = await startScriptedGateway(
    { bodyDepthMax: 8, urlCharactersMax: 2_000 },
    { publicUrl: "https://node.example", corsOrigins: [friend] },
  )
})
afterAll(() => gateway.stop())

const send = (
  method: string,
  path: string,
  options: { readonly body?: string; readonly headers?: Readonly<Record<string, string>> } = {},
) =>
  fetch(gateway.url + path, {
    method,
    headers: {
      authorization: `Bearer ${gateway.token}`,
      "content-type": "application/json",
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: options.body }),
  })

const acquire = "/api/locks/l/acquire"

describe("every answer", () => {
  it("tells browsers to be careful with it", async () => {
    const { headers } = await send("GET", "/health")
    expect(Object.fromEntries(headers)).toMatchObject({
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "strict-transport-security": "max-age=31536000",
      vary: "Origin, Accept-Encoding",
      "x-request-id": expect.stringMatching(/^[0-9a-f]{24}$/),
      "x-process-time": expect.stringMatching(/^\d+\.\d{6}$/),
    })
  })

  it("says so on errors too, of any kind", async () => {
    for (const path of ["/nowhere", "/api/agents/x/execute", "/api/locks/%zz/acquire"])
      expect((await send("POST", path, { body: "{" })).headers.get("x-content-type-options")).toBe("nosniff")
  })

  it("can be asked for without its body", async () => {
    const response = await send("HEAD", "/health")
    expect([response.status, await response.text()]).toEqual([200, ""])
    expect((await send("HEAD", "/api/chat/sessions/s/events")).status).toBe(405)
  })
})

describe("pages of other sites", () => {
  it("may read answers if their origin is on the list, by exact name", async () => {
    const allowed = await send("GET", "/health", { headers: { origin: friend } })
    expect(allowed.headers.get("access-control-allow-origin")).toBe(friend)
    expect(allowed.headers.get("access-control-allow-credentials")).toBe("true")
    for (const origin of ["https://app.example.evil", "http://app.example", "null", `${friend}:8443`]) {
      const { headers } = await send("GET", "/health", { headers: { origin } })
      expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([])
    }
  })

  it("are told before they call what they may send", async () => {
    const ask = (origin: string, path = acquire) =>
      send("OPTIONS", path, { headers: { origin, "access-control-request-method": "POST" } })
    const allowed = await ask(friend)
    expect([allowed.status, allowed.headers.get("allow")]).toEqual([204, "POST"])
    expect(allowed.headers.get("access-control-allow-headers")).toContain("Idempotency-Key")
    expect((await ask("https://evil.example")).headers.get("access-control-allow-methods")).toBeNull()
    expect((await ask(friend, "/nowhere")).status).toBe(404)
  })
})

describe("errors", () => {
  it("have the envelope of version 2 under its paths", async () => {
    const response = await send("GET", "/api/v2/nowhere", { headers: { "x-request-id": "r-1" } })
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      success: false,
      data: null,
      error: "There is nothing here.",
      error_code: "GTW_ROUTE_001",
      details: { path: "/api/v2/nowhere" },
      request_id: "r-1",
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      timestamp: expect.any(String),
    })
  })

  it("come before anything of the body is read, where a login or a permission is missing", async () => {
    const response = await send("POST", acquire, { body: "{", headers: { authorization: "" } })
    expect(await errorOf(response)).toMatchObject({ status: 401, code: "USR_AUTH_001" })
  })

  it("tell which methods a path takes", async () => {
    const response = await send("PUT", acquire)
    expect(response.headers.get("allow")).toBe("POST")
    expect(await errorOf(response)).toMatchObject({ status: 405, details: { allowed: ["POST"] } })
  })
})

const body = (fields: string) => ({ body: `{"ttl_ms":1,${fields}}` })
const deep = `${"[".repeat(40)}${"]".repeat(40)}`

describe("what is refused before a handler sees it", () => {
  it.each([
    ["a NUL", body('"owner":"a\\u0000b"'), "owner", "NUL"],
    ["half a surrogate pair", body('"owner":"\\ud800"'), "owner", "surrogate"],
    ["a name that is no text", body('"owner":"a","x\\ud800":1'), "(body)", "surrogate"],
    ["nesting without end", body(`"owner":${deep}`), "(body)", "nested"],
    ["a field called __proto__", body('"owner":"a","__proto__":{"isAdmin":true}'), "(body)", "__proto__"],
    [
      "a field called constructor",
      body('"owner":"a","constructor":{"prototype":{}}'),
      "constructor",
      "not known",
    ],
  ])("a body with %s", async (_, options, field, reason) => {
    const error = await errorOf(await send("POST", acquire, options))
    expect(error).toMatchObject({ status: 400, code: "GTW_BODY_006", details: { field } })
    expect(error.details.reason).toContain(reason)
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })

  it("a body that is compressed, or is no UTF-8", async () => {
    const zipped = await send("POST", acquire, { body: "{}", headers: { "content-encoding": "gzip" } })
    expect(await errorOf(zipped)).toMatchObject({ status: 415, code: "GTW_BODY_002" })
    const latin = await fetch(gateway.url + acquire, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.token}` },
      body: Buffer.from('{"owner":"\xe9"}', "latin1"),
    })
    expect(await errorOf(latin)).toMatchObject({ status: 400, code: "GTW_BODY_004" })
  })

  it("a body whose error would repeat what was sent", async () => {
    const response = await send("POST", acquire, { body: '{"owner": "secret-value", oops}' })
    expect(await response.text()).not.toContain("secret-value")
  })

  it.each([
    ["/api/cep/alerts?limit=1&limit=2", "GTW_QUERY_001", "limit"],
    ["/api/cep/alerts?limit=0", "GTW_QUERY_001", "limit"],
    ["/api/cep/alerts?unheard=1", "GTW_QUERY_001", "unheard"],
    ["/api/cep/alerts?__proto__=1", "GTW_QUERY_001", "__proto__"],
    ["/api/cep/alerts?limit=%zz", "GTW_QUERY_001", undefined],
    ["/api/cep/rules/%ff", "GTW_PATH_001", undefined],
    ["/api/cep/rules/a%00b", "GTW_PATH_001", "rule"],
  ])("the address %s", async (path, code, field) => {
    const error = await errorOf(await send("GET", path))
    expect(error).toMatchObject({ status: 400, code })
    expect(error.details.field).toBe(field)
  })

  it("an address that is too long, and headers that are too large", async () => {
    expect(await errorOf(await send("GET", `/health?${"x".repeat(3_000)}`))).toMatchObject({ status: 414 })
    const large = await rawRequest(gateway.url, [
      `GET /health HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
    ])
    expect(large.status).toBe(431)
    expect(JSON.parse(large.body)).toMatchObject({ error: { code: "GTW_HTTP_002" } })
  })

  it.each([
    ["no HTTP", "HELLO\r\n\r\n"],
    ["two lengths", "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    [
      "length and chunks",
      "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ["a host that is none", "GET /health HTTP/1.1\r\nHost: a b/c\r\nConnection: close\r\n\r\n"],
    ["a path with a backslash", "GET /\\health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
  ])("what is broken: %s", async (_, text) => {
    const answer = await rawRequest(gateway.url, [text])
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([400, "GTW_HTTP_001"])
    expect(answer.headers).toMatch(/x-content-type-options: nosniff/i)
  })

  it("an upgrade of a path that takes no WebSocket", async () => {
    const text = `GET /api/chat/sessions/s/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${gateway.token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`
    expect((await rawRequest(gateway.url, [text])).status).toBe(400)
  })
})

describe("answers of some length", () => {
  const long = (count: number) => ({
    ok: { holder: undefined, waiting: [], fence: 0, note: "x".repeat(count) },
  })
  const read = (headers: Record<string, string>) =>
    rawRequest(gateway.url, [
      `POST /api/actors/lock/l/Read HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${gateway.token}\r\nContent-Length: 2\r\nConnection: close\r\n`,
      Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(""),
      "\r\n{}",
    ])

  it("are compressed for whoever takes that, and short ones are not", async () => {
    for (const count of [2_000, 200_000]) {
      gateway.answer = () => long(count)
      const response = await send("POST", "/api/actors/lock/l/Read", {
        body: "{}",
        headers: { "accept-encoding": "gzip" },
      })
      expect(response.headers.get("content-encoding")).toBe("gzip")
      expect(JSON.stringify(await response.json())).toContain("x".repeat(count))
    }
    gateway.answer = () => long(10)
    expect((await read({ "Accept-Encoding": "gzip" })).headers).not.toMatch(/content-encoding/i)
  })

  it.each(["identity", "gzip;q=0", "br"])("stay as they are for %s", async (encoding) => {
    gateway.answer = () => long(2_000)
    const answer = await read({ "Accept-Encoding": encoding })
    expect(answer.headers).not.toMatch(/content-encoding/i)
    expect(answer.body).toContain("x".repeat(2_000))
  })
})

describe("the description", () => {
  it("is read without a login, and not again while it holds", async () => {
    const first = await fetch(`${gateway.url}/openapi.json`)
    expect(first.headers.get("cache-control")).toBe("public, max-age=60")
    expect(await first.json()).toMatchObject({ openapi: "3.1.0" })
    const tag = first.headers.get("etag")!
    const again = await fetch(`${gateway.url}/openapi.json`, { headers: { "if-none-match": tag } })
    expect([again.status, await again.text()]).toEqual([304, ""])
  })

  it("is a page for people under a policy of its own", async () => {
    const page = await fetch(`${gateway.url}/docs`)
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8")
    expect(page.headers.get("content-security-policy")).toContain("script-src 'sha256-")
    expect(await (await fetch(`${gateway.url}/api/version`)).json()).toMatchObject({
      v2: { status: "current" },
    })
  })
})
