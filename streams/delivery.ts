/**
 * Reads what JetStream puts into the reply subject of a delivered message:
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<nanoseconds>.<pending>`, in newer servers with
 * a domain and an account hash before the stream and perhaps a token at the end.
 */
export interface Delivery {
  readonly sequence: number
  /** Counts what this consumer has delivered, from 1: a jump is a loss. */
  readonly consumerSequence: number
  /** Milliseconds since the epoch. */
  readonly storedAt: number
  /** What matches and is still to come. */
  readonly pending: number
}

const shortForm = 9
const nanosecondDigitsInMs = 6

export const readDelivery = (reply: string): Delivery => {
  const tokens = reply.split(".")
  const first = tokens.length === shortForm ? 5 : 7
  const nanoseconds = tokens[first + 2]!
  return {
    sequence: Number(tokens[first]),
    consumerSequence: Number(tokens[first + 1]),
    storedAt: Number(nanoseconds.slice(0, -nanosecondDigitsInMs)),
    pending: Number(tokens[first + 3]),
  }
}
