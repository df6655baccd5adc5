/**
 * Exact de-duplication of what arrives in a mailbox: per source the highest mark seen. A source sends in order and one
 * batch at a time per partition, so a mark at or below the highest is a repeat. The least recently heard sender is
 * forgotten beyond the bound; partitions are never forgotten.
 */
import type { Mark } from "./envelope.ts"

export class SenderMarks {
  private readonly senders = new Map<string, Mark>()
  private readonly partitions = new Map<string, Mark>()
  private readonly sendersMax: number

  constructor(sendersMax: number, stored: ReadonlyArray<readonly [source: string, mark: Mark]> = []) {
    this.sendersMax = sendersMax
    for (const [source, mark] of stored) this.tableOf(source).set(source, mark)
  }

  /** True when the mark is new, which it then no longer is. */
  accept(source: string, mark: Mark): boolean {
    const table = this.tableOf(source)
    const highest = table.get(source)
    if (
      highest !== undefined &&
      (mark[0] < highest[0] || (mark[0] === highest[0] && mark[1] <= highest[1]))
    ) {
      return false
    }
    if (table === this.senders) {
      table.delete(source)
      if (table.size >= this.sendersMax) table.delete(table.keys().next().value!)
    }
    table.set(source, mark)
    return true
  }

  toArray(): ReadonlyArray<readonly [string, Mark]> {
    return [...this.partitions, ...this.senders]
  }

  private tableOf(source: string): Map<string, Mark> {
    return source.startsWith("p:") ? this.partitions : this.senders
  }
}
