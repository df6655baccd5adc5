/** The bounds of the client. Each can be set per client; the defaults suit a browser and a service alike. */

export interface ClientLimits {
  /** One attempt of a request, until its answer is read. Streams have `idleMsMax` instead. */
  readonly attemptMsMax: number
  /** How often a request is sent at most, the first time included. */
  readonly attemptsMax: number
  /** The first pause between attempts; each further one may be twice as long. */
  readonly pauseMs: number
  readonly pauseMsMax: number
  /** Who is told to wait for longer is given the error instead. */
  readonly retryAfterMsMax: number
  readonly answerBytesMax: number
  /** GETs that run at the same time and may be shared; more are sent on their own. */
  readonly sharedMax: number
  /** A stream on which nothing comes for so long is taken for dead; the gateway sends a ping every 15 s. */
  readonly idleMsMax: number
  /** Connections in a row that bring no event, before a stream is given up. */
  readonly reconnectsMax: number
  readonly eventCharactersMax: number
  /** Events of a session that wait for their reader; then the socket is closed until there is room again. */
  readonly waitingEventsMax: number
  /** Messages that wait to be taken by a session. */
  readonly waitingMessagesMax: number
  readonly pingEveryMs: number
  /** A token is renewed when it is valid for no longer than this. */
  readonly renewBeforeMs: number
}

/** Units: milliseconds, bytes, characters. */
export const defaultClientLimits: ClientLimits = {
  attemptMsMax: 30_000,
  attemptsMax: 4,
  pauseMs: 200,
  pauseMsMax: 5_000,
  retryAfterMsMax: 30_000,
  answerBytesMax: 32 * 1024 * 1024,
  sharedMax: 256,
  idleMsMax: 45_000,
  reconnectsMax: 8,
  eventCharactersMax: 1_048_576,
  waitingEventsMax: 2_048,
  waitingMessagesMax: 16,
  pingEveryMs: 20_000,
  renewBeforeMs: 60_000,
}
