/** Plays the parts of the demo that talk to agents, and writes what they say to the terminal as it comes. */
import { chatEndpoints } from "../../schemas/index.ts"
import { AnswerText, type MillraceClient, type SessionConnection } from "../client/client.ts"

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
const show = (frame: Frame, answer: AnswerText): boolean => {
  answer.take(frame)
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
    case "restart":
    case "stream_restart":
      // A terminal takes nothing back: what still holds of the answer is written once more.
      write(`\n  (${frame.reason})\n  [${frame.agent_id}] ${answer.text.replaceAll("\n", "\n    ")}`)
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
export const askOverSocket = async (session: SessionConnection, content: string): Promise<void> => {
  write(`\n> ${content}   (WebSocket)\n`)
  const { turn } = await session.say(content)
  const answer = new AnswerText()
  for await (const event of session.events())
    if (event.type !== "missing" && event.turn === turn && show(event, answer)) return
}

export const askOverEvents = async (
  client: MillraceClient,
  session: string,
  content: string,
): Promise<void> => {
  write(`\n> ${content}   (server-sent events)\n`)
  const call = { params: { session }, body: { role: "user", content } } as const
  const answer = new AnswerText()
  for await (const { data } of client.events(chatEndpoints.say, call)) {
    if (show(data as Frame, answer)) return
  }
}
