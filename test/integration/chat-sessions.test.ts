/** A conversation's whole life over HTTP: listed, paged, renamed, exported, given away and back, deleted, over a restart. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ChatIndex } from "../../actors/index.ts"
import { developmentTenant } from "../../gateway/index.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { type Frame, openSession, openSocket, readEvents } from "../support/session-client.ts"

let home: string
let nats: TestNatsServer
let node: TestNode
const start = () =>
  startTestNode({
    MILLRACE_HOME: home,
    DATABASE_DIRECTORY: join(home, "pg"),
    NATS_URL: nats.url,
    NATS_USER: nats.connection.user,
    NATS_PASSWORD: nats.connection.pass,
  })
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "millrace-chat-"))
  nats = await testNatsServer()
  node = await start()
})
afterAll(async () => {
  await node.stop()
  await nats.stop()
  await rm(home, { recursive: true, force: true })
})

interface Listed {
  readonly sessions: ReadonlyArray<{
    readonly session_id: string
    readonly title: string
    readonly agent_id: string
    readonly turns: number
    readonly messages: number
  }>
  readonly total: number
}
interface History {
  readonly messages: ReadonlyArray<{
    readonly number: number
    readonly turn: number
    readonly role: string
    readonly content: string
    readonly [field: string]: unknown
  }>
  readonly total: number
  readonly next_before?: number
  readonly last_event: number
}

const of = (session: string) => `/api/chat/sessions/${session}`
const call = async <Body>(method: string, path: string, body?: unknown, token?: string) => {
  const response = await node.request(method, path, {
    ...(body === undefined ? {} : { body }),
    ...(token === undefined ? {} : { token }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: (text.startsWith("{") ? JSON.parse(text) : undefined) as Body,
  }
}
const failureOf = async (method: string, path: string, body?: unknown, token?: string) => {
  const answer = await call<{ error: { code: string } }>(method, path, body, token)
  return [answer.status, answer.body.error.code]
}
const say = (session: string, content: string, more: object = {}) =>
  node.request("POST", `${of(session)}/messages/`, { body: { role: "user", content, ...more } })
const answered = async (session: string, content: string) => readEvents(await say(session, content))
/** A turn that is over at once. */
const cutShort = async (session: string, content: string) => {
  await readEvents(await say(session, content), () => true)
  await call("POST", `${of(session)}/stop`, {})
}
const list = async (query = "", token?: string) =>
  (await call<Listed>("GET", `/api/chat/sessions/${query}`, undefined, token)).body
const history = async (session: string, query = "") =>
  (await call<History>("GET", `${of(session)}/messages/${query}`)).body
const until = async <A>(look: () => Promise<A>, holds: (found: A) => boolean): Promise<A> => {
  for (let tries = 0; tries < 400; tries++) {
    const found = await look()
    if (holds(found)) return found
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`does not hold: ${holds}`)
}
const indexed = (session: string, turns: number) =>
  until(
    () => list(),
    ({ sessions }) => sessions.some((one) => one.session_id === session && one.turns === turns),
  )
const textOf = (frames: ReadonlyArray<Frame>) =>
  frames.flatMap(({ type, content }) => (type === "token" ? [content] : [])).join("")

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

describe("the history of a session", () => {
  let session: string
  const turns = 46
  beforeAll(async () => {
    session = await openSession(node)
    for (let turn = 1; turn <= turns; turn++) await cutShort(session, `question ${turn}`)
    await indexed(session, turns)
  })
  const numbersOf = ({ messages }: History) => messages.map(({ number }) => number)
  const range = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index)

  it("is paged from the newest to the first message, without gaps or repetitions", async () => {
    const pages: Array<History> = []
    let before: number | undefined
    do {
      pages.unshift(await history(session, `?limit=7${before === undefined ? "" : `&before=${before}`}`))
      before = pages[0]!.next_before
    } while (before !== undefined)
    expect(pages.flatMap(numbersOf)).toEqual(range(1, 2 * turns))
    expect(new Set(pages.map(({ total }) => total))).toEqual(new Set([2 * turns]))
    const questions = pages.flatMap(({ messages }) => messages).filter(({ role }) => role === "user")
    expect(questions.map(({ content }) => content)).toEqual(range(1, turns).map((turn) => `question ${turn}`))
    // Over the border between what the session holds and what only the index has.
    expect(numbersOf(await history(session, "?limit=200"))).toEqual(range(1, 2 * turns))
    expect(numbersOf(await history(session, "?limit=20&before=60"))).toEqual(range(40, 59))
    expect(numbersOf(await history(session))).toEqual(range(2 * turns - 49, 2 * turns))
    expect(numbersOf(await history(session, "?before=1"))).toEqual([])
  })

  it("is the same after the node was started anew", async () => {
    const before = await history(session, "?limit=200")
    await node.stop()
    node = await start()
    expect(await history(session, "?limit=200")).toEqual(before)
    await cutShort(session, "one more")
    expect((await history(session, "?limit=2")).messages[0]).toMatchObject({
      number: 2 * turns + 1,
      content: "one more",
    })
    await indexed(session, turns + 1)
  })

  it("is exported whole, as JSON and to read", async () => {
    const { messages } = await history(session, "?limit=200")
    const json = await call<{ messages: unknown }>("GET", `${of(session)}/export`)
    expect(json.headers.get("content-type")).toBe("application/json; charset=UTF-8")
    expect(json.headers.get("content-disposition")).toBe('attachment; filename="chat-session.json"')
    expect(json.body).toMatchObject({ session_id: session, title: "test", messages })
    const { text, headers } = await call("GET", `${of(session)}/export?format=markdown`)
    expect(headers.get("content-type")).toBe("text/markdown; charset=UTF-8")
    expect(text).toContain("# test\n")
    for (const turn of range(1, turns)) expect(text).toContain(`\nquestion ${turn}\n`)
    const empty = await openSession(node)
    expect((await call("GET", `${of(empty)}/export`)).body).toMatchObject({ messages: [] })
  })

  it("begins with a title, by which the session is listed once it is renamed", async () => {
    const opened = await call<{ session_id: string }>("POST", "/api/chat/sessions/", { agent_id: "guide" })
    const untitled = opened.body.session_id
    await cutShort(untitled, "  how do I\ncancel an order?  ")
    expect((await history(untitled)) as object).toMatchObject({ title: "how do I cancel an order?" })
    const renamed = await call("PATCH", of(untitled), { title: "Renamed" })
    expect(renamed.body).toEqual({ session_id: untitled, title: "Renamed" })
    expect((await list("?search=renamed")).sessions.map(({ session_id }) => session_id)).toEqual([untitled])
    expect(await failureOf("PATCH", of(untitled), { title: " " })).toEqual([400, "GTW_BODY_006"])
  })

  it("is gone for everybody once the session is deleted, and its answer and its followers end", async () => {
    const following = node.request("GET", `${of(session)}/events`)
    const events = readEvents(await following)
    const socket = await openSocket(node, session)
    const saying = readEvents(await say(session, "what can you do"))
    await socket.until(({ type }) => type === "token")
    expect((await call("DELETE", of(session))).status).toBe(204)
    expect((await saying).at(-1)!.data).toMatchObject({ type: "end", stopped: true })
    const told = (await events).map(({ data }) => data)
    expect(told).toContainEqual(expect.objectContaining({ type: "error", code: "SessionDeleted" }))
    expect(told.at(-1)).toMatchObject({ type: "error", code: "CHT_SES_001", reconnect: false })
    await socket.until(({ code }) => code === "SessionDeleted")
    await socket.close()
    for (const [method, path, body] of [
      ["GET", ""],
      ["DELETE", ""],
      ["PATCH", "", { title: "back" }],
      ["GET", "/messages/"],
      ["GET", "/export"],
      ["GET", "/events"],
      ["POST", "/messages/", { content: "hello" }],
      ["POST", "/stop", {}],
      ["POST", "/transfer", { to_agent: "ops" }],
    ] as const)
      expect(await failureOf(method, of(session) + path, body), path).toEqual([404, "CHT_SES_001"])
    expect((await list("?limit=100")).sessions.map(({ session_id }) => session_id)).not.toContain(session)
    const left = await node.run(
      Effect.flatMap(ChatIndex, ({ messages }) => messages(developmentTenant, session, 1, 1_000)),
    )
    expect(left).toEqual([])
  })
})
