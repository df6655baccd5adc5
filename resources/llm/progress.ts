/** What is known of one call while it is under way: enough to account for it, and for its lost tries, whatever ends it. */
import type { ChatChoice, Piece, PieceChoice, Tokens, Usage } from "./call.ts"
import { estimateTokens } from "./tokens.ts"

const textOf = ({ content, refusal, tool_calls: calls }: PieceChoice["delta"]): string =>
  (content ?? "") +
  (refusal ?? "") +
  (calls ?? []).map(({ function: called }) => (called?.name ?? "") + (called?.arguments ?? "")).join("")

/** Whether a piece holds something that a reader would notice. */
export const isToken = ({ choices }: Piece): boolean =>
  choices.some(({ delta }) => textOf(delta ?? {}) !== "")

const messageText = ({ message }: ChatChoice): string =>
  (message.content ?? "") + (message.tool_calls === undefined ? "" : JSON.stringify(message.tool_calls))

/** A try that nobody knows the end of, while the call went on: the provider probably counted it. */
export interface LostTry {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly durationMs: number
  readonly usage: Usage
}

export class Progress {
  /** Bounded by the tries of a call. */
  readonly lost: Array<LostTry> = []
  /** The request left; the provider may have begun to count. */
  sent = false
  /** Something of the answer was delivered: nobody else can answer this call any more. */
  started = false
  #output = 0
  #tokens: Tokens | undefined

  /** A new try of the same call begins. */
  begin(): void {
    this.sent = true
    this.#output = 0
    this.#tokens = undefined
  }

  saw(piece: Piece): void {
    for (const { delta } of piece.choices) this.#output += estimateTokens(textOf(delta ?? {}))
    if (piece.tokens !== undefined) this.#tokens = piece.tokens
  }

  sawAnswer(choices: ReadonlyArray<ChatChoice>, tokens: Tokens | undefined): void {
    for (const choice of choices) this.#output += estimateTokens(messageText(choice))
    this.#tokens = tokens
  }

  sawTokens(tokens: Tokens | undefined): void {
    this.#tokens = tokens
  }

  /** `input` is what was estimated before. */
  usage(input: number): Usage {
    if (this.#tokens !== undefined) return { ...this.#tokens, estimated: false }
    return { input, output: this.#output, estimated: true }
  }
}
