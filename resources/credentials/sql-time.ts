/** Times in statements: milliseconds go in as text that Postgres reads exactly, and come out as on the wire. */

/** For `${isoTime(ms)}::text::timestamptz`. */
export const isoTime = (ms: number): string => new Date(ms).toISOString()
