/** Every knob of the gateway with its unit and default. */

export interface GatewayLimits {
  /** Bytes of a request body; a larger one is refused with 413. */
  readonly bodyBytesMax: number
  /** Bytes of one WebSocket frame. */
  readonly frameBytesMax: number
  /** Bytes that may wait for a slow client before it is disconnected, to resume later. */
  readonly sendBufferBytesMax: number
  /** WebSockets and event streams that may be open on this node. */
  readonly streamsMax: number
  /** Events read from a session at a time. */
  readonly pageEventsMax: number
  /** How often a session with an answer under way is read again, since signals may be lost. */
  readonly rereadEveryMs: number
  /** A silent event stream sends a comment this often, so that nobody on the way closes it. */
  readonly pingEveryMs: number
  /** Verified tokens kept, and for how long at most. */
  readonly verifiedTokensMax: number
  readonly verifiedTokenMs: number
  /** How long requests under way may take after the gateway was told to stop. */
  readonly stopGraceMs: number
}

export const defaultGatewayLimits: GatewayLimits = {
  bodyBytesMax: 256 * 1024,
  frameBytesMax: 64 * 1024,
  sendBufferBytesMax: 1024 * 1024,
  streamsMax: 10_000,
  pageEventsMax: 500,
  rereadEveryMs: 2_000,
  pingEveryMs: 15_000,
  verifiedTokensMax: 10_000,
  verifiedTokenMs: 60_000,
  stopGraceMs: 3_000,
}

export interface GatewayAddress {
  /** Default: 9050; 0 takes any free one. */
  readonly port: number
  /** Default: 127.0.0.1, since the development login is printed to whoever starts the node. */
  readonly host: string
}
