/** What was said stays to be paged, over a restart of the node, exported and renamed, until it is deleted. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ChatIndex } from "../../actors/index.ts"
import { developmentTenant } from "../../gateway/index.ts"
import { chatClient, type History, of } from "../support/chat-client.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { openSession, openSocket, readEvents } from "../support/session-client.ts"

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
const { call, failureOf, say, cutShort, list, history, indexed } = chatClient(() => node)

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
