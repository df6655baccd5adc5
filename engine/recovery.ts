/** Takes a partition's journal over and rebuilds what its former owner knew: checkpoint, then the journal's tail. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Checkpoint from "./checkpoint.ts"
import { CorruptRecord, OwnershipLost, type Unavailable } from "./errors.ts"
import type { KeyValueStore } from "./key-value.ts"
import type { Log, LogMessage } from "./log.ts"
import type { Partition } from "./partition.ts"
import * as Record from "./record.ts"
import * as Snapshots from "./snapshots.ts"

/** Actors whose snapshots are read at one time. */
const loadSlice = 512

/**
 * Appends an empty record under the new owner's name; answers its sequence. From then on the former owner's appends
 * fail, because they expect another last sequence.
 */
export const claimJournal = Effect.fnUntraced(function* (
  journal: Log,
  keyValue: KeyValueStore,
  partition: number,
  owner: string,
  now: () => number,
): Effect.fn.Return<number, CorruptRecord> {
  let dropped = 0
  for (;;) {
    const last = yield* Snapshots.untilAvailable(journal.last(partition))
    const prev = last?.sequence ?? 0
    const head = { v: Record.formatVersion, id: `${owner}-claim-${prev}`, owner, prev, at: now() }
    const result = yield* Effect.result(
      journal.append(partition, Record.encode(head, []), { id: head.id, expectedLast: prev }),
    )
    if (result._tag === "Success") return result.success
    if (result.failure._tag === "Conflict") continue
    if (result.failure._tag === "LogFull") {
      // What a checkpoint covers is history, which gives way to going on; whose checkpoint it is does not matter.
      const { checkpoint } = yield* Snapshots.untilAvailable(Checkpoint.load(keyValue, partition))
      dropped = yield* makeRoom(journal, partition, checkpoint, dropped)
    }
    yield* Effect.sleep(100)
    const after = yield* Snapshots.untilAvailable(journal.last(partition))
    if (after === undefined) continue
    const stored = Record.decode(after.data)
    if (!("corrupt" in stored) && stored.id === head.id) return after.sequence
  }
})

/**
 * A full journal drops what its checkpoint covers, earlier than `journalRetentionMs` asks for, and says so, once for each
 * checkpoint: `dropped` is what the last call answered, 0 at first.
 */
export const makeRoom = Effect.fnUntraced(function* (
  journal: Log,
  partition: number,
  { journal: covered, outbox }: Checkpoint.Checkpoint,
  dropped: number,
): Effect.fn.Return<number> {
  const through = Math.min(covered - 1, outbox)
  if (through <= dropped) return dropped
  yield* Effect.logWarning(
    `the journal of partition ${partition} is full: history up to ${through} is dropped`,
  )
  yield* Snapshots.untilAvailable(journal.trim(partition, through))
  return through
})

/** Replays the journal through `through`. Stops loudly at a record that is damaged or missing. */
export const replay = Effect.fnUntraced(function* (options: {
  readonly journal: Log
  readonly keyValue: KeyValueStore
  readonly partition: Partition
  readonly checkpoint: Checkpoint.Checkpoint
  readonly through: number
}): Effect.fn.Return<void, CorruptRecord | OwnershipLost | Unavailable, Scope.Scope> {
  const { journal, partition, checkpoint, through } = options
  const number = partition.partition
  const overtaken = (sequence: number) =>
    new OwnershipLost({
      partition: number,
      detail: `its journal was claimed at ${through} and again before ${sequence}`,
    })
  if (checkpoint.journal > through) return yield* overtaken(checkpoint.journal)
  const known = Math.min(checkpoint.outbox, checkpoint.journal)
  const reader = yield* journal.open(number, known + 1)
  let previous: number | undefined
  for (;;) {
    const messages = yield* reader.take
    const records: Array<readonly [LogMessage, Record.JournalRecord]> = []
    for (const message of messages) {
      if (message.sequence > through) return yield* overtaken(message.sequence)
      const record = Record.decode(message.data)
      const detail =
        "corrupt" in record
          ? record.corrupt
          : gapOf(record, message.sequence, previous, known, checkpoint.journal)
      if ("corrupt" in record || detail !== undefined) {
        return yield* new CorruptRecord({
          partition: number,
          sequence: message.sequence,
          detail: detail ?? "",
        })
      }
      records.push([message, record])
      previous = message.sequence
    }
    yield* loadTouched(options.keyValue, partition, records, checkpoint.journal)
    for (const [message, record] of records) {
      partition.replay(message.sequence, record, message.sequence <= checkpoint.journal)
    }
    if (previous !== undefined && previous >= through) return
  }
}, Effect.scoped)

/**
 * Each record names the one before it; the first one read follows something at or below `known`, and the checkpoint's
 * own record must be on the chain.
 */
const gapOf = (
  record: Record.JournalRecord,
  sequence: number,
  previous: number | undefined,
  known: number,
  checkpointed: number,
): string | undefined => {
  if (previous === undefined && record.prev > known) {
    return `it follows sequence ${record.prev}: records after ${known} are missing`
  }
  const expected = previous ?? (sequence > checkpointed ? checkpointed : record.prev)
  return record.prev === expected
    ? undefined
    : `it follows sequence ${record.prev}, but the record before it is ${expected}: records are missing`
}

const loadTouched = Effect.fnUntraced(function* (
  keyValue: KeyValueStore,
  partition: Partition,
  records: ReadonlyArray<readonly [LogMessage, Record.JournalRecord]>,
  checkpointed: number,
): Effect.fn.Return<void> {
  const touched = new Set<string>()
  for (const [message, record] of records) {
    if (message.sequence <= checkpointed) continue
    for (const entry of record.entries) if (entry.to !== "") touched.add(entry.to)
  }
  const cells = [...touched].flatMap((actor) => partition.cellOf(actor) ?? [])
  for (let start = 0; start < cells.length; start += loadSlice) {
    yield* Snapshots.load(keyValue, cells.slice(start, start + loadSlice))
  }
})
