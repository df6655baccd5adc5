/**
 * What an agent that remembers conversations itself is told of one that it cannot remember: what was said with other
 * agents before it got it.
 */
import { conversationOf } from "../../conversation.ts"
import type { Question } from "../../question.ts"

export interface ToldMessage {
  readonly role: "system" | "user" | "assistant"
  readonly content: string
}

export const messagesOf = (question: Question): ReadonlyArray<ToldMessage> => {
  const { summary, messages } = conversationOf(question)
  const told = messages.map(({ role, content }) => ({ role, content }))
  return summary === undefined
    ? told
    : [{ role: "system", content: `The conversation before: ${summary}` }, ...told]
}

/** Undefined when it remembers all: the conversation was its own from the beginning. */
export const toldHistory = (question: Question): { readonly history?: ReadonlyArray<ToldMessage> } => {
  if (question.handover === undefined) return {}
  const history = messagesOf(question)
  return history.length === 0 ? {} : { history }
}
