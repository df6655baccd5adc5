/** Answers as they stream from a whole node, over server-sent events and WebSockets, through drops and bad frames. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { startTestNode, type TestNode } from "../support/node.ts"
import { rawCodeOf, rawRequest } from "../support/raw-request.ts"
import { type Frame, openSession, openSocket, readEvents } from "../support/session-client.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.stop())

const question = "what can you do"
const ended = (frame: Frame) => frame.type === "stream_end"
const numbers = (frames: ReadonlyArray<Frame>) => frames.flatMap(({ n }) => (n === undefined ? [] : [n]))
const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)
const textOf = (frames: ReadonlyArray<Frame>) =>
  frames
    .filter(({ type }) => type === "token")
    .map(({ content }) => content)
    .join("")

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`

const say = (session: string, content = question) =>
  node.request("POST", `/api/chat/sessions/${session}/messages/`, { body: { role: "user", content } })

const history = async (session: string) =>
  (await (await node.request("GET", `/api/chat/sessions/${session}/messages/`)).json()) as {
    messages: ReadonlyArray<{ role: string; content: string }>
    last_event: number
  }

describe("an answer as server-sent events", () => {
  it("starts, comes token by token and ends, and is then in the history", async () => {
    const session = await openSession(node)
    const response = await say(session)
    expect(response.headers.get("content-type")).toContain("text/event-stream")
    expect(response.headers.get("x-accel-buffering")).toBe("no")
    const events = await readEvents(response)
    const types = events.map(({ data }) => data.type)
    expect(types[0]).toBe("start")
    expect(types.at(-1)).toBe("end")
    expect(types.slice(1, -1).every((type) => type === "token")).toBe(true)
    const { messages, last_event } = await history(session)
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant"])
    expect(messages[1]!.content).toBe(textOf(events.map(({ data }) => data)))
    expect(events.map(({ id }) => id)).toEqual(upTo(last_event, 2))
  })

  it("goes on after the last event that a dropped client saw", async () => {
    const session = await openSession(node)
    const seen = await readEvents(await say(session), ({ data }) => data.type === "token")
    const last = seen.at(-1)!.id!
    const resumed = await readEvents(
      await node.request("GET", `/api/chat/sessions/${session}/events`, {
        headers: { "last-event-id": String(last) },
      }),
      ({ data }) => data.type === "end",
    )
    const ids = [...seen, ...resumed].map(({ id }) => id)
    expect(ids).toEqual(upTo((await history(session)).last_event, 2))
  })

  it("tells of a transfer to another agent", async () => {
    const session = await openSession(node)
    const events = await readEvents(await say(session, "what is the CPU usage now"))
    const transfer = events.find(({ data }) => data.type === "agent_transfer")
    expect(transfer?.data).toMatchObject({ from_agent: "guide", to_agent: "ops" })
    expect(events.at(-1)!.data.type).toBe("end")
  })

  it("refuses an event number that is none", async () => {
    const session = await openSession(node)
    const headers = { "last-event-id": "soon" }
    const response = await node.request("GET", `/api/chat/sessions/${session}/events`, { headers })
    expect(response.status).toBe(400)
  })
})

describe("a session over a WebSocket", () => {
  it("streams an answer, numbered without gaps", async () => {
    const session = await openSession(node)
    const client = await openSocket(node, session)
    client.send({ type: "message", content: question, metadata: { timestamp: "2025-01-01T00:00:00Z" } })
    await client.until(ended)
    expect(client.frames.map(({ type }) => type).slice(0, 2)).toEqual(["message", "stream_start"])
    expect(numbers(client.frames)).toEqual(upTo(client.frames.length))
    expect(textOf(client.frames)).toBe((await history(session)).messages[1]!.content)
    await client.close()
  })

  it("shows several clients the same", async () => {
    const session = await openSession(node)
    const [left, right] = [await openSocket(node, session), await openSocket(node, session)]
    left.send({ type: "message", content: question })
    await Promise.all([left.until(ended), right.until(ended)])
    expect(right.frames).toEqual(left.frames)
    await Promise.all([left.close(), right.close()])
  })

  it("lets an answer go on without its client, who resumes with none missing and none twice", async () => {
    const session = await openSession(node)
    const first = await openSocket(node, session)
    first.send({ type: "message", content: question })
    await first.until(({ type }) => type === "token")
    await first.close()
    const seen = numbers(first.frames)
    const second = await openSocket(node, session)
    second.send({ type: "resume", after: seen.at(-1) })
    await second.until(ended)
    const { last_event } = await history(session)
    expect([...seen, ...numbers(second.frames)]).toEqual(upTo(last_event))
    await second.close()
  })

  it("replays from the beginning for a client that asks", async () => {
    const session = await openSession(node)
    await readEvents(await say(session))
    const client = await openSocket(node, session, `token=${node.token}&after=0`)
    await client.until(ended)
    expect(numbers(client.frames)).toEqual(upTo((await history(session)).last_event))
    await client.close()
  })

  it.each([
    ["no JSON", "{", "WS_ERROR_002"],
    ["a list", "[]", "WS_ERROR_003"],
    ["of no type", {}, "WS_ERROR_003"],
    ["of an unknown type", { type: "dance" }, "WS_ERROR_003"],
    ["without content", { type: "message" }, "WS_ERROR_003"],
    ["with an unknown field", { type: "message", content: "a", extra: 1 }, "WS_ERROR_003"],
    ["resuming before the beginning", { type: "resume", after: -1 }, "WS_ERROR_003"],
    ["nested deep", `{"type":"message","content":"a","metadata":${deep(100)}}`, "WS_ERROR_003"],
    [
      "nested ten thousand deep",
      `{"type":"message","content":"a","metadata":${deep(10_000)}}`,
      "WS_ERROR_003",
    ],
    ["with half a character", { type: "message", content: "\ud800" }, "WS_ERROR_003"],
    ["a transfer to nobody", { type: "transfer" }, "WS_ERROR_003"],
    ["a number", "7", "WS_ERROR_003"],
    ["a name of every object", { type: "toString" }, "WS_ERROR_003"],
    ["bytes", Buffer.from("{}"), "WS_ERROR_002"],
  ])("answers a frame that is %s with an error and stays open", async (_, frame, code) => {
    const client = await openSocket(node, await openSession(node))
    client.send(frame)
    expect((await client.until(({ type }) => type === "error")).code).toBe(code)
    client.send({ type: "ping" })
    await client.until(({ type }) => type === "pong")
    await client.close()
  })

  it("closes a socket whose text is no UTF-8 with the code for that", async () => {
    const socket = new WebSocket(
      `${node.url.replace("http", "ws")}/ws/${await openSession(node)}?token=${node.token}`,
    )
    const closed = new Promise((resolve) => socket.once("close", resolve))
    await new Promise((resolve) => socket.once("open", resolve))
    socket.send(Buffer.from([0xff, 0xfe]), { binary: false })
    expect(await closed).toBe(1007)
  })

  it("gives the conversation to another agent, and tells all of it", async () => {
    const session = await openSession(node)
    const [one, other] = [await openSocket(node, session), await openSocket(node, session)]
    one.send({ type: "transfer", to_agent: "ops", reason: "about metrics" })
    const moved = { from_agent: "guide", to_agent: "ops", reason: "about metrics" }
    for (const client of [one, other])
      expect(await client.until(({ type }) => type === "agent_transfer")).toMatchObject(moved)
    one.send({ type: "transfer", to_agent: "nobody" })
    const refused = await one.until(({ type }) => type === "error")
    expect(refused).toMatchObject({ code: "WS_ERROR_004", details: { code: "AGT_REG_001" } })
    await Promise.all([one.close(), other.close()])
  })

  it("says that an answer is under way", async () => {
    const client = await openSocket(node, await openSession(node))
    client.send({ type: "message", content: question })
    client.send({ type: "message", content: question })
    const refused = await client.until(({ type }) => type === "error")
    expect(refused).toMatchObject({ code: "WS_ERROR_004", details: { code: "CHT_SES_003" } })
    await client.until(ended)
    await client.close()
  })

  it("closes a socket whose frame is too large, and no other", async () => {
    const session = await openSession(node)
    const [large, other] = [await openSocket(node, session), await openSocket(node, session)]
    large.send({ type: "message", content: "x".repeat(100_000) })
    expect((await large.closed).code).toBe(1009)
    other.send({ type: "ping" })
    await other.until(({ type }) => type === "pong")
    await other.close()
  })

  it("refuses pages of other sites, and takes those of its own", async () => {
    const session = await openSession(node)
    const query = `token=${node.token}`
    await expect(openSocket(node, session, query, "https://evil.example")).rejects.toThrow("403")
    await expect(openSocket(node, session, query, "null")).rejects.toThrow("403")
    const own = await openSocket(node, session, query, node.url)
    await own.close()
  })

  it("says why an upgrade is refused, as any other request is told", async () => {
    const session = await openSession(node)
    const key = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    const upgrade = async (target: string, origin: string) => {
      const lines = ["Upgrade: websocket", "Connection: Upgrade", ...key, `Origin: ${origin}`]
      const text = [`GET ${target} HTTP/1.1`, `Host: ${new URL(node.url).host}`, ...lines, "", ""].join(
        "\r\n",
      )
      const answer = await rawRequest(node.url, [text])
      expect(answer.headers).toMatch(/content-type: application\/json.*x-request-id/is)
      return [answer.status, rawCodeOf(answer)]
    }
    const own = `/ws/${session}?token=${node.token}`
    expect(await upgrade(own, "https://evil.example")).toEqual([403, "CHT_WS_002"])
    expect(await upgrade(`/ws/${session}`, node.url)).toEqual([401, "USR_AUTH_001"])
    expect(await upgrade(`/ws/nothing?token=${node.token}`, node.url)).toEqual([404, "CHT_SES_001"])
    expect(await upgrade("/\\ws", node.url)).toEqual([400, "GTW_HTTP_001"])
  })

  it("answers in HTTP who would rather have another protocol", async () => {
    const lines = ["GET /health HTTP/1.1", "Host: localhost", "Upgrade: h2c", "Connection: Upgrade, close"]
    const answer = await rawRequest(node.url, [[...lines, "", ""].join("\r\n")])
    expect([answer.status, answer.body.length > 0]).toEqual([200, true])
  })

  it("refuses somebody else's session", async () => {
    const token = await node.login("other")
    await expect(openSocket({ url: node.url, token }, await openSession(node))).rejects.toThrow("403")
  })

  it.each([
    ["without a token", "", "401"],
    ["with a bad token", "token=nonsense", "401"],
  ])("refuses an upgrade %s", async (_, query, status) => {
    const session = await openSession(node)
    await expect(openSocket(node, session, query)).rejects.toThrow(status)
  })

  it("refuses a session that does not exist", async () => {
    await expect(openSocket(node, "00000000-0000-4000-8000-000000000000")).rejects.toThrow("404")
  })
})
