/**
 * Every route that a node describes, from outside what it allows: without a login, with one that is over, from a tenant
 * that is closed, with too little right, from another tenant, and at somebody else's objects.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { signAccessToken } from "../../gateway/auth/access-token.ts"
import { SigningKeys } from "../../resources/index.ts"
import { borderAttempts } from "../support/border-attempts.ts"
import {
  makeObjects,
  marker,
  type Objects,
  type Operation,
  operationsOf,
  pathOf,
} from "../support/every-route.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
let operations: ReadonlyArray<Operation>
let objects: Objects
/** Administrator of another tenant. */
let foreigner: string
/** A login, since an API key makes no others. */
let admin: string

beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: "developer,acme/eve,closed/zoe" })
  operations = await operationsOf(node)
  for (const id of ["acme", "closed"])
    await node.request("POST", "/api/admin/tenants/", { body: { id, name: id } })
  foreigner = await node.login("eve", { tenant: "acme" })
  admin = await node.login("developer")
  objects = await makeObjects(node, admin)
}, 60_000)
afterAll(() => node.stop())

const guarded = () => operations.filter(({ permission }) => permission !== "public")

/** A user may have so many keys only. */
const removeNarrowKeys = async () => {
  const response = await node.request("GET", "/api/users/me/api-keys/", { token: admin })
  const { api_keys } = (await response.json()) as { api_keys: ReadonlyArray<{ id: number; name: string }> }
  for (const { id, name } of api_keys)
    if (name === "narrow") await node.request("DELETE", `/api/users/me/api-keys/${id}`, { token: admin })
}

interface Trial {
  readonly token: string
  readonly path?: string
  readonly body?: unknown
}

/** The status that an upgrade is refused with; 101 for a socket that opened. */
const upgrade = (url: string) =>
  new Promise<number>((resolve, reject) => {
    const socket = new WebSocket(url)
    const settle = (status: number) => {
      resolve(status)
      socket.terminate()
    }
    socket.on("open", () => settle(101))
    socket.on("unexpected-response", (_, { statusCode }) => settle(statusCode ?? 0))
    socket.on("error", reject)
  })

const attempt = async (operation: Operation, { token, path = pathOf(operation, {}), body }: Trial) => {
  const { id, method, isSocket, hasBody } = operation
  if (isSocket) {
    const status = await upgrade(`${node.url.replace("http", "ws")}${path}?token=${token}`)
    return { id, status, text: "" }
  }
  const abort = new AbortController()
  const sent = body === undefined && !hasBody ? {} : { body: body ?? {} }
  const response = await node.request(method, path, { token, signal: abort.signal, ...sent })
  const isStream = (response.headers.get("content-type") ?? "").startsWith("text/event-stream")
  const text = isStream ? "" : await response.text()
  if (isStream) abort.abort()
  return { id, status: response.status, text }
}

const statuses = async (trials: ReadonlyArray<Operation>, token: string) => {
  const answers = await Promise.all(trials.map((operation) => attempt(operation, { token })))
  return answers.map(({ id, status }) => `${id} ${status}`)
}

const all = (status: number) => guarded().map(({ id }) => `${id} ${status}`)

describe("every route", () => {
  it("says what right it asks for, or that it asks for none", () => {
    expect(operations.length).toBeGreaterThan(90)
    for (const { id, permission } of operations) expect([id, typeof permission]).toEqual([id, "string"])
  })

  it("refuses a request without a login", async () => {
    expect(await statuses(guarded(), "")).toEqual(all(401))
  })

  it("refuses a token whose time is over", async () => {
    const expired = await node.run(
      Effect.gen(function* () {
        const keys = yield* SigningKeys
        const now = yield* Clock.currentTimeMillis
        const key = yield* keys.signing
        const claims = { tenant: "default", userId: objects.user, username: "developer", session: "s" }
        return yield* Effect.promise(() =>
          signAccessToken(key, { ...claims, expiresAt: now - 60_000 }, now - 960_000),
        )
      }),
    )
    expect(await statuses(guarded(), expired)).toEqual(all(401))
  })

  it("refuses whoever belongs to a suspended tenant, at once", async () => {
    const token = await node.login("zoe", { tenant: "closed" })
    expect((await node.request("GET", "/api/users/me", { token })).status).toBe(200)
    await node.request("PATCH", "/api/admin/tenants/closed", { body: { state: "suspended" } })
    const answers = await statuses(guarded(), token)
    expect(answers.filter((answer) => !/ 40[13]$/.test(answer))).toEqual([])
  })

  it("refuses an identity that holds every right but the one it asks for", async () => {
    const asking = guarded().filter(({ permission }) => permission !== "login")
    const rights = [...new Set(asking.map(({ permission }) => permission))].sort()
    const wrong: Array<string> = []
    for (const right of rights) {
      const token = await node.narrow(
        admin,
        rights.filter((other) => other !== right && other !== "tenant:manage"),
      )
      const here = asking.filter(({ permission }) => permission === right)
      wrong.push(...(await statuses(here, token)).filter((answer) => !answer.endsWith(" 403")))
      await removeNarrowKeys()
    }
    expect(wrong).toEqual([])
  })
})

describe("the border between tenants", () => {
  const withParameters = () => guarded().filter(({ path }) => path.includes("{"))

  it("is tried on every route that takes a name", () => {
    const missing = withParameters().filter(({ id }) => borderAttempts[id] === undefined)
    expect(missing.map(({ id }) => id)).toEqual([])
  })

  it("hides every object of another tenant, whoever asks for it by its id", async () => {
    const wrong: Array<string> = []
    for (const operation of withParameters()) {
      const { parameters, body, finds } = borderAttempts[operation.id]!
      const answer = await attempt(operation, {
        token: foreigner,
        path: pathOf(operation, parameters(objects)),
        ...(body === undefined ? {} : { body: body(objects) }),
      })
      const expected = { none: /^404$/, forbidden: /^403$/, own: /^(?:200|201|204|404|409)$/ }[finds]
      if (!expected.test(String(answer.status)))
        wrong.push(`${answer.id} ${answer.status} ${answer.text.slice(0, 200)}`)
      if (answer.text.includes("developer") || answer.text.includes(`${marker} `))
        wrong.push(`${answer.id} tells ${answer.text.slice(0, 300)}`)
    }
    expect(wrong).toEqual([])
  })

  it("keeps every list and figure free of another tenant's objects", async () => {
    const lists = guarded().filter(({ method, path }) => method === "GET" && !path.includes("{"))
    const wrong: Array<string> = []
    for (const operation of lists) {
      const { id, text } = await attempt(operation, { token: foreigner })
      const leaked = [marker, "developer", ...Object.values(objects).filter((value) => value.length > 8)]
      for (const secret of leaked) if (text.includes(secret)) wrong.push(`${id} tells ${secret}`)
    }
    expect(wrong).toEqual([])
  })

  it("leaves everything as it was", async () => {
    const read = async (path: string) => (await node.request("GET", path)).json()
    expect(await read(`/api/admin/groups/${objects.group}`)).toMatchObject({ description: "", members: 1 })
    expect(await read(`/api/admin/llm-models/${objects.model}`)).toMatchObject({
      name: `${marker}-model`,
      is_active: false,
    })
    expect(await read(`/api/llm-models/${objects.model}/permissions`)).toHaveLength(1)
    expect(await read("/api/admin/roles/MARKED")).toMatchObject({ description: marker })
    expect(await read(`/api/admin/users/${objects.user}`)).toMatchObject({ is_active: true, role: "ADMIN" })
    const held = await node.request("POST", "/api/locks/marked-lock/extend", {
      body: { owner: marker, fence: 1, ttl_ms: 1_000 },
    })
    expect(held.status).toBe(200)
  })
})

describe("another user of the same tenant", () => {
  const personal = [
    "agents.get",
    "agents.change",
    "agents.archive",
    "agents.restore",
    "agents.move",
    "agents.checkHealth",
    "agents.execute",
    "agents.executeA2a",
    "apiKeys.revoke",
    "apiKeys.rotate",
    "chat.messages.list",
    "chat.messages.say",
    "chat.events.follow",
    "chat.turns.stop",
    "chat.sessions.transfer",
    "chat.connectSocket",
    "ops.plans.read",
    "llmModels.getManaged",
    "llmModels.change",
    "llmModels.remove",
    "llmModels.activate",
    "llmPermissions.list",
    "llmPermissions.grant",
    "llmPermissions.revoke",
    "llmModelsV2.get",
    "llmPermissionsV2.list",
    "llmPermissionsV2.grant",
    "llmPermissionsV2.revoke",
    "modelCalls.getModel",
  ]

  it("cannot use what belongs to one user or was granted to others", async () => {
    const token = await node.login("ulf")
    const wrong: Array<string> = []
    for (const id of personal) {
      const operation = operations.find((one) => one.id === id)!
      const { parameters, body } = borderAttempts[id]!
      const answer = await attempt(operation, {
        token,
        path: pathOf(operation, parameters(objects)),
        ...(body === undefined ? {} : { body: body(objects) }),
      })
      if (answer.status !== 403 && answer.status !== 404) wrong.push(`${id} ${answer.status}`)
    }
    expect(wrong).toEqual([])
  })
})
