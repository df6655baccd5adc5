/** Reads all journals of a chaos run from the first record and checks what must hold whatever happened. */
import * as Effect from "effect/Effect"
import { partitions } from "./config.ts"
import { readJournals } from "./journals.ts"

export interface Books {
  readonly violations: ReadonlyArray<string>
  /** How often each transfer was sent and received. */
  readonly sent: ReadonlyMap<string, number>
  readonly received: ReadonlyMap<string, number>
  readonly balances: ReadonlyMap<string, number>
  readonly entries: number
  readonly owners: number
}

type AccountEvent = { readonly _tag: string; readonly amount: number; readonly transfer?: string }

export const readBooks = Effect.gen(function* () {
  const violations: Array<string> = []
  const sent = new Map<string, number>()
  const received = new Map<string, number>()
  const balances = new Map<string, number>()
  const owners = new Set<string>()
  let entries = 0
  const count = (map: Map<string, number>, key: string, by = 1) => map.set(key, (map.get(key) ?? 0) + by)
  const previous = Array.from({ length: partitions }, () => 0)
  yield* readJournals((record, { partition, sequence }) => {
    if (record.prev !== previous[partition])
      violations.push(`fork: partition ${partition}, sequence ${sequence}`)
    previous[partition] = sequence
    owners.add(record.owner)
    for (const entry of record.entries) {
      entries += 1
      for (const event of (entry.events ?? []) as unknown as ReadonlyArray<AccountEvent>) {
        count(balances, entry.to, event._tag === "Sent" ? -event.amount : event.amount)
        if (event._tag === "Sent") count(sent, event.transfer!)
        if (event._tag === "Received") count(received, event.transfer!)
      }
    }
  })
  const books: Books = { violations, sent, received, balances, entries, owners: owners.size }
  return books
})
