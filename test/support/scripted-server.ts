/** An HTTP server that answers what a test tells it to, failures included, and remembers what it was asked. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

export interface ScriptedServer {
  readonly url: string
  readonly asked: ReadonlyArray<Asked>
  readonly askedFor: (path: string) => ReadonlyArray<Asked>
  answer: (asked: Asked, response: ServerResponse) => void | Promise<void>
  /** Given each WebSocket, with the path that it was opened at. */
  socket: (socket: WebSocket, path: string) => void
  readonly stop: () => Promise<void>
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = ""
  for await (const piece of request.setEncoding("utf8")) text += piece
  return text
}

export const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void =>
  void response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(JSON.stringify(body))

/** In the shape of seed 0 §9.1. */
export const refusal = (response: ServerResponse, status: number, code: string, headers = {}): void =>
  json(
    response,
    status,
    { error: { code, message: "no", details: {}, timestamp: "", trace_id: "t" } },
    headers,
  )

export const startScriptedServer = async (): Promise<ScriptedServer> => {
  const asked: Array<Asked> = []
  const server: Server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    const one = { method: request.method!, path: request.url!, headers: request.headers, body }
    asked.push(one)
    await scripted.answer(one, response)
  })
  const sockets = new WebSocketServer({ noServer: true })
  server.on("upgrade", (request, duplex, head) =>
    sockets.handleUpgrade(request, duplex, head, (socket) => scripted.socket(socket, request.url!)),
  )
  const listening = Promise.withResolvers<void>()
  server.listen(0, "127.0.0.1", () => listening.resolve())
  await listening.promise
  const scripted: ScriptedServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    askedFor: (path) => asked.filter((one) => one.path.split("?")[0] === path),
    answer: (_, response) => refusal(response, 500, "NOT_SCRIPTED"),
    socket: (socket) => socket.close(),
    stop: async () => {
      for (const socket of sockets.clients) socket.terminate()
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      server.closeAllConnections()
      await closed.promise
    },
  }
  return scripted
}

export interface TestClock {
  readonly now: () => number
  readonly random: () => number
  readonly after: (milliseconds: number, run: () => void) => () => void
  /** Lets time pass, and runs what was to run meanwhile. */
  readonly pass: (milliseconds: number) => void
  /** How long the client paused, in order. */
  readonly pauses: ReadonlyArray<number>
}

/**
 * Time that a test moves. Pauses of the client end at once and are written down;
 * time-outs, which are at least as long as `timeoutMsMin`, wait for `pass`.
 */
export const testClock = (timeoutMsMin = 10_000): TestClock => {
  let now = 1_000_000
  const pauses: Array<number> = []
  const timers = new Set<{ readonly at: number; readonly run: () => void }>()
  return {
    pauses,
    now: () => now,
    random: () => 0.5,
    after: (milliseconds, run) => {
      if (milliseconds < timeoutMsMin) {
        pauses.push(milliseconds)
        const immediate = setImmediate(run)
        return () => clearImmediate(immediate)
      }
      const timer = { at: now + milliseconds, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    pass: (milliseconds) => {
      now += milliseconds
      for (const timer of [...timers]) if (timer.at <= now && timers.delete(timer)) timer.run()
    },
  }
}
