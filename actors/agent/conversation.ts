/**
 * What an agent is told of the conversation that it answers in: all of it, unless the conversation came from another
 * agent, whose hand-over says how much of what was said before goes along. Pure.
 */
import { type ChatMessage, handoverMessagesDefault } from "../../schemas/index.ts"
import type { Question } from "./question.ts"

export interface Conversation {
  /** Of what was said before the hand-over, written by the agent that handed over. */
  readonly summary: string | undefined
  /** Oldest first; the question itself is not among them. */
  readonly messages: ReadonlyArray<ChatMessage>
}

/** A summary that nobody wrote is replaced by the last messages. */
export const conversationOf = ({ history, handover }: Question): Conversation => {
  if (handover === undefined || handover.context === "full") return { summary: undefined, messages: history }
  const { context, turn, messages = handoverMessagesDefault, summary } = handover
  const before = history.filter((message) => message.turn < turn)
  const after = history.filter((message) => message.turn >= turn)
  return context === "summary" && summary !== undefined
    ? { summary, messages: after }
    : { summary: undefined, messages: [...before.slice(-messages), ...after] }
}
