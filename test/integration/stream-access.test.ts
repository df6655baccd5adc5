/** Streams that are open when what let them in ends: a logout, a revoked key, a deactivation, a lost right, a suspension. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"
import { openSession, openSocket } from "../support/session-client.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: "developer,acme/eve" })
  await node.request("POST", "/api/admin/tenants/", { body: { id: "acme", name: "Acme" } })
})
afterAll(() => node.stop())

/** One event stream and one WebSocket of the token's user, both open and silent. */
const openBoth = async (token: string) => {
  const session = await openSession(node, "guide", token)
  const events = await node.request("GET", `/api/chat/sessions/${session}/events`, { token })
  expect(events.status).toBe(200)
  const socket = await openSocket({ url: node.url, token }, session)
  return { events, socket }
}

/** How both ended: without this the test would wait until its own end. */
const endsOf = async ({ events, socket }: Awaited<ReturnType<typeof openBoth>>) => {
  const [text, closed] = await Promise.all([events.text(), socket.closed])
  const [last] = text.split("\n\n").flatMap((event) => (event.startsWith("data: ") ? [event.slice(6)] : []))
  const { type, code, reconnect } = JSON.parse(last ?? "{}") as Record<string, unknown>
  const frame = socket.frames.at(-1)
  return { event: { type, code, reconnect }, closed, frame: [frame?.code, frame?.details, frame?.reconnect] }
}

const ended = (code: string) => ({
  event: { type: "error", code, reconnect: true },
  closed: { code: 1008, reason: code },
  frame: ["WS_ERROR_007", { code }, true],
})

const userOf = async (token: string) =>
  ((await (await node.request("GET", "/api/users/me", { token })).json()) as { id: string }).id

describe("open streams end", () => {
  it("after their user has logged out, and those of the same user's other logins stay", async () => {
    const [token, other] = [await node.login("ann"), await node.login("ann")]
    const [streams, staying] = [await openBoth(token), await openBoth(other)]
    await node.request("POST", "/api/auth/logout/", { token, body: {} })
    expect(await endsOf(streams)).toEqual(ended("USR_AUTH_006"))
    staying.socket.send({ type: "ping" })
    await staying.socket.until(({ type }) => type === "pong")
    await staying.socket.close()
    await staying.events.body?.cancel()
  })

  it("after their API key was revoked", async () => {
    const token = await node.login("bea")
    const streams = await openBoth(await node.narrow(token, ["chat:use"]))
    const listed = await node.request("GET", "/api/users/me/api-keys/", { token })
    const { api_keys } = (await listed.json()) as { api_keys: ReadonlyArray<{ id: number }> }
    await node.request("DELETE", `/api/users/me/api-keys/${api_keys[0]!.id}`, { token })
    expect(await endsOf(streams)).toEqual(ended("USR_AUTH_002"))
  })

  it("after their user was deactivated", async () => {
    const token = await node.login("cleo")
    const [streams, id] = [await openBoth(token), await userOf(token)]
    await node.request("PATCH", `/api/admin/users/${id}`, { body: { is_active: false } })
    expect(await endsOf(streams)).toEqual(ended("USR_AUTH_007"))
  })

  it("after their user has lost the right", async () => {
    const token = await node.login("dora")
    const [streams, id] = [await openBoth(token), await userOf(token)]
    expect((await node.request("DELETE", `/api/admin/users/${id}/roles/USER`)).status).toBe(200)
    expect(await endsOf(streams)).toEqual(ended("USR_AUTH_003"))
  })

  it("after their tenant was suspended", async () => {
    const eve = await node.login("eve", { tenant: "acme" })
    const guide = async () => (await node.request("GET", "/api/agents/guide", { token: eve })).status
    // A tenant that is new is given the product's agents in a moment.
    await expect.poll(guide, { timeout: 20_000 }).toBe(200)
    const streams = await openBoth(eve)
    await node.request("PATCH", "/api/admin/tenants/acme", { body: { state: "suspended" } })
    expect(await endsOf(streams)).toEqual(ended("USR_AUTH_007"))
  })
})

describe("a WebSocket whose user leaves a group", () => {
  it("stays open, and no longer reaches what the group may use", async () => {
    const [admin, token] = [await node.login("developer"), await node.login("kim")]
    const made = await node.request("POST", "/api/admin/groups/", { token: admin, body: { name: "crew" } })
    const { id: group } = (await made.json()) as { id: string }
    const membership = `/api/admin/groups/${group}/members/${await userOf(token)}`
    await node.request("PUT", membership, { token: admin })
    const agent = {
      id: "crews",
      name: "Crew's",
      framework: "LLM",
      access_level: "team",
      allowed_teams: [group],
    }
    expect((await node.request("POST", "/api/agents/", { token: admin, body: agent })).status).toBe(201)
    const socket = await openSocket({ url: node.url, token }, await openSession(node, "guide", token))
    socket.send({ type: "transfer", to_agent: "crews" })
    await socket.until(({ type }) => type === "agent_transfer")
    await node.request("DELETE", membership, { token: admin })
    // By then the socket was looked at again.
    const witness = await openBoth(await node.login("lea"))
    await node.request("PATCH", `/api/admin/users/${await userOf(await node.login("lea"))}`, {
      body: { is_active: false },
    })
    await endsOf(witness)
    socket.send({ type: "transfer", to_agent: "guide" })
    await socket.until(({ type, to_agent }) => type === "agent_transfer" && to_agent === "guide")
    socket.send({ type: "transfer", to_agent: "crews" })
    expect(await socket.until(({ type }) => type === "error")).toMatchObject({
      details: { code: "AGT_AUTH_001" },
    })
    await socket.close()
  })
})

describe("a WebSocket", () => {
  it("closes when its session is deleted, with the reason", async () => {
    const session = await openSession(node)
    const client = await openSocket(node, session)
    expect((await node.request("DELETE", `/api/chat/sessions/${session}`)).status).toBe(204)
    client.send({ type: "resume", after: 0 })
    expect(await client.closed).toEqual({ code: 1008, reason: "CHT_SES_001" })
    expect(client.frames.at(-1)).toMatchObject({ code: "WS_ERROR_004", details: { code: "CHT_SES_001" } })
  })
})

describe("a WebSocket whose credential is about to end", () => {
  const revokeKeys = async (token: string) => {
    const listed = await node.request("GET", "/api/users/me/api-keys/", { token })
    const { api_keys } = (await listed.json()) as { api_keys: ReadonlyArray<{ id: number }> }
    for (const { id } of api_keys) await node.request("DELETE", `/api/users/me/api-keys/${id}`, { token })
  }

  it("goes on with another one of the same user, and is then checked by that", async () => {
    const token = await node.login("fay")
    const key = await node.narrow(token, ["chat:use"])
    const socket = await openSocket({ url: node.url, token: key }, await openSession(node, "guide", token))
    const second = await node.login("fay")
    socket.send({ type: "auth", token: second })
    const renewed = await socket.until(({ type }) => type === "authenticated")
    expect(Date.parse(String(renewed.expires_at))).toBeGreaterThan(Date.now())
    await revokeKeys(token)
    // By then the socket was looked at more than once.
    const witness = await openBoth(await node.narrow(token, ["chat:use"]))
    await revokeKeys(token)
    await endsOf(witness)
    socket.send({ type: "ping" })
    await socket.until(({ type }) => type === "pong")
    await node.request("POST", "/api/auth/logout/", { token: second, body: {} })
    expect((await socket.closed).reason).toBe("USR_AUTH_006")
  })

  it.each([
    ["somebody else's", () => node.login("gus"), "USR_AUTH_006"],
    ["one that never held", () => Promise.resolve("nonsense"), "USR_AUTH_002"],
    [
      "one without the right",
      async () => node.narrow(await node.login("developer"), ["agent:read"]),
      "USR_AUTH_003",
    ],
  ])("does not go on with %s, and keeps the one that it has", async (_, other, code) => {
    const socket = await openSocket(node, await openSession(node))
    socket.send({ type: "auth", token: await other() })
    const refused = await socket.until(({ type }) => type === "error")
    expect(refused).toMatchObject({ code: "WS_ERROR_004", details: { code } })
    socket.send({ type: "message", content: "what can you do" })
    await socket.until(({ type }) => type === "stream_end")
    await socket.close()
  })
})
