/** Requests that no client would send: injected headers, tricks with paths, hosts and methods, two requests in one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"
import { rawCodeOf as codeOf, rawRequest, rawRequests } from "../support/raw-request.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.stop())

const { send: raw, post } = rawRequests(() => node)

describe("what a caller sends and the node sends back", () => {
  it.each([
    "abc\u000bdef",
    "abc\tSet-Cookie: a=b",
    "a b",
    "<script>",
    "\u00e9",
    "0123456789".repeat(13),
    "",
    "%0d%0aSet-Cookie:a",
  ])("is no X-Request-ID when it is %j", async (id) => {
    const answer = await raw({ target: "/api/version", headers: [`X-Request-ID: ${id}`] })
    expect(answer.headers.toLowerCase()).not.toContain("set-cookie")
    expect(/^X-Request-ID: ([0-9a-f]{24})$/im.test(answer.headers) || answer.status === 400).toBe(true)
  })

  it.each([
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "<script>",
    "0123456789".repeat(30),
  ])("is no trace when the traceparent is %j", async (traceparent) => {
    const { headers } = await raw({ target: "/api/version", headers: [`traceparent: ${traceparent}`] })
    expect(headers).toMatch(/^traceparent: 00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/im)
    expect(headers).not.toContain("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7")
  })

  it("ends no header with a bare line feed or a carriage return in one", async () => {
    for (const value of ["a\nSet-Cookie: evil=1", "a\rSet-Cookie: evil=1", "a\r\n\tSet-Cookie: evil=1"]) {
      const answer = await raw({ target: "/api/version", headers: [`X-Request-ID: ${value}`] })
      expect(answer.headers.toLowerCase()).not.toContain("evil")
    }
  })

  it.each(["http://localhost/cb\r\nSet-Cookie: evil=1", "http://localhost/\u0000", "javascript:alert(1)"])(
    "is no address to return to when it is %j",
    async (redirect_uri) => {
      const response = await node.request("POST", "/api/auth/login/", { token: "", body: { redirect_uri } })
      expect(response.status).toBe(400)
      expect([...response.headers.values()].join()).not.toContain("evil")
    },
  )

  it("puts nothing of a query into the page of a login or of the API", async () => {
    const probe = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    for (const path of [
      `/api/auth/callback/?error=${probe}`,
      `/docs?x=${probe}`,
      `/dev/oidc/authorize?state=${probe}`,
    ]) {
      const response = await node.request("GET", path, { token: "", headers: { accept: "text/html" } })
      expect(await response.text()).not.toContain("<script>alert")
    }
  })
})

describe("an address that is written otherwise", () => {
  const secret = "/api/admin/users/"

  it.each([
    "//api/admin/users/",
    "/api//admin/users/",
    "/api/admin/users//",
    "/api/%61dmin/users/",
    "/api/./admin/users/",
    "/api/version/../admin/users/",
    "/api/version/%2e%2e/admin/users/",
    "/api/version/..%2fadmin/users/",
    "/api/version/..;/admin/users/",
    "/api/admin/users/;x=1",
    "/api/admin/users/.",
    "/api/admin/users./",
    "/API/ADMIN/USERS/",
    "/api/admin%2fusers/",
    "/api/admin%252fusers/",
    "/api/admin/users/%00",
    "/health/../api/admin/users/",
    "/api/version%2f..%2fadmin/users/",
    "\\api\\admin\\users\\",
    "http://evil.example/api/admin/users/",
    "http://developer:x@localhost/api/admin/users/",
    "*",
    "api",
  ])("never answers without a login: %s", async (target) => {
    const lines = [`GET ${target} HTTP/1.1`, "Host: localhost", "Connection: close", "", ""]
    const { status, body } = await rawRequest(node.url, [lines.join("\r\n")])
    expect([400, 401, 404]).toContain(status)
    expect(body).not.toContain("username")
  })

  it("is the same route with and without its last slash, and in absolute form", async () => {
    for (const target of [secret, secret.slice(0, -1), `${node.url}${secret}`])
      expect((await raw({ target })).status).toBe(200)
  })

  it.each([
    "http://evil.example/api/admin/users/",
    "http://user:pass@localhost/api/admin/users/",
    "*",
    "api",
  ])("in absolute form names no other node, and no credential: %s", async (target) => {
    const answer = await raw({ target, headers: ["Authorization: none"] })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
  })

  it.each([
    "%2f",
    "%252f",
    "%2e%2e%2f",
    "..%5c",
    "%00",
    "%0d%0a",
    "a%2fb",
    "'%20OR%20'1'='1",
    "%f0%9f%98%80",
  ])("holds no id: %s", async (id) => {
    for (const path of [
      `/api/admin/users/${id}`,
      `/api/chat/sessions/${id}/messages/`,
      `/api/v2/llm-models/${id}`,
    ]) {
      const { status, body } = await raw({ target: path })
      expect([path, status >= 400 && status < 500]).toEqual([path, true])
      expect(body).not.toMatch(/syntax|stack|node_modules| at /)
    }
  })

  it("is refused when it or its headers are too long", async () => {
    expect((await raw({ target: `/api/version?${"x".repeat(9_000)}` })).status).toBe(414)
    expect((await raw({ target: "/api/version", headers: [`X-Long: ${"x".repeat(20_000)}`] })).status).toBe(
      431,
    )
    const many = Array.from({ length: 3_000 }, (_, index) => `X-${index}: y`)
    expect((await raw({ target: "/api/version", headers: many })).status).toBe(431)
  })
})

describe("a host that is not the node's", () => {
  it.each(["evil.example/x", "a b", "evil.example@localhost", "localhost:99999999", "a?b", "[::1"])(
    "is refused when it is none: %j",
    async (host) => {
      const answer = await post("/api/chat/sessions/", '{"agent_id":"guide"}', [`Host: ${host}`])
      expect([answer.status, codeOf(answer)]).toEqual([400, "GTW_HTTP_001"])
    },
  )

  it("does not become the issuer or the address of a login", async () => {
    const description = await raw({
      target: "/dev/oidc/.well-known/openid-configuration",
      headers: ["Host: evil.example"],
    })
    expect([description.status, codeOf(description)]).toEqual([403, "USR_DEV_001"])
    const begun = await post("/api/auth/login/", '{"redirect_uri":"http://localhost/cb"}', [
      "Host: evil.example",
    ])
    expect(begun.status).toBe(200)
    expect(begun.body).not.toContain("evil.example")
  })

  it.each(["X-Forwarded-For: 127.0.0.1", "Forwarded: for=10.0.0.1", "Via: 1.1 proxy", "X-Real-IP: 10.0.0.1"])(
    "is not let into the development login by a proxy on the same machine: %s",
    async (header) => {
      const answer = await raw({ target: "/dev/oidc/jwks.json", headers: [header] })
      expect([answer.status, codeOf(answer)]).toEqual([403, "USR_DEV_001"])
    },
  )

  it("is taken from one header only, like a credential", async () => {
    for (const headers of [["Host: localhost", "host: evil.example"], ["authorization: Bearer other"]]) {
      const answer = await raw({ target: "/api/users/me", headers })
      expect([answer.status, codeOf(answer)]).toEqual([400, "GTW_HTTP_001"])
    }
  })
})

describe("two requests in one", () => {
  const smuggled = "GET /api/admin/users/ HTTP/1.1\r\nHost: localhost\r\n\r\n"

  it.each([
    ["both lengths", ["Content-Length: 6", "Transfer-Encoding: chunked"], "0\r\n\r\nX"],
    ["two lengths", ["Content-Length: 2", "Content-Length: 40"], "{}"],
    ["a length list", ["Content-Length: 2, 40"], "{}"],
    ["a signed length", ["Content-Length: +2"], "{}"],
    ["a negative length", ["Content-Length: -1"], "{}"],
    ["a length in hexadecimal", ["Content-Length: 0x2"], "{}"],
    ["a coding that is almost chunked", ["Transfer-Encoding: xchunked"], "0\r\n\r\n"],
    ["chunked that is not last", ["Transfer-Encoding: chunked, identity"], "0\r\n\r\n"],
    ["chunked before a colon with space", ["Transfer-Encoding : chunked"], "0\r\n\r\n"],
    ["a folded coding", ["Transfer-Encoding:\r\n chunked", "Content-Length: 2"], "{}"],
    ["a chunk size that overflows", ["Transfer-Encoding: chunked"], "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"],
    ["a chunk size that is none", ["Transfer-Encoding: chunked"], "2;\n{}\r\n0\r\n\r\n"],
    ["a bare line feed", ["X: y\nTransfer-Encoding: chunked", "Content-Length: 2"], "{}"],
  ])("are refused together: %s", async (_, headers, body) => {
    const lines = [
      "POST /api/locks/l/acquire HTTP/1.1",
      "Host: localhost",
      `Authorization: Bearer ${node.token}`,
    ]
    const head = [...lines, "Content-Type: application/json", ...headers, "", ""].join("\r\n")
    const { status, body: answer } = await rawRequest(node.url, [head + body + smuggled])
    expect(status).toBe(400)
    // One answer, and nothing of what came behind it.
    expect(answer).not.toContain("HTTP/1.1")
  })
})

describe("a method", () => {
  it.each(["X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE"])(
    "is the one of the request's line, whatever %s says",
    async (header) => {
      const answer = await raw({ target: "/api/users/me", headers: [header] })
      expect(answer.status).toBe(200)
      const query = await raw({ target: "/api/users/me?_method=DELETE" })
      expect(query.status).toBe(200)
    },
  )

  it.each(["TRACE", "PROPFIND", "PUT", "DELETE", "get", "G\u00cbT"])(
    "that a route does not take is refused: %s",
    async (method) => {
      const { status, headers } = await raw({ method, target: "/api/version" })
      expect([400, 405]).toContain(status)
      if (status === 405) expect(headers).toMatch(/^Allow: GET$/im)
    },
  )

  it("HEAD needs the same right as GET, and gives no body", async () => {
    const head = await raw({ method: "HEAD", target: "/api/admin/users/" })
    expect([head.status, head.body]).toEqual([200, ""])
    const anonymous = await node.request("HEAD", "/api/admin/users/", { token: "" })
    expect(anonymous.status).toBe(401)
  })
})
