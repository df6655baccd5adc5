/**
 * What version 1 sent and stored, in today's shape. What ran then is ended by its silence: the agent does not answer it any
 * more. Messages that had left its memory then are in its journal only.
 */
import type { SessionEvent } from "../../schemas/index.ts"
import { nothingRecent, type Recent, withEvent, withTokens } from "./recent.ts"
import { initial } from "./state.ts"
import { jsonBytes } from "./turn-figures.ts"

interface Version1 {
  readonly session: string
  readonly opened?: { readonly createdAt: number }
  readonly messages: ReadonlyArray<{ readonly at: number }>
  readonly recent: ReadonlyArray<SessionEvent>
  readonly last: number
  readonly active?: { readonly answer: string }
}

const recentOf = ({ recent, last }: Version1): Recent => {
  const before = { ...nothingRecent, last: (recent[0]?.n ?? last + 1) - 1 }
  return recent.reduce<Recent>((kept, { n: _, turn, at, ...event }) => {
    if (event.type === "token") return withTokens(kept, turn, at, event.index, [event.content])
    return withEvent(kept, turn, at, event)
  }, before)
}

export const upcastState = (stored: unknown, fromVersion: number): unknown => {
  if (fromVersion > 1) return stored
  const { last: _, ...old } = stored as Version1
  const { active, messages, opened } = old
  const { totals, indexing } = initial(old.session)
  const lastActivity = messages.at(-1)?.at ?? opened?.createdAt ?? 0
  return {
    ...old,
    totals,
    lastActivity,
    messages: messages.map((message, index) => ({ number: index + 1, ...message })),
    lastMessage: messages.length,
    recent: recentOf(stored as Version1),
    indexing: { ...indexing, revision: opened === undefined ? 0 : 1 },
    ...(active === undefined
      ? {}
      : { active: { ...active, heardCharacters: 0, bytes: jsonBytes(active.answer) } }),
  }
}

/** From agents, which answered by messages: nothing is heard of them any more. */
const fromAgents = new Set(["Tokens", "TurnEnded", "TurnFailed", "TransferRequested"])

export const upcastCommand = (
  body: { readonly _tag: string; readonly [field: string]: unknown },
  fromVersion: number,
) => {
  if (fromVersion > 1) return body
  if (body._tag === "Transfer") return { ...body, context: "full" }
  return fromAgents.has(body._tag) ? { _tag: "Said", turn: body.turn } : body
}
