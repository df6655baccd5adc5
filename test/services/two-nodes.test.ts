/** That two nodes over one PostgreSQL and one NATS server are one deployment: what one of them changes, the other one obeys. */
import { randomBytes } from "node:crypto"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { beginLogin, chooseUser, finishLogin, logIn } from "../support/login.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts"
import { newDatabase } from "./new-database.ts"

/** Far less than anything is kept without an announcement. */
const promptMs = 2_000
/** Less than `verifiedTokenMs`, after which it would be looked up in any case. */
const reconnectMs = 15_000
const limited = 12

const [[, server] = ["", ""]] = inject("databases")
const secretKeys = `k1:${randomBytes(32).toString("base64")}`

let nats: TestNatsServer
let proxy: TcpProxy
let a: TestNode
let b: TestNode
let settings: Record<string, string>

beforeAll(async () => {
  nats = await testNatsServer()
  proxy = await startTcpProxy(Number(new URL(nats.url).port))
  const { user, pass } = nats.connection
  settings = {
    DATABASE_URL: await newDatabase(server),
    NATS_USER: user,
    NATS_PASSWORD: pass,
    MILLRACE_SECRET_KEYS: secretKeys,
    MILLRACE_RATE_LIMITS: `batch=${limited}/600,login=10000/60,write=10000/60,read=10000/60,anonymous=10000/60`,
  }
  // Both at once, on an empty database: each finds what the other one makes half done.
  ;[a, b] = await Promise.all([
    startTestNode({ ...settings, NATS_URL: nats.url }),
    startTestNode({ ...settings, NATS_URL: proxy.address }),
  ])
}, 120_000)

afterAll(async () => {
  await Promise.all([a?.stop(), b?.stop()])
  await proxy?.stop()
  await nats?.stop()
})

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field
type Json = any

const send = async (node: TestNode, method: string, path: string, token = "", body?: unknown) => {
  const response = await node.request(method, path, {
    token: token === "" ? node.token : token,
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as Json }
}

/** Asks again and again until it is so; fails when it takes longer than an announcement may. */
const soon = async (isSo: () => Promise<boolean>): Promise<void> => {
  const until = performance.now() + promptMs
  while (!(await isSo())) expect(performance.now()).toBeLessThan(until)
}

const me = async (node: TestNode, token: string) => (await send(node, "GET", "/api/users/me", token)).status
const refusedAt = (node: TestNode, token: string, status = 401) =>
  soon(async () => (await me(node, token)) === status)
const idOf = async (username: string): Promise<string> => {
  const { body } = await send(a, "GET", `/api/admin/users/?search=${username}`)
  return body.users.find((user: Json) => user.username === username).id
}

describe("two nodes that started at once on an empty database", () => {
  it("have one set of signing keys, one development user and a key for it each", async () => {
    const [ofA, ofB] = [
      await send(a, "GET", "/.well-known/jwks.json"),
      await send(b, "GET", "/.well-known/jwks.json"),
    ]
    expect(ofA.body.keys).toHaveLength(1)
    expect(ofB.body).toEqual(ofA.body)
    expect(a.token).not.toBe(b.token)
    for (const token of [a.token, b.token]) for (const node of [a, b]) expect(await me(node, token)).toBe(200)
    expect((await send(b, "GET", "/api/admin/users/?search=developer")).body.total).toBe(1)
    const models = [
      await send(a, "GET", "/api/admin/llm-models/"),
      await send(b, "GET", "/api/admin/llm-models/"),
    ]
    expect(models[1]!.body).toEqual(models[0]!.body)
  })

  it("refuse one that has other secret keys", async () => {
    const other = `k1:${randomBytes(32).toString("base64")}`
    await expect(
      startTestNode({ ...settings, NATS_URL: nats.url, MILLRACE_SECRET_KEYS: other }),
    ).rejects.toThrow(/other secret keys than the deployment.*same MILLRACE_SECRET_KEYS/s)
  })
})

describe("what somebody was given at one node", () => {
  it("is a login that the other knows, and that ends there when it ends here", async () => {
    const token = await a.login("leaver")
    expect(await me(b, token)).toBe(200)
    expect((await send(a, "POST", "/api/auth/logout/", token, {})).status).toBe(200)
    await refusedAt(b, token)
  })

  it("ends everywhere when the user is deactivated", async () => {
    const token = await a.login("gone")
    expect(await me(b, token)).toBe(200)
    await send(a, "PATCH", `/api/admin/users/${await idOf("gone")}`, "", { is_active: false })
    await soon(async () => (await me(b, token)) !== 200)
  })

  it("is a role that is taken everywhere", async () => {
    const token = await a.login("helper")
    const role = `/api/admin/users/${await idOf("helper")}/roles/ADMIN`
    const mayAt = async () => (await send(b, "GET", "/api/admin/roles/", token)).status
    expect(await mayAt()).toBe(403)
    await send(a, "PUT", role)
    await soon(async () => (await mayAt()) === 200)
    await send(a, "DELETE", role)
    await soon(async () => (await mayAt()) === 403)
  })

  it("is an API key that is revoked everywhere", async () => {
    const token = await a.login("robot")
    const { body: key } = await send(a, "POST", "/api/users/me/api-keys/", token, { name: "k" })
    expect(await me(b, key.key)).toBe(200)
    expect((await send(a, "DELETE", `/api/users/me/api-keys/${key.id}`, token)).status).toBe(204)
    await refusedAt(b, key.key)
  })

  it("ends everywhere with its tenant", async () => {
    expect((await send(a, "POST", "/api/admin/tenants/", "", { id: "acme", name: "Acme" })).status).toBe(201)
    let token = ""
    await soon(async () => {
      token = await b.login("tenant-user", { tenant: "acme" }).catch(() => "")
      return token !== ""
    })
    expect(await me(a, token)).toBe(200)
    await send(a, "PATCH", "/api/admin/tenants/acme", "", { state: "suspended" })
    await soon(async () => (await me(b, token)) !== 200)
  })

  it("is a refresh token that ends the login when it is used twice, though at different nodes", async () => {
    const { token, refreshToken } = await logIn(a.url, "thief")
    for (const node of [a, b]) expect(await me(node, token)).toBe(200)
    const refresh = (node: TestNode, text: string) =>
      node.request("POST", "/api/auth/refresh", { token: "", body: { refresh_token: text } })
    const next = ((await (await refresh(b, refreshToken)).json()) as Json).refresh_token
    const third = ((await (await refresh(a, next)).json()) as Json).refresh_token
    expect((await refresh(b, refreshToken)).status).toBe(401)
    expect((await refresh(a, third)).status).toBe(401)
    await refusedAt(a, token)
    await refusedAt(b, token)
  })

  it("is a grant on a model that shows in lists and goes from them", async () => {
    const token = await a.login("reader")
    const registered = {
      name: "shared",
      provider: "Custom",
      endpoint: "http://127.0.0.1:9/v1",
      api_key: "sk-1234567890abcdef",
    }
    const { body: model } = await send(a, "POST", "/api/admin/llm-models/", "", registered)
    await send(a, "POST", `/api/admin/llm-models/${model.id}/activate`)
    const listed = async () =>
      JSON.stringify((await send(b, "GET", "/api/llm-models/", token)).body).includes('"shared"')
    expect(await listed()).toBe(false)
    const body = { grantee_type: "USER", grantee_id: await idOf("reader") }
    const granted = await send(a, "POST", `/api/llm-models/${model.id}/permissions`, "", body)
    expect(granted.status).toBe(200)
    await soon(listed)
    const id = granted.body.id ?? granted.body.permission_id
    await send(a, "DELETE", `/api/llm-models/${model.id}/permissions/${id}`)
    await soon(async () => !(await listed()))
  })
})

describe("what is done at both nodes", () => {
  it("counts against one limit", async () => {
    const token = await a.login("stranger")
    const asked = Array.from({ length: limited * 2 }, (_, index) =>
      send(index % 2 === 0 ? a : b, "GET", "/api/admin/audit-log/verify", token),
    )
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(limited)
    expect(statuses.filter((status) => status === 429)).toHaveLength(limited)
  })

  it("is done once under one Idempotency-Key, and answered the same", async () => {
    const make = (node: TestNode) =>
      node.request("POST", "/api/admin/groups/", {
        body: { name: "once", description: "" },
        headers: { "idempotency-key": "two-nodes-group-0001" },
      })
    const first = await make(a)
    const second = await make(b)
    expect([first.status, second.status]).toEqual([201, 201])
    expect(await second.json()).toEqual(await first.json())
  })

  it("stands in one audit log whose chain is right", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `chain${index}`)
    const made = await Promise.all(
      names.map((name, index) =>
        send(index % 2 === 0 ? a : b, "POST", "/api/admin/groups/", "", { name, description: "" }),
      ),
    )
    expect(made.map(({ status }) => status)).toEqual(names.map(() => 201))
    expect((await send(b, "GET", "/api/admin/audit-log/verify")).body).toMatchObject({ valid: true })
  })

  it("is ruled by the same settings and counted in the same statistics", async () => {
    await send(a, "PATCH", "/api/admin/settings/audit", "", { settings: { page_entries: 3 } })
    await soon(async () => (await send(b, "GET", "/api/admin/audit-log/")).body.entries.length === 3)
    const read = (node: TestNode) => send(node, "GET", "/api/admin/statistics/")
    const usersOf = ({ body }: { readonly body: Json }) => body.statistics.total_users
    expect(usersOf(await read(a))).toBeGreaterThan(5)
    expect(usersOf(await read(b))).toBe(usersOf(await read(a)))
  })
})

describe("a node that is cut off from the others", () => {
  it("goes by what it has heard, and obeys what was revoked meanwhile once it is back", async () => {
    const token = await a.login("outsider")
    proxy.cut()
    await soon(async () => (await send(b, "GET", "/health")).body.components.nats.status !== "healthy")
    // Kept from now on: nothing that was announced before comes any more and has it looked up again.
    expect(await me(b, token)).toBe(200)
    expect((await send(a, "POST", "/api/auth/logout/", token, {})).status).toBe(200)
    expect(await me(b, token)).toBe(200)
    proxy.mend()
    const until = performance.now() + reconnectMs
    while ((await me(b, token)) !== 401) expect(performance.now()).toBeLessThan(until)
  })
})

describe("a login", () => {
  it("that began at one node ends at another that has the same identity provider", async () => {
    // A development issuer's codes live in its own process: the third node takes the first one's for its provider.
    const provider = { OIDC_ISSUER: `${a.url}/dev/oidc`, OIDC_CLIENT_ID: "millrace" }
    const third = await startTestNode({ ...settings, NATS_URL: nats.url, ...provider })
    try {
      const begun = await beginLogin(a.url)
      const chosen = await chooseUser(begun, "wanderer")
      const response = await finishLogin(third.url, chosen, begun.cookie)
      expect(response.status).toBe(200)
      const { access_token } = (await response.json()) as Json
      for (const node of [third, a, b]) expect(await me(node, access_token)).toBe(200)
      expect((await finishLogin(a.url, chosen, begun.cookie)).status).toBe(401)
    } finally {
      await third.stop()
    }
  })
})
