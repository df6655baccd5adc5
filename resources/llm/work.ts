/** The kinds of work that the call path guards, each as one try against a provider. */
import * as Effect from "effect/Effect"
import type { ChatChoice, ChatRequest, Embedding, EmbeddingRequest, Piece } from "./call.ts"
import { toUpstreamFailure, UpstreamFailure } from "./failure.ts"
import { type LlmLimits, llmLimits } from "./limits.ts"
import { isToken, type Progress } from "./progress.ts"
import { embeddingTokens, inputTokens, outputTokensMax } from "./tokens.ts"
import type { Upstream } from "./upstream.ts"

export interface Work<A> {
  readonly operation: "chat" | "embeddings"
  /** Estimates, in tokens. */
  readonly input: number
  readonly outputMax: number
  /** One try. Tells `progress` what it sees. Interrupting it closes the connection. */
  readonly attempt: (upstream: Upstream, progress: Progress) => Effect.Effect<A, UpstreamFailure>
}

const asking = <A>(ask: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({ try: ask, catch: toUpstreamFailure })

export const completing = (request: ChatRequest): Work<ReadonlyArray<ChatChoice>> => ({
  operation: "chat",
  input: inputTokens(request),
  outputMax: outputTokensMax(request),
  attempt: (upstream, progress) =>
    asking((signal) => upstream.complete(request, signal)).pipe(
      Effect.map(({ choices, tokens }) => {
        progress.sawAnswer(choices, tokens)
        return choices
      }),
    ),
})

export const embedding = (request: EmbeddingRequest): Work<ReadonlyArray<Embedding>> => ({
  operation: "embeddings",
  input: embeddingTokens(request),
  outputMax: 0,
  attempt: ({ embed }, progress) =>
    embed === undefined
      ? Effect.fail(
          new UpstreamFailure("caller", "this model makes no embeddings", { status: 400, param: "model" }),
        )
      : asking((signal) => embed(request, signal)).pipe(
          Effect.map(({ data, tokens }) => {
            progress.sawTokens(tokens)
            return data
          }),
        ),
})

/** Delivers one piece; it may wait for a slow reader. */
export type Deliver = (piece: Piece) => Effect.Effect<void>

const silent = (what: string) => () =>
  Effect.fail(new UpstreamFailure("timeout", `no ${what} in time`, { retryable: true }))

/**
 * Reads pieces and delivers them in order. What comes before the first token is held back, since until then another
 * model may have to answer.
 */
const deliverAll = Effect.fnUntraced(function* (
  pieces: AsyncIterator<Piece>,
  progress: Progress,
  deliver: Deliver,
  limits: Pick<LlmLimits, "firstTokenMs" | "silenceMs">,
): Effect.fn.Return<void, UpstreamFailure> {
  const held: Array<Piece> = []
  const next = Effect.tryPromise({ try: () => pieces.next(), catch: toUpstreamFailure })
  const late = silent("first token")
  const first = Effect.gen(function* () {
    for (;;) {
      const { done, value } = yield* next
      if (done === true) return
      progress.saw(value)
      held.push(value)
      if (isToken(value) || held.length >= llmLimits.heldPiecesMax) return
    }
  })
  yield* Effect.timeoutOrElse(first, { duration: limits.firstTokenMs, orElse: late })
  progress.started = true
  for (const piece of held) yield* deliver(piece)
  const rest = Effect.timeoutOrElse(next, { duration: limits.silenceMs, orElse: silent("further token") })
  for (;;) {
    const { done, value } = yield* rest
    if (done === true) return
    progress.saw(value)
    yield* deliver(value)
  }
})

export const streaming = (
  request: ChatRequest,
  deliver: Deliver,
  limits: Pick<LlmLimits, "firstTokenMs" | "silenceMs"> = llmLimits,
): Work<void> => ({
  operation: "chat",
  input: inputTokens(request),
  outputMax: outputTokensMax(request),
  attempt: (upstream, progress) =>
    Effect.acquireUseRelease(
      Effect.sync(() => new AbortController()),
      ({ signal }) =>
        Effect.suspend(() =>
          deliverAll(upstream.stream(request, signal)[Symbol.asyncIterator](), progress, deliver, limits),
        ),
      (abort) => Effect.sync(() => abort.abort()),
    ),
})
