/** Reads all journals of a chaos run from the first record and checks what must hold whatever happened. */
import * as Effect from "effect/Effect"
import { JournalRecord, Log } from "../../engine/index.ts"
import { partitions } from "./config.ts"

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
  const journal = yield* Log.Journal
  const violations: Array<string> = []
  const sent = new Map<string, number>()
  const received = new Map<string, number>()
  const balances = new Map<string, number>()
  const owners = new Set<string>()
  let entries = 0
  const count = (map: Map<string, number>, key: string, by = 1) => map.set(key, (map.get(key) ?? 0) + by)
  for (let partition = 0; partition < partitions; partition++) {
    const last = yield* journal.last(partition)
    const reader = yield* journal.open(partition, 1)
    let previous = 0
    while (last !== undefined && previous < last.sequence) {
      for (const { sequence, data } of yield* reader.take) {
        const record = JournalRecord.decode(data)
        if ("corrupt" in record)
          return yield* Effect.die(`partition ${partition}, ${sequence}: ${record.corrupt}`)
        if (record.prev !== previous) violations.push(`fork: partition ${partition}, sequence ${sequence}`)
        previous = sequence
        owners.add(record.owner)
        for (const entry of record.entries) {
          entries += 1
          for (const event of (entry.events ?? []) as unknown as ReadonlyArray<AccountEvent>) {
            count(balances, entry.to, event._tag === "Sent" ? -event.amount : event.amount)
            if (event._tag === "Sent") count(sent, event.transfer!)
            if (event._tag === "Received") count(received, event.transfer!)
          }
        }
      }
    }
  }
  const books: Books = { violations, sent, received, balances, entries, owners: owners.size }
  return books
}).pipe(Effect.scoped)
