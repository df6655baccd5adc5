/** Logging in, staying so and logging out at a whole node, and what users do with their API keys. */
import * as Effect from "effect/Effect"
import { decodeJwt, decodeProtectedHeader } from "jose"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Tenants } from "../../resources/index.ts"
import { errorOf, json } from "../support/http-answers.ts"
import { beginLogin, chooseUser, cookiesOf, finishLogin, logIn } from "../support/login.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.stop())

const agents = async (token: string) => (await node.request("GET", "/api/agents/", { token })).status
const refresh = (cookie: string, headers: Record<string, string> = {}) =>
  node.request("POST", "/api/auth/refresh", { token: "", body: {}, headers: { cookie, ...headers } })
const cookieOf = (refreshToken: string) => `millrace_refresh=${refreshToken}`

describe("a login", () => {
  it("gives a token, who one is, and a cookie that scripts cannot read", async () => {
    const begun = await beginLogin(node.url)
    expect(Object.fromEntries(begun.url.searchParams)).toMatchObject({
      response_type: "code",
      code_challenge_method: "S256",
      redirect_uri: "http://localhost/callback",
    })
    const returned = await chooseUser(begun, "kim", { groups: ["ops", "dev"], department: "AI" })
    const response = await finishLogin(node.url, returned, begun.cookie)
    const answer = (await json(response)) as { access_token: string }
    expect(answer).toEqual({
      access_token: expect.any(String),
      token_type: "Bearer",
      expires_in: 900,
      user: { username: "kim", username_kr: "kim", email: "kim@example.com", role: "USER" },
    })
    const cookie = response.headers.getSetCookie().find((one) => one.startsWith("millrace_refresh="))
    expect(cookie).toMatch(/; Path=\/api\/auth; HttpOnly; SameSite=Strict; Max-Age=6\d{5}$/)
    expect(cookiesOf(response).get("millrace_login")).toBe("")
    expect(decodeProtectedHeader(answer.access_token)).toMatchObject({ alg: "EdDSA", typ: "at+jwt" })
    const claims = decodeJwt(answer.access_token)
    expect(Object.keys(claims).sort()).toEqual(
      ["aud", "exp", "iat", "iss", "sid", "sub", "tenant", "username"].sort(),
    )
    const me = await json(await node.request("GET", "/api/users/me", { token: answer.access_token }))
    expect(me).toMatchObject({ username: "kim", department: "AI" })
  })

  it("ends on a page where the provider sends the browser straight to the node", async () => {
    const begun = await beginLogin(node.url, `${node.url}/api/auth/callback/`)
    const { code, state } = await chooseUser(begun, "page")
    const query = new URLSearchParams({ code, state })
    const response = await node.request("GET", `/api/auth/callback/?${query}`, {
      token: "",
      headers: { cookie: begun.cookie, accept: "text/html" },
    })
    expect(response.headers.get("content-type")).toContain("text/html")
    expect(await response.text()).not.toContain("eyJ")
    expect((await refresh(cookieOf(cookiesOf(response).get("millrace_refresh")!))).status).toBe(200)
  })

  it("works with the form that a person fills in", async () => {
    const begun = await beginLogin(node.url)
    const page = await fetch(begun.url)
    const html = await page.text()
    const hidden = [...html.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)].map(
      ([, name, value]) => [name!, value!.replaceAll("&amp;", "&")] as [string, string],
    )
    const form = new URLSearchParams([
      ...hidden,
      ["login_hint", "by-form"],
      ["groups", "a, b"],
      ["department", ""],
    ])
    const chosen = await fetch(`${node.url}/dev/oidc/authorize`, {
      method: "POST",
      body: form,
      redirect: "manual",
    })
    const { searchParams } = new URL(chosen.headers.get("location")!)
    const returned = { code: searchParams.get("code"), state: searchParams.get("state") }
    expect((await finishLogin(node.url, returned, begun.cookie)).status).toBe(200)
  })

  it("is for active tenants only, which the provider names and nobody else", async () => {
    const make = (id: string) =>
      Tenants.use((tenants) => tenants.create({ tenant: "default", user: "developer" }, { id, name: id }))
    const suspend = Tenants.use((tenants) =>
      tenants.change({ tenant: "default", user: "developer" }, "asleep", { state: "suspended" }),
    )
    await node.run(Effect.all([make("acme"), make("asleep"), suspend]))
    const { token } = await logIn(node.url, "kim", { tenant: "acme" })
    expect(decodeJwt(token)).toMatchObject({ tenant: "acme", username: "kim" })
    for (const tenant of ["asleep", "nowhere"]) {
      const begun = await beginLogin(node.url)
      const response = await finishLogin(node.url, await chooseUser(begun, "kim", { tenant }), begun.cookie)
      expect(await errorOf(response)).toMatchObject({ status: 403, code: "USR_SSO_004" })
    }
  })

  it("ends at once with a logout, by the token or by the cookie alone", async () => {
    for (const by of ["token", "cookie"] as const) {
      const { token, refreshToken } = await logIn(node.url, "leaving")
      expect(await agents(token)).toBe(200)
      const response = await node.request("POST", "/api/auth/logout/", {
        token: by === "token" ? token : "",
        headers: by === "token" ? {} : { cookie: cookieOf(refreshToken) },
      })
      expect(await json(response)).toEqual({ message: "Successfully logged out" })
      expect(response.headers.getSetCookie()[0]).toMatch(/^millrace_refresh=; .*Max-Age=0/)
      expect(await errorOf(await node.request("GET", "/api/agents/", { token }))).toMatchObject({
        status: 401,
        code: "USR_AUTH_006",
      })
      expect((await refresh(cookieOf(refreshToken))).status).toBe(401)
    }
    expect((await node.request("POST", "/api/auth/logout/", { token: "" })).status).toBe(401)
  })

  it("goes on with the refresh token, in a cookie or for other clients in a body", async () => {
    const { refreshToken } = await logIn(node.url, "staying")
    const first = await refresh(cookieOf(refreshToken))
    const answer = (await json(first)) as { access_token: string }
    expect(Object.keys(answer).sort()).toEqual(["access_token", "expires_in", "token_type"])
    expect(await agents(answer.access_token)).toBe(200)
    const next = cookiesOf(first).get("millrace_refresh")
    const body = { refresh_token: next }
    const second = await node.request("POST", "/api/auth/refresh", { token: "", body })
    expect(second.headers.getSetCookie()).toEqual([])
    expect(await json(second)).toMatchObject({
      refresh_token: expect.stringMatching(/^rt_/),
      expires_in: 900,
    })
  })

  it("publishes the keys that its tokens are signed with", async () => {
    const { kid } = decodeProtectedHeader(await node.login("kim"))
    const response = await node.request("GET", "/.well-known/jwks.json", { token: "" })
    const { keys } = (await response.json()) as { keys: ReadonlyArray<Record<string, unknown>> }
    expect(keys).toContainEqual(expect.objectContaining({ kid, kty: "OKP", crv: "Ed25519", use: "sig" }))
    for (const key of keys) expect(key).not.toHaveProperty("d")
    expect(response.headers.get("cache-control")).toBe("public, max-age=300")
  })
})

describe("rights", () => {
  it("that are taken away end for tokens that were given before", async () => {
    const token = await node.login("demoted")
    const { id } = (await json(await node.request("GET", "/api/users/me", { token }))) as { id: string }
    expect(await agents(token)).toBe(200)
    const off = await node.request("PATCH", `/api/admin/users/${id}`, { body: { is_active: false } })
    expect(off.status).toBe(200)
    expect(await agents(token)).toBe(401)
  })
})

describe("an API key", () => {
  const keysPath = "/api/users/me/api-keys/"
  const make = async (token: string, body: unknown) => node.request("POST", keysPath, { token, body })

  it("is shown once, works, is listed without its secret, and ends when it is revoked", async () => {
    const token = await node.login("keeper")
    const made = await make(token, { name: "개발용 API Key" })
    expect(made.status).toBe(201)
    const { id, key } = (await json(made)) as { id: number; key: string }
    expect(key).toMatch(/^ak_live_[\w-]{55}$/)
    expect(await agents(key)).toBe(200)
    const listed = (await json(await node.request("GET", keysPath, { token }))) as { api_keys: Array<object> }
    expect(listed.api_keys).toEqual([
      expect.objectContaining({ id, name: "개발용 API Key", prefix: key.slice(0, 20) }),
    ])
    expect(JSON.stringify(listed)).not.toContain(key)
    const other = await node.login("somebody")
    expect((await node.request("DELETE", `${keysPath}${id}`, { token: other })).status).toBe(404)
    expect((await node.request("DELETE", `${keysPath}${id}`, { token })).status).toBe(204)
    expect(await agents(key)).toBe(401)
  })

  it("with scopes does no more than they say, and makes no other key", async () => {
    const token = await node.login("scoped")
    const { key } = (await json(await make(token, { name: "k", scopes: ["agent:read"] }))) as { key: string }
    expect(await agents(key)).toBe(200)
    const asked = await node.request("POST", "/api/ops/questions", { token: key, body: { question: "cpu" } })
    expect(asked.status).toBe(403)
    expect(await errorOf(await make(key, { name: "more" }))).toMatchObject({
      status: 403,
      code: "USR_KEY_004",
    })
    for (const scopes of [["user:write"], ["nothing:at-all"], ["*"], ["tenant:manage"]])
      expect(await errorOf(await make(token, { name: "k", scopes }))).toMatchObject({ code: "USR_KEY_005" })
  })

  it("is rotated with an overlap, also by itself but by no other key", async () => {
    const token = await node.login("rotating")
    const one = (await json(await make(token, { name: "1" }))) as { id: number; key: string }
    const two = (await json(await make(token, { name: "2" }))) as { id: number; key: string }
    const rotate = (id: number, as: string, seconds: number) =>
      node.request("POST", `${keysPath}${id}/rotate`, { token: as, body: { overlap_seconds: seconds } })
    expect((await rotate(one.id, two.key, 0)).status).toBe(403)
    const next = (await json(await rotate(one.id, one.key, 60))) as { key: string }
    expect([await agents(one.key), await agents(next.key)]).toEqual([200, 200])
    const last = (await json(await rotate(one.id, token, 0))) as { key: string }
    expect([await agents(one.key), await agents(next.key), await agents(last.key)]).toEqual([401, 401, 200])
  })
})
