/** What goes along with a conversation that was handed over. */
import { describe, expect, it } from "vitest"
import {
  conversationOf,
  excerptCharacters,
  excerptMessages,
  excerptOf,
  toSummarize,
} from "../../../actors/agent/conversation.ts"
import type { Question } from "../../../actors/agent/question.ts"
import type { ChatMessage, Handover } from "../../../schemas/index.ts"

const exchange = (turn: number): ReadonlyArray<ChatMessage> => [
  { turn, role: "user", content: `q${turn}`, at: 0 },
  { turn, role: "assistant", agent: "guide", content: `a${turn}`, at: 0 },
]
const history = [1, 2, 3, 4, 5].flatMap(exchange)

/** Handed over in turn 4. */
const asked = (terms?: Partial<Handover>): Question => ({
  agent: "b",
  question: "q6",
  conversation: "s",
  turn: 6,
  history,
  ...(terms === undefined
    ? {}
    : { handover: { from: "guide", turn: 4, reason: "why not", context: "full", ...terms } }),
  agents: ["b"],
  mayHandOver: true,
  plan: "p",
  stream: true,
})
const texts = (question: Question, options = {}) =>
  conversationOf(question, options).messages.map(({ content }) => content)

describe("a conversation", () => {
  it("that nobody handed over is told in full", () => {
    expect(conversationOf(asked())).toEqual({ summary: undefined, messages: history })
  })

  it("is told from its newest messages, and not at all when none are wanted", () => {
    expect(texts(asked(), { messagesMax: 3 })).toEqual(["a4", "q5", "a5"])
    expect(texts(asked(), { messagesMax: 0 })).toEqual([])
  })

  it("that was handed over in full is told in full", () => {
    expect(texts(asked({ context: "full" }))).toHaveLength(history.length)
  })

  it("that was handed over with its last messages is told from these, and all that was said since", () => {
    expect(texts(asked({ context: "last", messages: 2 }))).toEqual(["q3", "a3", "q4", "a4", "q5", "a5"])
    expect(texts(asked({ context: "last", messages: 2 }), { messagesMax: 5 })).toEqual([
      "a3",
      "q4",
      "a4",
      "q5",
      "a5",
    ])
  })

  it("that was handed over with a summary is told by it, and all that was said since", () => {
    const question = asked({ context: "summary", summary: "they talked" })
    expect(conversationOf(question)).toEqual({ summary: "they talked", messages: history.slice(6) })
    expect(toSummarize(question)).toEqual([])
  })

  it("that nobody summarized can be summarized by whoever has it now", () => {
    const question = asked({ context: "summary" })
    expect(toSummarize(question)).toEqual(history.slice(0, 6))
    expect(conversationOf(question, { summary: "in short" }).summary).toBe("in short")
  })

  it("that nobody summarizes is told by an excerpt that says what it is", () => {
    const { summary, messages } = conversationOf(asked({ context: "summary" }))
    expect(summary).toMatch(/^Nobody summarized[\s\S]*guide: a3$/)
    expect(messages).toEqual(history.slice(6))
    expect(conversationOf({ ...asked({ context: "summary" }), history: [] }).summary).toBe(undefined)
  })

  it("has a bounded excerpt, not cut within a character", () => {
    const long = history.map((message) => ({ ...message, content: `x${"😀".repeat(excerptCharacters)}` }))
    const excerpt = excerptOf(long)!
    expect(excerpt.length).toBeLessThan(excerptMessages * (excerptCharacters + 20) + 100)
    expect(excerpt.isWellFormed()).toBe(true)
  })
})
