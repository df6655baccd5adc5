/** Every knob of the gateway with its unit and default. */

export interface GatewayLimits {
  /** Bytes of a request body; a larger one is refused with 413. */
  readonly bodyBytesMax: number
  /** Characters of an address with its query; a longer one is refused with 414. */
  readonly urlCharactersMax: number
  /** Bytes of a request's line and headers; more is refused with 431. */
  readonly headerBytesMax: number
  /** How long an answer that is no stream may take; then it is 504, and what still runs is interrupted. */
  readonly requestMsMax: number
  /** How long a client may take to send its headers, and its whole request; then it is 408. */
  readonly headersMsMax: number
  readonly receiveMsMax: number
  /** How deep JSON in a body may be nested. */
  readonly bodyDepthMax: number
  /** Bytes of one WebSocket frame. */
  readonly frameBytesMax: number
  /** Bytes that may wait for a slow client before it is disconnected, to resume later. */
  readonly sendBufferBytesMax: number
  /** WebSockets and event streams that may be open on this node. */
  readonly streamsMax: number
  /** The same of one user: nobody takes all of the node's. */
  readonly streamsPerUserMax: number
  /** How often an open stream's credential is checked again, and for how long the last answer counts without one. */
  readonly streamCheckEveryMs: number
  readonly streamUncheckedMsMax: number
  /** Events read from a session at a time. */
  readonly pageEventsMax: number
  /** How often a session with an answer under way is read again, since signals may be lost. */
  readonly rereadEveryMs: number
  /** A silent event stream sends a comment this often, so that nobody on the way closes it. */
  readonly pingEveryMs: number
  /** Credentials kept that were checked, and for how long at most the check counts when nothing is announced. */
  readonly verifiedTokensMax: number
  readonly verifiedTokenMs: number
  /** How long requests under way may take after the gateway was told to stop. */
  readonly stopGraceMs: number
}

export const defaultGatewayLimits: GatewayLimits = {
  bodyBytesMax: 256 * 1024,
  urlCharactersMax: 8 * 1024,
  headerBytesMax: 16 * 1024,
  requestMsMax: 30_000,
  headersMsMax: 15_000,
  receiveMsMax: 60_000,
  bodyDepthMax: 64,
  frameBytesMax: 64 * 1024,
  sendBufferBytesMax: 1024 * 1024,
  streamsMax: 10_000,
  streamsPerUserMax: 1_000,
  streamCheckEveryMs: 1_000,
  streamUncheckedMsMax: 60_000,
  pageEventsMax: 500,
  rereadEveryMs: 2_000,
  pingEveryMs: 15_000,
  verifiedTokensMax: 10_000,
  verifiedTokenMs: 30_000,
  stopGraceMs: 3_000,
}

/**
 * Requests of one identity: a person, an API key, or an address for `anonymous` and `login`. A person who reads 100 times
 * a second does so by mistake; 1,000 a minute is the least that seed 2 §3.5 asks for where nothing else is said, and 10
 * batches and 100 anonymous requests a minute are its and seed 0's figures. Whoever is on call explains one alert after the
 * other and tries a rule again after each edit, once a second at most. A source of samples, events or alerts sends a few
 * times a second over several connections. `MILLRACE_RATE_LIMITS` changes them.
 */
export const defaultRatePolicies = {
  anonymous: { limit: 100, windowMs: 60_000 },
  login: { limit: 20, windowMs: 60_000 },
  read: { limit: 6_000, windowMs: 60_000 },
  write: { limit: 1_200, windowMs: 60_000 },
  batch: { limit: 10, windowMs: 60_000 },
  explain: { limit: 60, windowMs: 60_000 },
  ingest: { limit: 6_000, windowMs: 60_000 },
  "model-call": { limit: 1_000, windowMs: 60_000 },
  stream: { limit: 300, windowMs: 60_000 },
} as const

export interface GatewayAddress {
  /** Default: 9050; 0 takes any free one. */
  readonly port: number
  /** Default: 127.0.0.1, since the development login is printed to whoever starts the node. */
  readonly host: string
}
