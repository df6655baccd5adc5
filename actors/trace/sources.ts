/** Reads the streams from where the projection stands and hands over rows in parts that a transaction can hold. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { JournalRecord, type Log, type Unavailable } from "../../engine/index.ts"
import type { EventStreamService } from "../../streams/index.ts"
import { entryRow, transferRows } from "./hops.ts"
import type { TraceLimits } from "./limits.ts"
import { journalSource, type Part, traceSource } from "./positions.ts"
import { reportedRows } from "./reported.ts"
import type { EntryRow, LogRow, SpanRow } from "./rows.ts"

/** Gathers the rows of one source; a part begins where the last one ended. */
class PartBuilder {
  entries: Array<EntryRow> = []
  spans: Array<SpanRow> = []
  logs: Array<LogRow> = []
  gaps = 0
  #after: number
  readonly #source: string

  constructor(source: string, after: number) {
    this.#source = source
    this.#after = after
  }

  get rows(): number {
    return this.entries.length + this.spans.length + this.logs.length
  }

  close(through: number, halted: string | null = null): Part {
    const { entries, spans, logs, gaps } = this
    const part = { source: this.#source, after: this.#after, through, halted, gaps, entries, spans, logs }
    this.entries = []
    this.spans = []
    this.logs = []
    this.gaps = 0
    this.#after = through
    return part
  }
}

/** A reader repairs itself: what it reports as unavailable is only time that passed in vain. */
const patiently = <A>(take: Effect.Effect<A, Unavailable>, retryMs: number): Effect.Effect<A> =>
  Effect.catch(take, () => Effect.andThen(Effect.sleep(retryMs), patiently(take, retryMs)))

/** `prev` is what the record says stood before it, `through` what was read before it. */
const gapText = (partition: number, sequence: number, prev: number, through: number): string =>
  prev > through
    ? `the journal of partition ${partition} has lost what stood after ${through}, up to ${prev}, before it was projected`
    : `the journal of partition ${partition} goes on at ${sequence} from ${prev} and not from ${through}: it was made anew`

/**
 * Stops at a record that cannot be read, says so, and leaves the rest to a person: as the engine does. Records that
 * are gone are counted as a gap and passed over: retention took them, and nobody can bring them back.
 */
export const readJournal = Effect.fnUntraced(function* (options: {
  readonly journal: Log.Log
  readonly partition: number
  readonly after: number
  readonly queue: Queue.Enqueue<Part>
  readonly limits: TraceLimits
}): Effect.fn.Return<void, Unavailable, Scope.Scope> {
  const { partition, after, queue, limits } = options
  const reader = yield* options.journal.open(partition, after + 1)
  const part = new PartBuilder(journalSource(partition), after)
  let through = after
  for (;;) {
    for (const { sequence, data } of yield* patiently(reader.take, limits.retryMs)) {
      const record = JournalRecord.decode(data)
      if ("corrupt" in record) {
        const reason = `journal sequence ${sequence}: ${record.corrupt}`
        yield* Effect.logError(`the trace projection of partition ${partition} stopped at ${reason}`)
        yield* Queue.offer(queue, part.close(through, reason))
        return yield* Effect.never
      }
      if (record.prev !== through) {
        part.gaps += 1
        yield* Effect.logWarning(gapText(partition, sequence, record.prev, through))
      }
      record.entries.forEach((entry, index) => {
        const row = entryRow({ partition, sequence, index }, entry, record.at)
        part.entries.push(row)
        part.logs.push(...transferRows(row))
      })
      through = sequence
      if (part.rows >= limits.partRowsMax) yield* Queue.offer(queue, part.close(through))
    }
    // An empty record moves the position too: readers wait for journal heads.
    yield* Queue.offer(queue, part.close(through))
  }
})

export const readTraces = Effect.fnUntraced(function* (options: {
  readonly traces: EventStreamService
  readonly after: number
  readonly queue: Queue.Enqueue<Part>
  readonly limits: TraceLimits
}): Effect.fn.Return<void, Unavailable, Scope.Scope> {
  const { after, queue, limits } = options
  const tail = yield* options.traces.tail(">", { sequence: after + 1 })
  const part = new PartBuilder(traceSource, after)
  let through = after
  for (;;) {
    for (const event of yield* patiently(tail.take, limits.retryMs)) {
      const { spans, logs } = reportedRows(event)
      part.spans.push(...spans)
      part.logs.push(...logs)
      through = event.sequence
      if (part.rows >= limits.partRowsMax) yield* Queue.offer(queue, part.close(through))
    }
    yield* Queue.offer(queue, part.close(through))
  }
})
