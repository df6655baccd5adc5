/**
 * What an agent is told of the conversation that it answers in: all of it, unless the conversation came from another
 * agent, whose hand-over says how much of what was said before goes along. Pure.
 */
import { type ChatMessage, handoverMessagesDefault } from "../../schemas/index.ts"
import type { Question } from "./question.ts"

/** Messages that stand in for a summary that nobody wrote, and the characters of each. */
export const excerptMessages = 6
export const excerptCharacters = 300

export interface Conversation {
  /** Of what was said before the hand-over. */
  readonly summary: string | undefined
  /** Oldest first; the question itself is not among them. */
  readonly messages: ReadonlyArray<ChatMessage>
}

export interface ConversationOptions {
  /** Of the newest messages; absent: all that came along. */
  readonly messagesMax?: number | undefined
  /** Made by whoever answers, of what `toSummarize` gives. */
  readonly summary?: string | undefined
}

const isBefore = ({ handover }: Question, { turn }: ChatMessage): boolean =>
  handover !== undefined && turn < handover.turn

const newest = <A>(list: ReadonlyArray<A>, max: number): ReadonlyArray<A> =>
  list.slice(Math.max(0, list.length - max))

/** What the hand-over wants summarized and nobody has summarized; empty when there is nothing to do. */
export const toSummarize = (question: Question): ReadonlyArray<ChatMessage> => {
  const { handover, history } = question
  if (handover?.context !== "summary" || handover.summary !== undefined) return []
  return history.filter((message) => isBefore(question, message))
}

const clipped = (text: string): string =>
  text.length <= excerptCharacters ? text : `${text.slice(0, excerptCharacters).toWellFormed()} …`

/** Says of itself that it is no summary. */
export const excerptOf = (messages: ReadonlyArray<ChatMessage>): string | undefined =>
  messages.length === 0
    ? undefined
    : [
        "Nobody summarized the conversation; its last messages, shortened:",
        ...newest(messages, excerptMessages).map(
          ({ role, agent, content }) => `${agent ?? role}: ${clipped(content)}`,
        ),
      ].join("\n")

export const conversationOf = (question: Question, options: ConversationOptions = {}): Conversation => {
  const { handover, history } = question
  const { messagesMax = history.length } = options
  if (handover === undefined || handover.context === "full")
    return { summary: undefined, messages: newest(history, messagesMax) }
  const before = history.filter((message) => isBefore(question, message))
  const since = history.filter((message) => !isBefore(question, message))
  if (handover.context === "last") {
    const last = newest(before, handover.messages ?? handoverMessagesDefault)
    return { summary: undefined, messages: newest([...last, ...since], messagesMax) }
  }
  const summary = handover.summary ?? options.summary ?? excerptOf(before)
  return { summary, messages: newest(since, messagesMax) }
}
