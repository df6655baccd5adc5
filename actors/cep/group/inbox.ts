/** Items of a group that wait for older ones, for as long as the rule's out_of_orderness says. */
import type { EventAttributes } from "../../../schemas/index.ts"
import type { HeldBytes } from "../held-bytes.ts"
import { bytesOf } from "../patterns/partial-matches.ts"
import type { Route } from "./route.ts"

/** Waiting items of one group; beyond it, or when the rule holds too much, the oldest waits no longer. */
export const waitingItemsMax = 10_000

export interface WaitingItem {
  readonly route: Route
  readonly value: number
  readonly at: number
  readonly attributes: EventAttributes
  readonly depth: number
}

const bytesOfWaiting = ({ route: { isEvent, labels }, attributes }: WaitingItem): number =>
  bytesOf({ isEvent, labels, attributes })

export class Inbox {
  /** By event time; those of the same time as they came. */
  readonly items: Array<WaitingItem> = []
  private readonly held: HeldBytes
  /** What it holds of what its rule may. */
  private own = 0

  constructor(held: HeldBytes) {
    this.held = held
    held.holders += 1
  }

  put(item: WaitingItem): void {
    let index = this.items.length
    while (index > 0 && this.items[index - 1]!.at > item.at) index -= 1
    this.items.splice(index, 0, item)
    this.own = this.held.change(this.own, this.own + bytesOfWaiting(item))
  }

  /** The oldest, when it is not newer than the watermark or when there are too many. */
  takeUntil(watermark: number): WaitingItem | undefined {
    const oldest = this.items[0]
    if (oldest === undefined || (oldest.at > watermark && this.hasRoom)) return undefined
    this.own = this.held.change(this.own, this.own - bytesOfWaiting(oldest))
    return this.items.shift()
  }

  private get hasRoom(): boolean {
    return this.items.length <= waitingItemsMax && this.held.hasRoom(this.own)
  }

  nextAt(): number {
    return this.items[0]?.at ?? Number.POSITIVE_INFINITY
  }

  release(): void {
    this.own = this.held.change(this.own, 0)
    this.held.holders -= 1
  }
}
