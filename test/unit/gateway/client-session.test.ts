/** Sockets that break, and what their reader sees of it: nothing. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { type MillraceClient, type MillraceError, millraceClient } from "../../../gateway/client/client.ts"
import {
  json,
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
  client = millraceClient({ baseUrl: server.url, credential: "k", clock, webSocket: WebSocket })
})
afterEach(() => server.stop())

const failure = (work: Promise<unknown>): Promise<MillraceError> =>
  work.then(
    () => Promise.reject(new Error("did not fail")),
    (cause: unknown) => cause as MillraceError,
  )

describe("a session's socket", () => {
  const token = (n: number) => ({ type: "token", n, turn: 1, at: 0, content: "x", index: n })
  const message = (n: number, id: string) => ({
    type: "message",
    n,
    turn: n,
    at: 0,
    message_id: id,
    role: "user",
    content: "hi",
  })
  const history = { session_id: "s", title: "", agent_id: "a", messages: [], total: 0, last_event: 0 }
  type Opened = { socket: WebSocket; path: string; frames: Array<Record<string, unknown>> }
  let opened: Array<Opened>

  /** Plays each connection in turn; `heard` is called for each frame of the client. */
  const script = (
    ...connections: ReadonlyArray<{
      readonly open?: (send: (...frames: ReadonlyArray<unknown>) => void, socket: WebSocket) => void
      readonly heard?: (
        frame: Record<string, unknown>,
        send: (...frames: ReadonlyArray<unknown>) => void,
        socket: WebSocket,
      ) => void
    }>
  ) => {
    opened = []
    server.answer = (_, response) => json(response, 200, history)
    server.socket = (socket, path) => {
      const { open, heard } = connections[opened.length] ?? {}
      const send = (...frames: ReadonlyArray<unknown>) => {
        for (const frame of frames) socket.send(JSON.stringify(frame))
      }
      const frames: Opened["frames"] = []
      opened.push({ socket, path, frames })
      socket.on("message", (data) => {
        frames.push(JSON.parse(String(data)))
        heard?.(frames.at(-1)!, send, socket)
      })
      open?.(send, socket)
    }
  }

  const take = async (events: AsyncIterator<{ type: string; n?: number }>, count: number) => {
    const taken: Array<number | undefined> = []
    while (taken.length < count) taken.push((await events.next()).value.n)
    return taken
  }

  it("is opened again after each drop, behind the last event, with nothing lost and nothing twice", async () => {
    script(
      {
        open: (send, socket) => {
          send(token(1), token(2))
          socket.send("", () => socket.terminate())
        },
      },
      {
        open: (send, socket) => {
          send(token(2), token(3))
          socket.close(1012)
        },
      },
      { open: (send) => send(token(4)) },
    )
    const session = client.session("s", { after: 0 })
    expect(await take(session.events(), 4)).toEqual([1, 2, 3, 4])
    expect(opened.map(({ path }) => path)).toEqual([
      "/ws/s?after=0&token=k",
      "/ws/s?after=2&token=k",
      "/ws/s?after=3&token=k",
    ])
    session.close()
    expect(await session.events().next()).toEqual({ done: true, value: undefined })
  })

  it("leaves no gap: an event too early begins a new connection", async () => {
    script({ open: (send) => send(token(1), token(3)) }, { open: (send) => send(token(2), token(3)) })
    const session = client.session("s", { after: 0 })
    expect(await take(session.events(), 3)).toEqual([1, 2, 3])
    session.close()
  })

  it("passes on that events are held no more", async () => {
    const missing = { type: "error", code: "WS_ERROR_006", from: 1, to: 5, reconnect: false }
    script({ open: (send) => send(missing, token(6)) })
    const session = client.session("s", { after: 0 })
    const events = session.events()
    expect((await events.next()).value).toEqual({ type: "missing", from: 1, to: 5 })
    expect(await take(events, 1)).toEqual([6])
    session.close()
  })

  it("says a message again, under the same id, when the connection breaks before it is taken", async () => {
    script(
      { heard: (_, __, socket) => socket.terminate() },
      { heard: (frame, send) => send(message(1, frame.message_id as string)) },
    )
    const session = client.session("s", { after: 0 })
    expect(await session.say("hi", "m1")).toEqual({ turn: 1, n: 1, messageId: "m1" })
    const frame = { type: "message", content: "hi", message_id: "m1" }
    expect(opened.map(({ frames }) => frames)).toEqual([[frame], [frame]])
    session.close()
  })

  it("says one message after the other, so that a refusal is known to be whose it is", async () => {
    const refused = { type: "error", code: "WS_ERROR_004", message: "no", details: { code: "CHT_SES_003" } }
    script({
      heard: (frame, send) =>
        send(frame.message_id === "m1" ? refused : message(1, frame.message_id as string)),
    })
    const session = client.session("s", { after: 0 })
    const [first, second] = await Promise.allSettled([session.say("a", "m1"), session.say("b", "m2")])
    expect(first).toMatchObject({ status: "rejected", reason: { code: "CHT_SES_003" } })
    expect(second).toMatchObject({ status: "fulfilled", value: { messageId: "m2" } })
    session.close()
  })

  it("holds no more messages than its limit", async () => {
    script()
    const session = client.session("s", { after: 0 })
    const all = Array.from({ length: 17 }, (_, index) => session.say("x", `m${index}`))
    const settled = Promise.allSettled(all)
    expect(await failure(all[16]!)).toMatchObject({ code: "CLT_CALL_002" })
    session.close()
    for (const one of await settled) expect(one.status).toBe("rejected")
  })

  it("closes while its reader is too slow, and loses nothing by that", async () => {
    const narrow = millraceClient({
      baseUrl: server.url,
      credential: "k",
      clock,
      webSocket: WebSocket,
      limits: { waitingEventsMax: 2 },
    })
    const closed = Promise.withResolvers<void>()
    script(
      {
        open: (send, socket) => {
          socket.once("close", () => closed.resolve())
          send(token(1), token(2), token(3), token(4))
        },
      },
      { open: (send) => send(token(3), token(4)) },
    )
    const session = narrow.session("s", { after: 0 })
    await closed.promise
    expect(opened).toHaveLength(1)
    expect(await take(session.events(), 4)).toEqual([1, 2, 3, 4])
    session.close()
  })

  it("that stays silent is taken for dead", async () => {
    const heard = Promise.withResolvers<void>()
    script({ heard: () => heard.resolve() }, { open: (send) => send(token(1)) })
    const session = client.session("s", { after: 0 })
    session.say("x").catch(() => {})
    await heard.promise
    clock.pass(45_000)
    expect(await take(session.events(), 1)).toEqual([1])
    expect(opened).toHaveLength(2)
    session.close()
  })

  it("that is refused for good ends with the reason, which HTTP knows", async () => {
    server.socket = (socket) => socket.terminate()
    server.answer = (_, response) => refusal(response, 404, "CHT_SES_001")
    class Refused extends EventTarget {
      readonly readyState = 3
      constructor() {
        super()
        setImmediate(() => this.dispatchEvent(new Event("close")))
      }
      send() {}
      close() {}
    }
    const refused = millraceClient({ baseUrl: server.url, credential: "k", clock, webSocket: Refused })
    const session = refused.session("s", { after: 0 })
    expect(await failure(session.events().next())).toMatchObject({ status: 404, code: "CHT_SES_001" })
    await expect(session.say("x")).rejects.toMatchObject({ code: "CHT_SES_001" })
  })

  it("that cannot be opened at all is given up", async () => {
    script(
      ...Array.from({ length: 20 }, () => ({ open: (_: unknown, socket: WebSocket) => socket.terminate() })),
    )
    const session = client.session("s", { after: 0 })
    expect(await failure(session.events().next())).toMatchObject({ code: "CLT_NET_004" })
    expect(opened).toHaveLength(1 + 8)
  })
})
