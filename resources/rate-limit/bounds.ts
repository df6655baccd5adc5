/** Every knob of the rate limiter with its unit and default. */

export const rateLimitBounds = {
  /** The shared counters are forgotten after this: `limitCounterAgeMaxMs` of the streams. */
  windowMsMax: 10 * 60_000,
  /** Identities that a node knows at one time; who was asked for longest ago makes room. */
  identitiesMax: 50_000,
  /** Requests that wait for the shared counters; what comes on top is refused. */
  waitingMax: 65_536,
  /** A node takes this part of what is left at once, so that the last grants are not stuck on nodes that are idle. */
  blockShare: 50,
  blockMax: 1_000,
  /** A block this large is followed by the next before it is used up. */
  aheadBlockMin: 8,
  /** How long the store may take for one answer. */
  answerMsMax: 250,
  /** Without an answer the node counts alone for this long before it asks again. */
  aloneMs: 1_000,
  /** Rounds lost against other nodes before a request is refused; each waits a little longer than the last. */
  roundsMax: 64,
  backoffMsMax: 20,
  /** That the node counts alone is logged this often at most. */
  warnEveryMs: 60_000,
} as const

/** What of `remaining` one node takes in one round trip: small limits are counted one by one. */
export const blockOf = (remaining: number): number =>
  Math.min(
    Math.max(Math.floor(remaining / rateLimitBounds.blockShare), 1),
    rateLimitBounds.blockMax,
    remaining,
  )
