/** Every bound of the call path, with its unit. */
export const llmLimits = {
  /** Calls under way on this node; more are refused with 503. Also what a crash can lose of the ledger. */
  callsMax: 256,
  /** Entries that wait because the database could not take them; calls are refused while it is full. */
  pendingEntriesMax: 1_024,
  /** How often waiting entries are tried again. */
  pendingRetryMs: 2_000,
  /** Tries of one model, the first one included. */
  attemptsMax: 3,
  retryBaseMs: 250,
  retryMaxMs: 8_000,
  /** An upstream that asks for a longer pause is given up at once. */
  retryAfterMaxMs: 10_000,
  /** Models that one call may fall back to, one after another. */
  fallbacksMax: 3,
  /** Until the first token of a streamed answer. */
  firstTokenMs: 60_000,
  /** Silence between two tokens. */
  silenceMs: 60_000,
  /** Bytes of one answer. */
  answerBytesMax: 16 * 1024 * 1024,
  /** Pieces kept back until the first token. */
  heldPiecesMax: 16,
  /** A check of a model's health. */
  checkMs: 10_000,
  /** What an answer is taken to need when the caller sets no bound. Units: tokens. */
  expectedOutputTokens: 1_024,
  /** Calls per minute of one user to one model whose settings say nothing. */
  callsPerMinute: 60,
  /** Characters of an upstream's own words that are passed on. */
  detailMax: 500,
} as const

export interface LlmLimits {
  readonly callsMax: number
  readonly attemptsMax: number
  readonly retryBaseMs: number
  readonly retryMaxMs: number
  readonly retryAfterMaxMs: number
  readonly fallbacksMax: number
  readonly firstTokenMs: number
  readonly silenceMs: number
}
