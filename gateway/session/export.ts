/** A whole session as a file, read and sent page by page, oldest first. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { messagesPageMax, type SessionMessage, type SessionView } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"
import type { GatewayServices } from "../services.ts"
import { messageBody, readHistory } from "./history.ts"

const time = (milliseconds: number) => new Date(milliseconds).toISOString()

interface Format {
  readonly type: string
  readonly extension: string
  readonly head: (view: SessionView) => string
  readonly message: (message: SessionMessage) => string
  readonly between: string
  readonly tail: string
}

const speaker = ({ role, agent, status }: SessionMessage): string => {
  if (role === "user") return "You"
  return status === undefined || status === "completed" ? `${agent}` : `${agent} (${status})`
}

export const exportFormats = {
  json: {
    type: "application/json; charset=UTF-8",
    extension: "json",
    head: ({ session, title, agent, createdAt }) =>
      `${JSON.stringify({ session_id: session, title, agent_id: agent, created_at: time(createdAt) }).slice(0, -1)},"messages":[\n`,
    message: (message) => JSON.stringify(messageBody(message)),
    between: ",\n",
    tail: "\n]}\n",
  },
  markdown: {
    type: "text/markdown; charset=UTF-8",
    extension: "md",
    head: ({ title, session, createdAt }) =>
      `# ${title.replaceAll(/\s+/g, " ")}\n\nSession ${session}, begun ${time(createdAt)}\n\n`,
    message: (message) => `## ${speaker(message)}, ${time(message.at)}\n\n${message.content}\n`,
    between: "\n",
    tail: "",
  },
} as const satisfies Record<string, Format>

/** The messages that are there when it begins: `view` is of then. */
export const exportStream = (
  services: GatewayServices,
  identity: Identity,
  view: SessionView,
  format: Format,
) => {
  const { session, lastMessage } = view
  const page = (from: number) => {
    const next = Math.min(from + messagesPageMax, lastMessage + 1)
    const reading = readHistory(services, identity, session, { before: next, limit: next - from })
    return Effect.map(reading, ({ messages }) => {
      const texts = messages.map(
        (message) => (message.number === 1 ? "" : format.between) + format.message(message),
      )
      return [texts, next > lastMessage ? Option.none() : Option.some(next)] as const
    })
  }
  return Stream.make(format.head(view)).pipe(
    Stream.concat(lastMessage === 0 ? Stream.empty : Stream.paginate(1, page)),
    Stream.concat(Stream.make(format.tail)),
    Stream.encodeText,
  )
}
