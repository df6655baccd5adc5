/** Clients of a chat session as tests need them: what came, in order, and waiting for it without sleeping. */
import { WebSocket } from "ws"
import type { TestNode } from "./node.ts"

export interface Frame {
  readonly type: string
  readonly n?: number
  readonly turn?: number
  readonly content?: string
  readonly code?: string
  readonly [field: string]: unknown
}

export const openSession = async (node: TestNode, agent = "guide", token?: string): Promise<string> => {
  const body = { agent_id: agent, title: "test" }
  const response = await node.request("POST", "/api/chat/sessions/", { body, token })
  return ((await response.json()) as { session_id: string }).session_id
}

export interface SocketClient {
  readonly frames: ReadonlyArray<Frame>
  readonly send: (frame: unknown) => void
  /** The first frame, past or to come, for which this holds; rejects when the socket closes before. */
  readonly until: (holds: (frame: Frame) => boolean) => Promise<Frame>
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly close: () => Promise<void>
}

/** Rejects with the status of a refused upgrade. */
export const openSocket = (
  node: Pick<TestNode, "url" | "token">,
  session: string,
  query = `token=${node.token}`,
  origin?: string,
): Promise<SocketClient> => {
  const socket = new WebSocket(
    `${node.url.replace("http", "ws")}/ws/${session}?${query}`,
    origin === undefined ? {} : { origin },
  )
  const frames: Array<Frame> = []
  const waiting = new Set<() => void>()
  const look = () => {
    for (const check of waiting) check()
  }
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)) as Frame)
    look()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once("close", (code, reason) => {
      resolve({ code, reason: String(reason) })
      look()
    }),
  )
  const client: SocketClient = {
    frames,
    send: (frame) =>
      socket.send(typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame)),
    until: (holds) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = frames.find(holds)
          if (found !== undefined) resolve(found)
          else if (socket.readyState === socket.CLOSED) reject(new Error("the socket closed"))
          else return
          waiting.delete(check)
        }
        waiting.add(check)
        check()
      }),
    closed,
    close: async () => {
      socket.close()
      await closed
    },
  }
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(client))
    socket.once("unexpected-response", (_, response) => {
      reject(new Error(String(response.statusCode)))
      socket.terminate()
    })
    socket.once("error", reject)
  })
}

export interface ServerSentEvent {
  readonly id: number | undefined
  readonly data: Frame
}

/** Events of a stream until it ends, or until `enough` holds for one; then the connection is cut. */
export const readEvents = async (
  response: Response,
  enough: (event: ServerSentEvent) => boolean = () => false,
): Promise<ReadonlyArray<ServerSentEvent>> => {
  const events: Array<ServerSentEvent> = []
  let rest = ""
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split("\n\n")
    rest = blocks.pop() ?? ""
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data === undefined) continue
      const id = /^id: (\d+)$/m.exec(block)?.[1]
      const event = { id: id === undefined ? undefined : Number(id), data: JSON.parse(data) as Frame }
      events.push(event)
      if (enough(event)) return events
    }
  }
  return events
}
