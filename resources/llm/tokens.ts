/** Estimates tokens where no provider counted them. Linear in the text: exact tokenizers are quadratic on some texts. */
import type { ChatRequest, EmbeddingRequest, Message } from "./call.ts"
import { llmLimits } from "./limits.ts"

/** What a part that is no text counts for: pictures, sounds, files. */
const otherPartTokens = 1_000
/** Roles and separators. */
const messageTokens = 4

/** About four Latin characters make a token; of other scripts about one. */
export const estimateTokens = (text: string): number => {
  let narrow = 0
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) < 0x250) narrow++
  return Math.ceil(narrow / 4) + (text.length - narrow)
}

const partTokens = (part: object): number =>
  "text" in part && typeof part.text === "string" ? estimateTokens(part.text) : otherPartTokens

const contentTokens = (content: unknown): number => {
  if (typeof content === "string") return estimateTokens(content)
  return Array.isArray(content) ? content.reduce<number>((sum, part: object) => sum + partTokens(part), 0) : 0
}

const callsTokens = (message: Message): number =>
  "tool_calls" in message && message.tool_calls !== undefined
    ? estimateTokens(JSON.stringify(message.tool_calls))
    : 0

export const inputTokens = ({ messages, tools }: Pick<ChatRequest, "messages" | "tools">): number =>
  messages.reduce(
    (sum, message) => sum + messageTokens + contentTokens(message.content) + callsTokens(message),
    tools === undefined ? 0 : estimateTokens(JSON.stringify(tools)),
  )

/** The most that the answer may take, or what is expected when nobody says. */
export const outputTokensMax = (request: ChatRequest): number =>
  (request.max_completion_tokens ?? request.max_tokens ?? llmLimits.expectedOutputTokens) * (request.n ?? 1)

export const embeddingTokens = ({ input }: EmbeddingRequest): number => {
  if (typeof input === "string") return estimateTokens(input)
  return input.reduce<number>(
    (sum, item) =>
      sum + (typeof item === "string" ? estimateTokens(item) : Array.isArray(item) ? item.length : 1),
    0,
  )
}
