/**
 * The ceiling: a bare `ws` server in a process of its own that sends the same frames to as many clients, and does
 * nothing else. A client's first message says what it wants. Prints its port.
 */
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 4_096 })
const now = () => performance.timeOrigin + performance.now()

interface Answering {
  readonly to: ReadonlyArray<WebSocket>
  n: number
  left: number
  readonly everyMs: number
  due: number
}
const answering = new Set<Answering>()
const send = (to: ReadonlyArray<WebSocket>, event: object) => {
  const text = JSON.stringify(event)
  for (const socket of to) socket.send(text)
}
const token = (one: Answering) => {
  one.n += 1
  one.left -= 1
  one.due += one.everyMs
  send(one.to, {
    type: "token",
    content: `${now().toFixed(3)} `,
    index: one.n - 3,
    n: one.n,
    turn: 1,
    at: Date.now(),
  })
}
/** Tokens of one answer that are sent before the next one gets its turn. */
const burst = 256
const turn = () => {
  const at = performance.now()
  for (const one of answering) {
    for (let sent = 0; one.left > 0 && one.due <= at && sent < burst; sent++) token(one)
    if (one.left > 0) continue
    answering.delete(one)
    send(one.to, {
      type: "stream_end",
      n: one.n + 1,
      turn: 1,
      at: Date.now(),
      total_tokens: one.n - 2,
      execution_time: 1,
    })
  }
}
setInterval(turn, 5)

server.on("connection", (socket) =>
  socket.on("message", (data) => {
    const { content = "{}" } = JSON.parse(String(data)) as { readonly content?: string }
    const { tokens, everyMs, all } = JSON.parse(content) as { tokens: number; everyMs: number; all?: boolean }
    const to = all === true ? [...server.clients] : [socket]
    send(to, { type: "message", n: 1, turn: 1, at: Date.now(), message_id: "m", role: "user", content })
    send(to, { type: "stream_start", n: 2, turn: 1, at: Date.now(), session_id: "s", agent_id: "a" })
    answering.add({ to, n: 2, left: tokens, everyMs, due: performance.now() })
  }),
)
server.on("listening", () => console.log((server.address() as AddressInfo).port))
