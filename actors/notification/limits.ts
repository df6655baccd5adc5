/** What bounds the delivery of notifications and actions, with units. */

/** Deliveries of one channel under way at once; those about one group of alerts go one after another. */
export const inFlightMax = 4
/** Notifications of one channel that wait. Above it repeats are dropped, oldest first, and what else comes is collapsed into one. */
export const queueMax = 200
export const queueBytesMax = 4 * 1024 * 1024
/** Bytes of one notification as JSON; alerts that do not fit are counted in its `truncated`. */
export const notificationBytesMax = 96 * 1024
/** Ids that a channel knows again after they are over. */
export const knownIdsMax = 1_000
/** Deliveries that a channel's log keeps after they are over. */
export const logKeptMax = 300
export const testsMax = 5
export const whatCharactersMax = 200
export const detailCharactersMax = 300

/** Between one attempt and the next, give or take a tenth; the last one again and again. */
export const pausesMs: ReadonlyArray<number> = [5_000, 15_000, 45_000, 120_000, 300_000, 600_000, 900_000]
export const attemptsMax = 110
/** After that nobody is told of it any more. */
export const giveUpAfterMs = 24 * 60 * 60_000
/** What a rule wanted done is not done hours later. */
export const giveUpActionAfterMs = 60 * 60_000
/** What a receiver may ask for at most with `Retry-After`; meanwhile its channel rests. */
export const retryAfterMaxMs = 15 * 60_000
export const minuteMs = 60_000

/** Rows in one message to the database. */
export const indexRowsMax = 100
/** When the database could not be reached for as long as an activity tries. */
export const indexAgainMs = 30_000
