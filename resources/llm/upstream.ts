/** A provider as the call path sees it: one port for all of them, in OpenAI's shapes. */
import type { ChatChoice, ChatRequest, Embedding, EmbeddingRequest, Piece, Tokens } from "./call.ts"

export interface UpstreamAnswer {
  readonly choices: ReadonlyArray<ChatChoice>
  /** Undefined: the provider does not say. */
  readonly tokens: Tokens | undefined
}

export interface UpstreamEmbeddings {
  readonly data: ReadonlyArray<Embedding>
  readonly tokens: Tokens | undefined
}

/**
 * One try each, no retries. Aborting the signal closes the connection at once. Everything rejects with whatever the
 * provider's client throws; `toUpstreamFailure` sorts it.
 */
export interface Upstream {
  readonly complete: (request: ChatRequest, signal: AbortSignal) => Promise<UpstreamAnswer>
  /** Ends only after the answer's end: one that breaks off rejects. */
  readonly stream: (request: ChatRequest, signal: AbortSignal) => AsyncIterable<Piece>
  /** Absent where the provider has none. */
  readonly embed?: (request: EmbeddingRequest, signal: AbortSignal) => Promise<UpstreamEmbeddings>
  /** The cheapest question that shows that address, key and model are right. */
  readonly probe: (signal: AbortSignal) => Promise<void>
}
