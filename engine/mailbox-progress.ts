/**
 * Which commands of a partition's mailbox are still on their way into the journal. Actors finish out of order, so the
 * floor — everything at or below it is committed — trails the read position, and what lies between is kept exactly.
 */
import type { Position } from "./record.ts"

interface OpenMessage {
  readonly sequence: number
  readonly open: Set<number>
}

export interface ProgressSnapshot {
  /** Every position with a sequence at or below it is committed. */
  readonly floor: number
  /** Last mailbox sequence that was read. */
  readonly read: number
  /** Positions above the floor, at or below `read`, that are not committed. */
  readonly pending: ReadonlyArray<readonly [sequence: number, indexes: ReadonlyArray<number>]>
}

export class MailboxProgress {
  private readonly messages = new Map<number, OpenMessage>()
  private floorSequence: number
  private readSequence: number
  /** Positions read and not yet committed. */
  inFlight = 0

  constructor(floor: number) {
    this.floorSequence = floor
    this.readSequence = floor
  }

  get floor(): number {
    return this.floorSequence
  }

  get readPosition(): number {
    return this.readSequence
  }

  /** Notes that a message was read and which of its positions are to be handled. Order: ascending sequences. */
  read(sequence: number, indexes: ReadonlyArray<number>): void {
    this.readSequence = sequence
    if (indexes.length > 0) {
      this.messages.set(sequence, { sequence, open: new Set(indexes) })
      this.inFlight += indexes.length
    }
    this.advance()
  }

  /** Notes that a position is committed. Unknown positions are ignored. */
  commit([sequence, index]: Position): void {
    const message = this.messages.get(sequence)
    if (message?.open.delete(index) !== true) return
    this.inFlight -= 1
    if (message.open.size === 0) {
      this.messages.delete(sequence)
      this.advance()
    }
  }

  snapshot(): ProgressSnapshot {
    return {
      floor: this.floorSequence,
      read: this.readSequence,
      pending: [...this.messages.values()].map((message) => [message.sequence, [...message.open]] as const),
    }
  }

  /** Maps keep insertion order, and messages are read in order: the first open message bounds the floor. */
  private advance(): void {
    const first = this.messages.keys().next()
    this.floorSequence = first.done === true ? this.readSequence : first.value - 1
  }
}
