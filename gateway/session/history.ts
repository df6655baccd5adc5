/**
 * All that was said in a session, by the messages' numbers: the newest from the session itself, what it holds no more from
 * the index. The numbers are gapless, so that what comes from both has neither gaps nor repetitions.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { ChatIndex } from "../../actors/index.ts"
import type { EngineError, Rejected } from "../../engine/index.ts"
import type { Refused } from "../../resources/index.ts"
import type { SessionMessage, SessionView } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"
import type { GatewayError } from "../errors.ts"
import type { GatewayServices } from "../services.ts"
import { readSession } from "./access.ts"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

/** As it is on the wire. */
export const messageBody = (message: SessionMessage) => {
  const {
    number,
    turn,
    role,
    content,
    at,
    messageId,
    agent,
    status,
    tokens,
    executionMs,
    usage,
    plan,
    code,
  } = message
  return {
    number,
    turn,
    role,
    content,
    created_at: timestamp(at),
    ...(messageId === undefined ? {} : { message_id: messageId }),
    ...(agent === undefined ? {} : { agent_id: agent }),
    ...(status === undefined ? {} : { status }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(executionMs === undefined ? {} : { execution_time: executionMs / 1_000 }),
    ...(usage === undefined ? {} : { usage }),
    ...(plan === undefined ? {} : { plan_id: plan }),
    ...(code === undefined ? {} : { code }),
  }
}

export interface HistoryPage {
  readonly view: SessionView
  /** Oldest first. */
  readonly messages: ReadonlyArray<SessionMessage>
}

/** The newest `limit` messages with a number below `before`, of this user's own session. */
export const readHistory = Effect.fn("gateway.readHistory")(function* (
  services: GatewayServices,
  identity: Identity,
  session: string,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Effect.fn.Return<HistoryPage, EngineError | Rejected | GatewayError | Refused | SqlError, ChatIndex> {
  let view = yield* readSession(services, identity, session, {
    limit,
    ...(before === undefined ? {} : { before }),
  })
  const first = view
  const end = Math.min(before ?? Number.POSITIVE_INFINITY, view.lastMessage + 1)
  const from = Math.max(1, end - limit)
  const messages = [...view.messages]
  const begin = () => messages[0]?.number ?? end
  // One answer of the session has so many characters only.
  while (begin() > from && begin() > view.oldestMessage) {
    const page = { before: begin(), limit: Math.min(limit, begin() - from) }
    view = yield* readSession(services, identity, session, page)
    if (view.messages.length === 0) break
    messages.unshift(...view.messages)
  }
  if (begin() > from) {
    const { messages: older } = yield* ChatIndex
    messages.unshift(...(yield* older(identity.tenant, session, from, begin() - 1)))
  }
  return { view: first, messages }
})
