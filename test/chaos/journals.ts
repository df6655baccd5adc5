/** Reads the journals of all partitions of a chaos run, from their first record to what was their last. */
import * as Effect from "effect/Effect"
import { JournalRecord, Log } from "../../engine/index.ts"
import { partitions } from "./config.ts"

/** In the order of each partition; `sequence` is the record's own. */
export const readJournals = Effect.fnUntraced(function* (
  visit: (record: JournalRecord.JournalRecord, place: { partition: number; sequence: number }) => void,
) {
  const journal = yield* Log.Journal
  for (let partition = 0; partition < partitions; partition++) {
    const last = yield* journal.last(partition)
    const reader = yield* journal.open(partition, 1)
    let previous = 0
    while (last !== undefined && previous < last.sequence) {
      for (const { sequence, data } of yield* reader.take) {
        const record = JournalRecord.decode(data)
        if ("corrupt" in record)
          return yield* Effect.die(`partition ${partition}, ${sequence}: ${record.corrupt}`)
        previous = sequence
        visit(record, { partition, sequence })
      }
    }
  }
}, Effect.scoped)
