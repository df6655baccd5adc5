/** Items of a group that wait for older ones, for as long as the rule's out_of_orderness says. */
import type { EventAttributes } from "../../../schemas/index.ts"
import type { Route } from "./route.ts"

/** Waiting items of one group; beyond it the oldest waits no longer. */
export const waitingItemsMax = 10_000

export interface WaitingItem {
  readonly route: Route
  readonly value: number
  readonly at: number
  readonly attributes: EventAttributes
  readonly depth: number
}

export class Inbox {
  /** By event time; those of the same time as they came. */
  readonly items: Array<WaitingItem> = []

  put(item: WaitingItem): void {
    let index = this.items.length
    while (index > 0 && this.items[index - 1]!.at > item.at) index -= 1
    this.items.splice(index, 0, item)
  }

  /** The oldest, when it is not newer than the watermark or when there are too many. */
  takeUntil(watermark: number): WaitingItem | undefined {
    const oldest = this.items[0]
    if (oldest === undefined || (oldest.at > watermark && this.items.length <= waitingItemsMax))
      return undefined
    return this.items.shift()
  }

  nextAt(): number {
    return this.items[0]?.at ?? Number.POSITIVE_INFINITY
  }
}
