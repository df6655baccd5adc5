/** Event streams that break, and what their reader sees of it: nothing. */
import type { ServerResponse } from "node:http"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type MillraceClient, type MillraceError, millraceClient } from "../../../gateway/client/client.ts"
import { chatEndpoints } from "../../../schemas/index.ts"
import {
  type Asked,
  refusal,
  type ScriptedServer,
  startScriptedServer,
  type TestClock,
  testClock,
} from "../../support/scripted-server.ts"

let server: ScriptedServer
let clock: TestClock
let client: MillraceClient

beforeEach(async () => {
  server = await startScriptedServer()
  clock = testClock()
  client = millraceClient({ baseUrl: server.url, credential: "k", clock })
})
afterEach(() => server.stop())

const params = { session: "s" }
const failure = (work: Promise<unknown>): Promise<MillraceError> =>
  work.then(
    () => Promise.reject(new Error("did not fail")),
    (cause: unknown) => cause as MillraceError,
  )

describe("an event stream", () => {
  const event = (n: number, type = "token") => `id: ${n}\ndata: ${JSON.stringify({ type, n })}\n\n`
  const begin = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" })
  const ids = async (events: AsyncIterable<{ id: string | undefined }>) => {
    const seen: Array<string | undefined> = []
    for await (const { id } of events) seen.push(id)
    return seen
  }
  const say = () => client.events(chatEndpoints.say, { params, body: { content: "hi" } })
  /** Answers each connection in turn. */
  const script = (...connections: ReadonlyArray<(response: ServerResponse, asked: Asked) => void>) => {
    server.answer = (asked, response) => connections[server.asked.length - 1]!(response, asked)
  }

  it("goes on after a break in the middle of an event, with nothing lost and nothing twice", async () => {
    script(
      (response) => {
        begin(response).write(`${event(1)}${event(2)}id: 3\ndata: {"type":`)
        response.write("", () => response.destroy())
      },
      (response) => begin(response).end(event(2) + event(3) + event(4, "end")),
    )
    expect(await ids(say())).toEqual(["1", "2", "3", "4"])
    expect(server.asked.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "2"])
    const keys = server.asked.map(({ headers }) => headers["idempotency-key"])
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(keys[1]).toBe(keys[0])
  })

  it("ends with its last event, though the connection stays open", async () => {
    script((response) => void begin(response).write(event(1) + event(2, "end")))
    expect(await ids(say())).toEqual(["1", "2"])
  })

  it("goes elsewhere when its node says goodbye, after the time it names", async () => {
    const goodbye = 'data: {"type":"error","code":"GTW_STREAM_003","reconnect":true,"retry_after":2}\n\n'
    script(
      (response) => void begin(response).end(event(1) + goodbye),
      (response) => void begin(response).end(event(2, "end")),
    )
    expect(await ids(say())).toEqual(["1", "2"])
    expect(clock.pauses).toEqual([2_100])
  })

  it("is given up when connections bring nothing, no sooner and no later", async () => {
    server.answer = (_, response) =>
      void begin(response).end(server.asked.length === 3 ? event(1) : ": ping\n\n")
    const lost = failure(ids(client.events(chatEndpoints.follow, { params })))
    expect(await lost).toMatchObject({ code: "CLT_NET_004", details: { last_event_id: "1" } })
    expect(server.asked).toHaveLength(3 + 8)
  })

  it("without ids is not begun again once it has begun", async () => {
    script((response) => {
      begin(response).write('data: {"type":"token"}\n\n')
      response.write("", () => response.destroy())
    })
    expect(await failure(ids(say()))).toMatchObject({ code: "CLT_NET_004" })
    expect(server.asked).toHaveLength(1)
  })

  it("that is silent is taken for dead, and resumed", async () => {
    const silent = Promise.withResolvers<void>()
    script(
      (response) => void begin(response).write(event(1)),
      (response) => void begin(response).end(event(2, "end")),
    )
    const seen: Array<string | undefined> = []
    const reading = (async () => {
      for await (const { id } of say()) {
        seen.push(id)
        if (id === "1") setImmediate(() => silent.resolve())
      }
    })()
    await silent.promise
    clock.pass(45_000)
    await reading
    expect(seen).toEqual(["1", "2"])
  })

  it("that is refused says why", async () => {
    server.answer = (_, response) => refusal(response, 409, "CHT_SES_003")
    expect(await failure(ids(say()))).toMatchObject({ status: 409, code: "CHT_SES_003" })
    expect(server.asked).toHaveLength(1)
  })

  it("ends with its reader's signal, and its connection with it", async () => {
    const left = Promise.withResolvers<void>()
    const leaving = new AbortController()
    script((response) => {
      response.once("close", () => left.resolve())
      begin(response).write(event(1))
    })
    const reading = ids(client.events(chatEndpoints.follow, { params, signal: leaving.signal }))
    setImmediate(() => leaving.abort("enough"))
    expect(await failure(reading)).toBe("enough")
  })

  it("understands lines however they end and wherever the pieces do", async () => {
    const text = 'retry: 7\r\nid: 1\r\ndata: {"a":\r\ndata: "é"}\r\n\r\n: ping\r\rid:2\ndata:[DONE]\n\n'
    server.answer = async (_, response) => {
      begin(response)
      for (const byte of Buffer.from(text)) {
        const written = Promise.withResolvers<void>()
        response.write(Buffer.of(byte), () => written.resolve())
        await written.promise
      }
    }
    const seen: Array<unknown> = []
    for await (const { data } of say()) seen.push(data)
    expect(seen).toEqual([{ a: "é" }, "[DONE]"])
  })

  it("has a limit for each event", async () => {
    const narrow = millraceClient({ baseUrl: server.url, clock, limits: { eventCharactersMax: 64 } })
    script((response) => void begin(response).end(`data: ${"x".repeat(100)}\n\n`))
    const refused = await failure(ids(narrow.events(chatEndpoints.follow, { params })))
    expect(refused.details).toMatchObject({ limit: "eventCharactersMax" })
  })
})
