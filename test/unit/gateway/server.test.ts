/** The gateway as a server: what engine errors become, how streams are bounded, and how it stops. */
import { connect } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { EngineError } from "../../../engine/index.ts"
import type { SessionEvent } from "../../../schemas/index.ts"
import { type ScriptedGateway, startScriptedGateway } from "../../support/scripted-gateway.ts"
import { openSocket, readEvents } from "../../support/session-client.ts"

const limits = { streamsMax: 2, sendBufferBytesMax: 64 * 1024, stopGraceMs: 500 }
let gateway: ScriptedGateway
beforeEach(async () => {
  gateway = await startScriptedGateway(limits)
})
afterEach(() => gateway.stop())

const request = (method: string, path: string, body?: unknown) =>
  fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
const read = () => request("POST", "/api/actors/lock/l/Read", {})

describe("what the engine could not do", () => {
  it.each([
    ["Overloaded", 503, "1"],
    ["MailboxFull", 503, "1"],
    ["Draining", 503, "1"],
    ["AcceptanceUnknown", 503, "1"],
    ["ReplyTimeout", 503, "1"],
    ["TooManyTimers", 429, "1"],
    ["PayloadTooLarge", 413, null],
    ["UnknownVersion", 422, null],
    ["ActorFailed", 500, null],
    ["PartitionHalted", 500, null],
  ] as const)("%s is %d", async (code, status, retryAfter) => {
    gateway.answer = () => new EngineError({ code, detail: "why" })
    const response = await read()
    expect([response.status, response.headers.get("retry-after")]).toEqual([status, retryAfter])
    expect(await response.json()).toMatchObject({ error: { details: { reason: "why" } } })
  })

  it("rounds up the time after which to try again", async () => {
    gateway.answer = () => new EngineError({ code: "Overloaded", detail: "", retryAfterMs: 2_100 })
    expect((await read()).headers.get("retry-after")).toBe("3")
  })

  it("keeps the text of a defect inside", async () => {
    gateway.answer = () => {
      throw new Error("secret")
    }
    const response = await read()
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain("secret")
  })
})

const token = (n: number, content = "x"): SessionEvent => ({
  type: "token",
  n,
  turn: 1,
  at: 0,
  content,
  index: n,
})

describe("streams", () => {
  it("are bounded in number", async () => {
    const open = await Promise.all([openSocket(gateway, "s"), openSocket(gateway, "s")])
    const third = await openSocket(gateway, "s")
    expect((await third.closed).code).toBe(1013)
    const refused = await request("GET", "/api/chat/sessions/s/events")
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"])
    await Promise.all(open.map((client) => client.close()))
  })

  it("cut off a client that does not read, and no other", async () => {
    const { hostname, port } = new URL(gateway.url)
    const quick = await openSocket(gateway, "s")
    const slow = connect(Number(port), hostname)
    const cut = new Promise((resolve) => slow.once("close", resolve))
    slow.on("error", () => {})
    slow.write(
      `GET /api/chat/sessions/s/events HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${gateway.token}\r\n\r\n`,
    )
    await new Promise((resolve) => slow.once("data", resolve))
    slow.pause()
    // More than the kernel's buffers and the gateway's bound hold together.
    const large = "x".repeat(256 * 1024)
    const count = 64
    for (let n = 1; n <= count; n++) {
      gateway.signal(token(n, large))
      await quick.until((frame) => frame.n === n)
    }
    slow.resume()
    await cut
    expect(slow.bytesRead).toBeLessThan(count * large.length)
    await quick.close()
  })

  it("are told when the node stops, and may come back", async () => {
    const socket = await openSocket(gateway, "s")
    const events = readEvents(await request("GET", "/api/chat/sessions/s/events"))
    const stopping = gateway.stop()
    expect(await socket.closed).toMatchObject({ code: 1012 })
    expect(socket.frames.at(-1)).toMatchObject({ type: "error", code: "WS_ERROR_001", reconnect: true })
    expect((await events).at(-1)?.data).toMatchObject({ type: "error", reconnect: true })
    await stopping
  })
})

describe("stopping", () => {
  it("refuses new connections and ends with requests that never end", async () => {
    gateway.answer = () => new EngineError({ code: "Draining", detail: "" })
    const { hostname, port } = new URL(gateway.url)
    const half = connect(Number(port), hostname)
    half.on("error", () => {})
    const cut = new Promise((resolve) => half.once("close", resolve))
    half.write("POST /api/actors/lock/l/Read HTTP/1.1\r\nContent-Length: 100\r\n")
    await new Promise((resolve) => half.once("connect", resolve))
    await gateway.stop()
    await cut
    await expect(read()).rejects.toThrow()
  })
})
