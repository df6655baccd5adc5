/** A conversation over HTTP: opened, listed, read by several, stopped, given away and back; nobody else's. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chatClient, of, textOf, until } from "../support/chat-client.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { openSession, openSocket, readEvents } from "../support/session-client.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.stop())
const { call, failureOf, say, answered, list, history } = chatClient(() => node)

describe("the list of sessions", () => {
  it("has one's own, newest activity first, by page, title and agent", async () => {
    const ann = await node.login("ann")
    const open = async (title: string, agent = "guide") => {
      const body = { agent_id: agent, title }
      return (await call<{ session_id: string }>("POST", "/api/chat/sessions/", body, ann)).body.session_id
    }
    const ids = [await open("Orders"), await open("100% of a_b", "ops"), await open("주문 취소")]
    const all = await until(
      () => list("", ann),
      ({ total }) => total === 3,
    )
    expect(all.sessions.map(({ session_id }) => session_id)).toEqual(ids.toReversed())
    const found = async (query: string) =>
      (await list(query, ann)).sessions.map(({ session_id }) => ids.indexOf(session_id))
    expect(await found("?search=ORDER")).toEqual([0])
    expect(await found(`?search=${encodeURIComponent("취소")}`)).toEqual([2])
    expect(await found(`?search=${encodeURIComponent("0% of a_")}`)).toEqual([1])
    expect(await found("?search=_of_")).toEqual([])
    expect(await found("?agent_id=ops")).toEqual([1])
    expect(await found("?page=2&limit=2")).toEqual([0])
    expect((await list("?page=9&limit=2", ann)).total).toBe(3)
    const bob = await node.login("bob")
    expect(await list("", bob)).toMatchObject({ sessions: [], total: 0 })
    expect(await failureOf("GET", "/api/chat/sessions/?limit=101")).toEqual([400, "GTW_QUERY_001"])
  })
})

describe("a session", () => {
  it("is opened with an agent that is there and theirs to use", async () => {
    const opening = (agent: string, token?: string) =>
      failureOf("POST", "/api/chat/sessions/", { agent_id: agent }, token)
    expect(await opening("nobody")).toEqual([404, "AGT_REG_001"])
    await call("POST", "/api/agents/", {
      id: "hidden",
      name: "Hidden",
      framework: "LLM",
      access_level: "private",
      llm: { prompt: "p" },
    })
    const ann = await node.login("ann")
    expect(await opening("hidden", ann)).toEqual([403, "AGT_AUTH_001"])
    const session = await openSession(node, "guide", ann)
    const transfer = failureOf("POST", `${of(session)}/transfer`, { to_agent: "hidden" }, ann)
    expect(await transfer).toEqual([403, "AGT_AUTH_001"])
    const own = await openSession(node, "hidden")
    await call("DELETE", "/api/agents/hidden")
    expect(await opening("hidden")).toEqual([422, "AGT_REG_004"])
    expect(await failureOf("POST", `${of(own)}/messages/`, { content: "hello" })).toEqual([
      422,
      "AGT_REG_004",
    ])
  })

  it("is nobody else's, for any route", async () => {
    const session = await openSession(node)
    const bob = await node.login("bob")
    for (const [method, path, body] of [
      ["GET", ""],
      ["PATCH", "", { title: "stolen" }],
      ["DELETE", ""],
      ["GET", "/messages/"],
      ["GET", "/export"],
      ["GET", "/events"],
      ["POST", "/messages/", { content: "hello" }],
      ["POST", "/stop", {}],
      ["POST", "/transfer", { to_agent: "ops" }],
      ["POST", "/transfer/back", {}],
    ] as const) {
      expect(await failureOf(method, of(session) + path, body, bob), path).toEqual([403, "CHT_AUTH_001"])
      expect(await failureOf(method, of("none") + path, body), path).toEqual([404, "CHT_SES_001"])
    }
  })

  it("shows what its answers took, and whether one is under way", async () => {
    const session = await openSession(node, "guide")
    await answered(session, "what can you do")
    const { body } = await call<Record<string, unknown>>("GET", of(session))
    expect(body).toMatchObject({ session_id: session, agent_id: "guide", turns: 1, messages: 2 })
    expect(body.totals).toMatchObject({ tokens: expect.any(Number), execution_time: expect.any(Number) })
    expect(body.active_turn).toBeUndefined()
    const [, answer] = (await history(session)).messages
    expect(answer).toMatchObject({ number: 2, role: "assistant", agent_id: "guide", status: "completed" })
    expect(answer!.tokens).toBe((body.totals as { tokens: number }).tokens)
    const running = await say(session, "what can you do")
    await readEvents(running, ({ data }) => data.type === "token")
    expect((await call<{ active_turn: number }>("GET", of(session))).body.active_turn).toBe(2)
  })

  it("goes to another agent and back", async () => {
    const session = await openSession(node)
    const back = () => call("POST", `${of(session)}/transfer/back`, { reason: "done" })
    expect((await back()).status).toBe(409)
    const terms = { to_agent: "ops", context: "last", messages: 2 }
    expect((await call("POST", `${of(session)}/transfer`, terms)).body).toEqual({
      from_agent: "guide",
      to_agent: "ops",
    })
    expect((await call("GET", of(session))).body).toMatchObject({ agent_id: "ops", previous_agent: "guide" })
    expect((await back()).body).toEqual({ from_agent: "ops", to_agent: "guide" })
  })

  it("goes on answering when its reader leaves, and ends when it is told to", async () => {
    const session = await openSession(node)
    await readEvents(await say(session, "what can you do"), ({ data }) => data.type === "token")
    const whole = await until(
      () => history(session),
      ({ total }) => total === 2,
    )
    expect(whole.messages[1]).toMatchObject({ status: "completed" })
    await readEvents(await say(session, "what can you do"), ({ data }) => data.type === "token")
    expect((await call("POST", `${of(session)}/stop`, {})).body).toEqual({ stopped: true })
    const { messages } = await history(session)
    expect(messages[3]).toMatchObject({
      status: "stopped",
      tokens: expect.any(Number),
      execution_time: expect.any(Number),
      usage: { estimated: true },
    })
    expect(messages[3]!.content.length).toBeLessThan(messages[1]!.content.length)
  })

  it("shows several clients, over event streams and sockets, one and the same stream", async () => {
    const session = await openSession(node)
    const sockets = await Promise.all(
      [1, 2].map(() => openSocket(node, session, `token=${node.token}&after=0`)),
    )
    const streams = await Promise.all(
      [1, 2, 3].map(() => node.request("GET", `${of(session)}/events?after=0`)),
    )
    const following = streams.map((stream) => readEvents(stream, ({ data }) => data.type === "end"))
    const own = await answered(session, "what can you do")
    const read = await Promise.all(following)
    await Promise.all(sockets.map(({ until }) => until(({ type }) => type === "stream_end")))
    const { last_event, messages } = await history(session)
    const numbers = Array.from({ length: last_event }, (_, index) => index + 1)
    for (const events of read) {
      expect(events).toEqual(read[0])
      expect(events.map(({ id }) => id)).toEqual(numbers)
      expect(textOf(events.map(({ data }) => data))).toBe(messages[1]!.content)
    }
    expect(own).toEqual(read[0]!.slice(1))
    for (const { frames, close } of sockets) {
      expect(frames).toEqual(sockets[0]!.frames)
      expect(frames.map(({ n }) => n)).toEqual(numbers)
      expect(textOf(frames)).toBe(messages[1]!.content)
      await close()
    }
  })

  it("gives whoever repeats a message what comes after the event that it saw", async () => {
    const session = await openSession(node)
    const more = { message_id: "once" }
    const seen = await readEvents(await say(session, "what can you do", more), ({ id }) => id === 8)
    const again = await node.request("POST", `${of(session)}/messages/`, {
      body: { content: "what can you do", ...more },
      headers: { "last-event-id": "8" },
    })
    const rest = await readEvents(again)
    const { last_event, messages } = await history(session)
    expect([...seen, ...rest].map(({ id }) => id)).toEqual(
      Array.from({ length: last_event - 1 }, (_, index) => index + 2),
    )
    expect(messages).toHaveLength(2)
  })
})
