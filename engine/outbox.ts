/**
 * Which journal records still have messages on their way to other mailboxes. The floor tells a checkpoint from where a
 * successor must publish again; receivers recognise what they already have.
 */

export class Outbox {
  private readonly open = new Map<number, number>()
  private lastCommitted: number
  /** Messages that no mailbox has acknowledged. */
  waiting = 0

  constructor(floor: number) {
    this.lastCommitted = floor
  }

  /** Every message of records at or below it is stored in its receiver's mailbox. */
  get floor(): number {
    const first = this.open.keys().next()
    return first.done === true ? this.lastCommitted : first.value - 1
  }

  /** Notes a committed record and how many messages follow from it. Order: ascending sequences. */
  committed(sequence: number, messages: number): void {
    this.lastCommitted = sequence
    if (messages === 0) return
    this.open.set(sequence, messages)
    this.waiting += messages
  }

  stored(sequence: number): void {
    const left = this.open.get(sequence)
    if (left === undefined) return
    this.waiting -= 1
    if (left === 1) this.open.delete(sequence)
    else this.open.set(sequence, left - 1)
  }
}
