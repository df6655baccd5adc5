/** What a WebSocket costs a node: frames count as the requests that do the same, and who is gone keeps no place. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
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
