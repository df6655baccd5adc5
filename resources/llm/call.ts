/** What a call to a language model is, and what comes back: OpenAI's shapes, whoever the provider is. */
import type OpenAI from "openai"
import type { ModelCaller } from "../llm-models/model.ts"

type Parameters = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming

/** Without what the call path decides itself. */
export type ChatRequest = Omit<Parameters, "model" | "stream" | "stream_options">
export type EmbeddingRequest = Omit<OpenAI.EmbeddingCreateParams, "model">
export type Message = OpenAI.Chat.ChatCompletionMessageParam
export type ChatChoice = OpenAI.Chat.ChatCompletion.Choice
export type PieceChoice = OpenAI.Chat.ChatCompletionChunk.Choice
export type Embedding = OpenAI.Embedding

export interface LlmCaller extends ModelCaller {
  readonly tenant: string
  /** On whose behalf an agent asks; absent for a person's own call. */
  readonly agent?: string | undefined
  readonly traceId?: string | undefined
}

export interface LlmCall<Request = ChatRequest> {
  readonly caller: LlmCaller
  /** Name or id. */
  readonly model: string
  readonly request: Request
}

export interface Tokens {
  readonly input: number
  readonly output: number
}

export interface Usage extends Tokens {
  /** The provider gave no numbers, or the answer broke off. */
  readonly estimated: boolean
}

/** One part of a streamed answer. */
export interface Piece {
  readonly choices: ReadonlyArray<PieceChoice>
  /** Given once by most providers, at the end; without it tokens are estimated. */
  readonly tokens?: Tokens | undefined
}

/** Which model answered, by our names, and what it took. */
export interface Answered {
  readonly model: string
  readonly modelId: string
  readonly usage: Usage
}

export interface Completion extends Answered {
  readonly choices: ReadonlyArray<ChatChoice>
}

export interface Embeddings extends Answered {
  readonly data: ReadonlyArray<Embedding>
}
