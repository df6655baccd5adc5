/** Plays the parts of the demo that talk to agents, and writes what they say to the terminal as it comes. */
import type { WebSocket } from "ws"
import type { NodeClient } from "./node-client.ts"

interface Frame {
  readonly type: string
  readonly content?: string
  readonly agent_id?: string
  readonly from_agent?: string
  readonly to_agent?: string
  readonly reason?: string
  readonly message?: string
  readonly total_tokens?: number
  readonly execution_time?: number
}

const write = (text: string) => void process.stdout.write(text)

/** True at the end of the answer. */
const show = (frame: Frame): boolean => {
  switch (frame.type) {
    case "start":
    case "stream_start":
      write(`  [${frame.agent_id}] `)
      return false
    case "token":
      write((frame.content ?? "").replaceAll("\n", "\n    "))
      return false
    case "agent_transfer":
      write(`transfers to ${frame.to_agent}: ${frame.reason}\n  [${frame.to_agent}] `)
      return false
    case "end":
    case "stream_end":
      write(`\n  (${frame.total_tokens} tokens in ${frame.execution_time} s)\n`)
      return true
    case "error":
      throw new Error(frame.message ?? "the answer failed")
    default:
      return false
  }
}

/** Asks over the socket, and returns when the answer has ended. */
export const askOverSocket = (socket: WebSocket, content: string): Promise<void> =>
  new Promise((resolve, reject) => {
    write(`\n> ${content}   (WebSocket)\n`)
    const take = (data: unknown) => {
      try {
        if (!show(JSON.parse(String(data)) as Frame)) return
        socket.off("message", take)
        resolve()
      } catch (cause) {
        reject(cause)
      }
    }
    socket.on("message", take)
    socket.once("close", () => reject(new Error("the socket closed")))
    socket.send(JSON.stringify({ type: "message", content }))
  })

export const askOverEvents = async (client: NodeClient, session: string, content: string): Promise<void> => {
  write(`\n> ${content}   (server-sent events)\n`)
  const path = `/api/chat/sessions/${session}/messages/`
  for await (const event of client.events<Frame>(path, { role: "user", content })) if (show(event)) return
}
