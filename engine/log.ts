/**
 * The port to a partitioned, durable, append-only log. Mailboxes, journals and dead letters are three instances of it.
 * A sequence grows within a partition but need not be dense: partitions may share one numbering.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Conflict, LogFull, Unavailable } from "./errors.ts"

export interface LogMessage {
  readonly sequence: number
  readonly data: Uint8Array
  /** Milliseconds since the epoch at which the log stored the message. */
  readonly storedAt: number
}

export interface LogReader {
  /**
   * Waits until at least one message is there and takes what has gathered, in sequence order, without gaps.
   * Order: by sequence. Bound: the implementation buffers at most its named limit; not calling `take` pauses it.
   */
  readonly take: Effect.Effect<ReadonlyArray<LogMessage>, Unavailable>
}

export interface Log {
  /**
   * Stores one message and answers its sequence once it is durable. With `expectedLast` the append is atomic with
   * the check that the partition's last sequence is still that one (0: no message ever).
   * Errors: `Conflict` and `LogFull` mean nothing was stored; `Unavailable` means it may or may not have been.
   * Idempotence: none is promised; `id` only lets the implementation drop repeats when it can.
   */
  readonly append: (
    partition: number,
    data: Uint8Array,
    options: { readonly id: string; readonly expectedLast?: number },
  ) => Effect.Effect<number, Unavailable | LogFull | Conflict>
  /** The last message of a partition, undefined when there is none. Reflects every acknowledged append. */
  readonly last: (partition: number) => Effect.Effect<LogMessage | undefined, Unavailable>
  /** Reads from the first stored message whose sequence is ≥ `from`, and goes on with what arrives later. */
  readonly open: (partition: number, from: number) => Effect.Effect<LogReader, Unavailable, Scope.Scope>
  /** Drops the messages of a partition up to and including `through`. Idempotent. */
  readonly trim: (partition: number, through: number) => Effect.Effect<void, Unavailable>
}

/** Commands on their way to the owner of a partition. Bounded: `LogFull` when a partition's limit is reached. */
export class Mailbox extends Context.Service<Mailbox, Log>()("millrace/engine/Mailbox") {}

/** What the owners decided; the only truth about who did what. Every append carries `expectedLast`. */
export class Journal extends Context.Service<Journal, Log>()("millrace/engine/Journal") {}

/** Commands that can not be handled, kept for a person to look at and re-drive. */
export class DeadLetters extends Context.Service<DeadLetters, Log>()("millrace/engine/DeadLetters") {}
