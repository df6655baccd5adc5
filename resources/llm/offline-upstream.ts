/**
 * The model that needs no network: deterministic, and honest about what it is. It makes a node usable and testable
 * before anybody has a key; it does not pretend to think.
 */
import { setImmediate } from "node:timers/promises"
import type { ChatRequest, EmbeddingRequest } from "./call.ts"
import { UpstreamFailure } from "./failure.ts"
import { lexicalDimensions, lexicalVector } from "./lexical/embedding.ts"
import { estimateTokens, outputTokensMax } from "./tokens.ts"
import type { Upstream } from "./upstream.ts"

const quotedMax = 200

const lastQuestion = ({ messages }: ChatRequest): string => {
  const content = messages.findLast(({ role }) => role === "user")?.content
  if (typeof content === "string") return content
  return (content ?? []).map((part) => ("text" in part ? part.text : "")).join(" ")
}

const wordsOf = (request: ChatRequest): ReadonlyArray<string> => {
  const question = lastQuestion(request).trim().slice(0, quotedMax)
  const text = `This is the offline model: no language model is connected, so nothing here was reasoned. You wrote: “${question}” An administrator can register a model under /api/admin/llm-models/.`
  return text.match(/\S+\s*/g) ?? []
}

/** Words that fit into the tokens that were asked for. */
const boundedWords = (request: ChatRequest) => {
  const limit = outputTokensMax({ ...request, n: 1 })
  let output = 0
  const words: Array<string> = []
  for (const word of wordsOf(request)) {
    output += Math.max(1, estimateTokens(word))
    if (output > limit) return { words, reason: "length" as const }
    words.push(word)
  }
  return { words, reason: "stop" as const }
}

const refused = (param: string, detail: string) =>
  new UpstreamFailure("caller", detail, { status: 400, param })

const textsOf = ({ input }: EmbeddingRequest): ReadonlyArray<string> => {
  const texts: ReadonlyArray<unknown> = typeof input === "string" ? [input] : input
  if (texts.every((text) => typeof text === "string")) return texts
  throw refused("input", "the offline model embeds texts, not tokens")
}

/** OpenAI's own client asks for base64: of the numbers as 32-bit floats, the low byte first. */
const encoded = (vector: Float32Array, format: EmbeddingRequest["encoding_format"]): Array<number> => {
  if (format !== "base64") return Array.from(vector)
  const bytes = Buffer.alloc(vector.length * 4)
  vector.forEach((value, index) => void bytes.writeFloatLE(value, index * 4))
  // The client's type has no text, which is what the API gives for this format.
  return bytes.toString("base64") as unknown as Array<number>
}

const embed: Upstream["embed"] = async (request, signal) => {
  const { dimensions = lexicalDimensions, encoding_format: format } = request
  if (dimensions !== lexicalDimensions)
    throw refused("dimensions", `the offline model has ${lexicalDimensions} dimensions`)
  const data = []
  for (const [index, text] of textsOf(request).entries()) {
    data.push({ object: "embedding" as const, index, embedding: encoded(lexicalVector(text), format) })
    await setImmediate(undefined, { signal })
  }
  return { data, tokens: undefined }
}

/** It has no tokens of its own to count: what it takes is estimated, and says so. */
export const offlineUpstream: Upstream = {
  complete: async (request) => {
    const { words, reason } = boundedWords(request)
    const message = { role: "assistant" as const, content: words.join(""), refusal: null }
    return { choices: [{ index: 0, message, finish_reason: reason, logprobs: null }], tokens: undefined }
  },
  stream: async function* (request, signal) {
    const { words, reason } = boundedWords(request)
    yield { choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] }
    for (const content of words) {
      // Gives way between words, as an answer over a network does.
      await setImmediate(undefined, { signal })
      yield { choices: [{ index: 0, delta: { content }, finish_reason: null }] }
    }
    yield { choices: [{ index: 0, delta: {}, finish_reason: reason }] }
  },
  embed,
  probe: async () => {},
}
