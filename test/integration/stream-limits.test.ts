/** What a WebSocket costs a node: frames count as the requests that do the same, and who is gone keeps no place. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import type { SessionEvent } from "../../schemas/index.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { type ScriptedGateway, startScriptedGateway } from "../support/scripted-gateway.ts"
import { openSession, openSocket } from "../support/session-client.ts"

describe("frames of a WebSocket", () => {
  let node: TestNode
  beforeAll(async () => {
    node = await startTestNode({ MILLRACE_RATE_LIMITS: "stream=4/600,model-call=1/600" })
  })
  afterAll(() => node.stop())

  it("are counted as the routes that do the same, and pings are not", async () => {
    const socket = await openSocket(node, await openSession(node))
    const refused = () => socket.frames.filter(({ code }) => code === "WS_ERROR_005")
    // The socket itself was the first of four.
    for (let count = 0; count < 4; count++) socket.send({ type: "resume", after: 0 })
    for (let count = 0; count < 10; count++) socket.send({ type: "ping" })
    await socket.until(({ type }) => type === "pong")
    expect(refused()).toMatchObject([{ details: { code: "GTW_RATE_001", rate_class: "stream" } }])
    socket.send({ type: "message", content: "what can you do" })
    socket.send({ type: "message", content: "what else" })
    await socket.until(({ details }) => (details as { rate_class?: string })?.rate_class === "model-call")
    expect(refused()).toHaveLength(2)
    await socket.close()
  })
})

describe("a client that is gone without a word", () => {
  let gateway: ScriptedGateway
  beforeAll(async () => {
    gateway = await startScriptedGateway({ pingEveryMs: 25 })
  })
  afterAll(() => gateway.stop())

  it("loses its WebSocket, and one that only listens keeps it", async () => {
    const url = `${gateway.url.replace("http", "ws")}/ws/s?token=${gateway.token}`
    const [gone, there] = [new WebSocket(url, { autoPong: false }), new WebSocket(url)]
    let pings = 0
    const alive = new Promise((resolve) => there.on("ping", () => ++pings === 5 && resolve(pings)))
    const code = await new Promise((resolve) => gone.on("close", resolve))
    expect(code).toBe(1006)
    await alive
    expect(there.readyState).toBe(WebSocket.OPEN)
    there.terminate()
  })
})

describe("a client that does not read", () => {
  const bufferBytesMax = 200_000
  let gateway: ScriptedGateway
  beforeAll(async () => {
    gateway = await startScriptedGateway({ sendBufferBytesMax: bufferBytesMax })
  })
  afterAll(() => gateway.stop())

  const token = (n: number): SessionEvent => ({
    type: "token",
    n,
    turn: 1,
    at: 0,
    content: `${n} ${"x".repeat(2_000)}`,
    index: n - 1,
  })
  const follow = (after: number) => {
    const url = `${gateway.url.replace("http", "ws")}/ws/s?token=${gateway.token}&after=${after}`
    const socket = new WebSocket(url)
    const numbers: Array<number> = []
    socket.on("message", (data) => numbers.push((JSON.parse(String(data)) as SessionEvent).n))
    const closed = new Promise<{ code: number; reason: string }>((resolve) =>
      socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })),
    )
    return { socket, numbers, closed, opened: new Promise((resolve) => socket.on("open", resolve)) }
  }

  it("is given no more than the bound, told where to resume, and then misses nothing and gets nothing twice", async () => {
    const stored: Array<SessionEvent> = []
    const view = {
      session: "s",
      agent: "guide",
      title: "",
      owner: "u",
      createdAt: 0,
      messages: [],
      oldest: 1,
    }
    gateway.answer = (command) => {
      const { after = 0 } = command as { after?: number }
      const events = stored.filter(({ n }) => n > after).slice(0, 20)
      return { ok: { ...view, events, last: stored.length, activeTurn: 1 } }
    }
    const lazy = follow(0)
    await lazy.opened
    lazy.socket.pause()
    // Twenty thousand tokens are forty megabytes: beyond what the connection itself holds.
    for (let round = 0; round < 400; round++) {
      const events = Array.from({ length: 50 }, (_, index) => token(stored.length + index + 1))
      stored.push(...events)
      gateway.signal(...events)
      await new Promise(setImmediate)
    }
    lazy.socket.resume()
    const { code, reason } = await lazy.closed
    const seen = lazy.numbers.length
    expect([code, reason]).toEqual([1013, `too slow; resume after ${seen}`])
    expect(seen).toBeLessThan(stored.length / 2)
    const again = follow(seen)
    await expect.poll(() => again.numbers.length, { timeout: 30_000 }).toBe(stored.length - seen)
    again.socket.terminate()
    expect([...lazy.numbers, ...again.numbers]).toEqual(stored.map(({ n }) => n))
  })
})
