/** What the index of sessions is told: the session as lists show it, and messages that it does not have yet. */
import * as Schema from "effect/Schema"
import { SessionMessage, SessionTotals } from "../../schemas/index.ts"

export const SessionHead = Schema.Struct({
  session: Schema.String,
  owner: Schema.String,
  title: Schema.String,
  agent: Schema.String,
  createdAt: Schema.Finite,
  lastActivity: Schema.Finite,
  turns: Schema.Int,
  /** How many there are. */
  messages: Schema.Int,
  totals: SessionTotals,
})
export type SessionHead = typeof SessionHead.Type

export const SessionRow = Schema.Struct({
  head: SessionHead,
  /** Of two rows of a session that with the higher one holds. */
  revision: Schema.Int,
  /** Nothing of the session is to be kept. */
  deleted: Schema.Boolean,
  messages: Schema.Array(SessionMessage),
})
export type SessionRow = typeof SessionRow.Type
