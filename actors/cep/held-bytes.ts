/**
 * What the groups of one rule hold of its items, together: samples, panes, texts and percentiles of windows, partial
 * matches, items that wait for older ones. One group may hold much while the others hold little.
 *
 * I1 What is counted follows from what is encoded: the sum is the same after any checkpoint.
 * I2 Each holder may hold its share in any case. One that holds more lets go, as long as all together hold too much: so
 *    they never hold more than twice the bound.
 */

/** Of one rule in one lane; estimated, as memory in use. About three million samples. */
export const heldBytesMax = 96 * 1024 * 1024

export class HeldBytes {
  private readonly most: number
  bytes = 0
  /** Among whom it is shared. */
  holders = 0
  /** What left before its time, or was passed over, for want of room. */
  crowdedOut = 0

  constructor(most = heldBytesMax) {
    this.most = most
  }

  get isFull(): boolean {
    return this.bytes > this.most
  }

  /** Whether a holder that has so many may have more. */
  hasRoom(own: number): boolean {
    return !this.isFull || own * this.holders <= this.most
  }

  /** A holder has so many now instead of before; answers them. */
  change(before: number, now: number): number {
    this.bytes += now - before
    return now
  }
}
