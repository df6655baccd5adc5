/** What somebody tries at the way in: stolen refresh tokens, replayed and exchanged logins, addresses to be sent to. */
import { createHash } from "node:crypto"
import { connect } from "node:net"
import { decodeJwt, generateKeyPair, SignJWT } from "jose"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf, json } from "../support/http-answers.ts"
import { beginLogin, chooseUser, finishLogin, logIn } from "../support/login.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
let token: string
beforeAll(async () => {
  node = await startTestNode()
  token = await node.login("victim")
})
afterAll(() => node.stop())

const call = (credential: string) => node.request("GET", "/api/agents/", { token: credential })
const refusal = async (credential: string) => {
  const { status, code } = await errorOf(await call(credential))
  return { status, code }
}
const invalid = { status: 401, code: "USR_AUTH_002" }
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

/** As a client would get one that has a login of its own at the issuer: by the code flow, with its own verifier. */
const idTokenOf = async (username: string): Promise<string> => {
  const verifier = "v".repeat(43)
  const redirectUri = "http://localhost/own"
  const query = new URLSearchParams({
    client_id: "millrace",
    redirect_uri: redirectUri,
    response_type: "code",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    prompt: "none",
    login_hint: username,
  })
  const sent = await fetch(`${node.url}/dev/oidc/authorize?${query}`, { redirect: "manual" })
  const code = new URL(sent.headers.get("location")!).searchParams.get("code")!
  const form = { grant_type: "authorization_code", code, redirect_uri: redirectUri, code_verifier: verifier }
  const answer = await fetch(`${node.url}/dev/oidc/token`, {
    method: "POST",
    body: new URLSearchParams(form),
  })
  return ((await answer.json()) as { id_token: string }).id_token
}

describe("a credential in the place of another", () => {
  it("is refused: a refresh token, an id token, an opaque text", async () => {
    const { refreshToken } = await logIn(node.url, "victim")
    for (const text of [refreshToken, await idTokenOf("victim"), "ak_live_", "Bearer", "."])
      expect(await refusal(text)).toEqual(invalid)
  })

  it("is refused: an access token or an API key for refreshing, an access token for an id token", async () => {
    for (const text of [token, node.apiKey]) {
      const body = { refresh_token: text }
      const refreshed = await node.request("POST", "/api/auth/refresh", { token: "", body })
      expect(refreshed.status).toBeGreaterThanOrEqual(400)
    }
    expect(await errorOf(await finishLogin(node.url, { id_token: token }, ""))).toMatchObject({
      status: 401,
      code: "USR_SSO_002",
    })
  })
})

describe("an id token by itself", () => {
  it("logs in once", async () => {
    const idToken = await idTokenOf("bare")
    expect((await finishLogin(node.url, { id_token: idToken }, "")).status).toBe(200)
    expect(await errorOf(await finishLogin(node.url, { id_token: idToken }, ""))).toMatchObject({
      status: 401,
      code: "USR_SSO_002",
      details: { reason: "it was used before" },
    })
    const fresh = await idTokenOf("bare")
    const both = await Promise.all([1, 2].map(() => finishLogin(node.url, { id_token: fresh }, "")))
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401])
  })

  it("that somebody else signed, or with a changed claim, is refused", async () => {
    const idToken = await idTokenOf("bare")
    const [head, , signature] = idToken.split(".")
    const changed = `${head}.${base64url({ ...decodeJwt(idToken), preferred_username: "developer" })}.${signature}`
    const { privateKey } = await generateKeyPair("ES256")
    const foreign = await new SignJWT(decodeJwt(idToken))
      .setProtectedHeader({ alg: "ES256", kid: "development" })
      .sign(privateKey)
    const unsigned = `${base64url({ alg: "none" })}.${base64url(decodeJwt(idToken))}.`
    for (const id_token of [changed, foreign, unsigned, "x", `${idToken}x`])
      expect(await errorOf(await finishLogin(node.url, { id_token }, ""))).toMatchObject({
        code: "USR_SSO_002",
      })
  })
})

describe("a stolen refresh token", () => {
  const refresh = (refreshToken: string) =>
    node.request("POST", "/api/auth/refresh", { token: "", body: { refresh_token: refreshToken } })

  it("that is used again ends the login, with every token of it", async () => {
    const { refreshToken, token: first } = await logIn(node.url, "robbed")
    const renewed = (await json(await refresh(refreshToken))) as {
      access_token: string
      refresh_token: string
    }
    expect((await call(renewed.access_token)).status).toBe(200)
    expect(await errorOf(await refresh(refreshToken))).toMatchObject({ status: 401, code: "USR_SES_001" })
    for (const credential of [first, renewed.access_token])
      expect(await refusal(credential)).toEqual({ status: 401, code: "USR_AUTH_006" })
    expect((await refresh(renewed.refresh_token)).status).toBe(401)
  })

  it("that two use at once serves one at most, and then nobody", async () => {
    const { refreshToken } = await logIn(node.url, "raced")
    const answers = await Promise.all([refresh(refreshToken), refresh(refreshToken), refresh(refreshToken)])
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(1)
    const { access_token } = (await won[0]!.json()) as { access_token: string }
    expect((await call(access_token)).status).toBe(401)
  })

  it("with another tenant written into it finds nothing", async () => {
    const { refreshToken } = await logIn(node.url, "moved")
    const [, family, secret] = refreshToken.split(".")
    for (const tenant of ["acme", "default\0", "../default", "'"]) {
      const text = `rt_${Buffer.from(tenant).toString("base64url")}.${family}.${secret}`
      expect((await refresh(text)).status).toBe(401)
    }
    expect((await refresh(refreshToken)).status).toBe(200)
  })

  it("is not taken from pages of other sites", async () => {
    const { refreshToken } = await logIn(node.url, "surfing")
    const send = (path: string, origin: string) =>
      node.request("POST", path, {
        token: "",
        body: {},
        headers: { cookie: `millrace_refresh=${refreshToken}`, origin },
      })
    for (const origin of ["https://evil.example", "null", `${node.url}.evil.example`, "http://127.0.0.1:1"])
      for (const path of ["/api/auth/refresh", "/api/auth/logout/"])
        expect(await errorOf(await send(path, origin))).toMatchObject({ status: 403, code: "USR_SSO_007" })
    expect((await send("/api/auth/refresh", node.url)).status).toBe(200)
  })
})

describe("a login that somebody meddles with", () => {
  const finish = async (body: unknown, cookie: string) => {
    const { status, code } = await errorOf(await finishLogin(node.url, body, cookie))
    return { status, code }
  }
  const overState = { status: 401, code: "USR_SSO_006" }

  it("ends once: its state cannot be used again", async () => {
    const begun = await beginLogin(node.url)
    const returned = await chooseUser(begun, "victim")
    expect((await finishLogin(node.url, returned, begun.cookie)).status).toBe(200)
    expect(await finish(returned, begun.cookie)).toEqual(overState)
  })

  it("ends in the browser that began it, and a try from another uses it up", async () => {
    const [mine, other] = [await beginLogin(node.url), await beginLogin(node.url)]
    const returned = await chooseUser(mine, "victim")
    expect(await finish(returned, other.cookie)).toEqual(overState)
    expect(await finish(returned, mine.cookie)).toEqual(overState)
    const again = await beginLogin(node.url)
    const next = await chooseUser(again, "victim")
    for (const cookie of ["", "millrace_login=", `${again.cookie}; ${other.cookie}`]) {
      const fresh = await beginLogin(node.url)
      expect(await finish(await chooseUser(fresh, "victim"), cookie)).toEqual(overState)
    }
    expect((await finishLogin(node.url, next, again.cookie)).status).toBe(200)
  })

  it("takes no code of another login", async () => {
    const [mine, other] = [await beginLogin(node.url), await beginLogin(node.url)]
    const { code } = await chooseUser(other, "attacker")
    const { state } = await chooseUser(mine, "victim")
    // Its verifier is not the one that the code was given for.
    expect(await finish({ code, state }, mine.cookie)).toEqual({ status: 401, code: "USR_SSO_003" })
  })

  it("takes no code with a challenge, and so a verifier, of somebody else", async () => {
    const begun = await beginLogin(node.url)
    begun.url.searchParams.set("code_challenge", "A".repeat(43))
    const returned = await chooseUser(begun, "victim")
    expect(await finish(returned, begun.cookie)).toEqual({ status: 401, code: "USR_SSO_003" })
  })

  it("takes no id token with another nonce", async () => {
    const begun = await beginLogin(node.url)
    begun.url.searchParams.set("nonce", "another")
    const returned = await chooseUser(begun, "victim")
    expect(await finish(returned, begun.cookie)).toEqual({ status: 401, code: "USR_SSO_002" })
  })

  it.each([
    "https://evil.example/callback",
    "http://localhost.evil.example/",
    "http://localhost@evil.example/",
    "http://127.0.0.1.evil.example/",
    "//evil.example",
    "javascript:alert(1)",
    "http://localhost/callback#fragment",
    "http://localhost\\@evil.example/",
    "http://localhost/\r\nSet-Cookie: a=b",
    "http://LOCALHOST/callback",
    "data:text/html,x",
  ])("is not returned to %j", async (redirect_uri) => {
    const begun = await node.request("POST", "/api/auth/login/", { token: "", body: { redirect_uri } })
    expect(await errorOf(begun)).toMatchObject({ status: 400, code: "USR_SSO_001" })
    const query = new URLSearchParams((await beginLogin(node.url)).url.searchParams)
    query.set("redirect_uri", redirect_uri)
    query.set("prompt", "none")
    query.set("login_hint", "victim")
    const sent = await fetch(`${node.url}/dev/oidc/authorize?${query}`, { redirect: "manual" })
    expect([sent.status, sent.headers.get("location")]).toEqual([400, null])
  })

  it("puts nothing of a state or a name into headers or pages", async () => {
    const begun = await beginLogin(node.url)
    const evil = 'x\r\nSet-Cookie: a=b\r\n\r\n<script>alert("1")</script>'
    begun.url.searchParams.set("state", evil)
    begun.url.searchParams.set("login_hint", '"><script>1</script>'.slice(0, 128))
    const html = await (await fetch(begun.url)).text()
    expect(html).not.toContain("<script>")
    begun.url.searchParams.set("prompt", "none")
    const sent = await fetch(begun.url, { redirect: "manual" })
    expect(sent.headers.getSetCookie()).toEqual([])
    expect(new URL(sent.headers.get("location")!).searchParams.get("state")).toBe(evil)
    const page = await node.request("GET", `/api/auth/callback/?error=${encodeURIComponent(evil)}`, {
      token: "",
    })
    const text = await page.text()
    expect([page.status, page.headers.getSetCookie(), text.includes("<script>")]).toEqual([401, [], false])
  })

  it("is believed by the development issuer from this machine under its own name only", async () => {
    const { port } = new URL(node.url)
    const answered = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1", () =>
        socket.write("GET /dev/oidc/jwks.json HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
      )
      let text = ""
      socket.on("data", (piece) => {
        text += piece
      })
      socket.on("close", () => resolve(text))
    })
    expect(answered).toMatch(/^HTTP\/1\.1 403 /)
    expect(answered).toContain("USR_DEV_001")
  })
})
