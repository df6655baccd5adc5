/**
 * Rebuilds an actor as it was at a journal sequence or a time, from its journal alone: snapshots are a cache and play
 * no part. Reads what is stored when it begins, writes nothing, and needs no node.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Address from "./address.ts"
import { Cell } from "./cell.ts"
import type { AnyKind } from "./define.ts"
import { CorruptRecord, type Unavailable } from "./errors.ts"
import type { Log } from "./log.ts"
import * as Record from "./record.ts"
import * as TraceContext from "./trace-context.ts"

/** An entry of one actor, with where it stands. */
export interface Past {
  readonly sequence: number
  readonly index: number
  readonly spanId: string
  readonly entry: Record.Entry
}

/** Inclusive; both absent means now. `timeMs` compares with when an entry was decided. */
export interface Moment {
  readonly sequence?: number | undefined
  readonly timeMs?: number | undefined
}

export interface Rebuilt {
  /** Encoded by the kind's own schema. */
  readonly state: unknown
  /** Entries that were folded, and the last of them. */
  readonly entries: number
  readonly last: Past | undefined
  /** Set when an event cannot be folded by this version of the kind: the state is the one before it. */
  readonly failure?: string
}

export interface ActorHistory {
  readonly entries: ReadonlyArray<Past>
  /** False when the journal's beginning has been trimmed: a fold from here starts from nothing. */
  readonly complete: boolean
}

/** All entries of an actor, in order. Errors: `CorruptRecord` at a record that cannot be read. */
export const read = Effect.fnUntraced(function* (
  journal: Log,
  partitions: number,
  address: Address.Address,
): Effect.fn.Return<ActorHistory, CorruptRecord | Unavailable, Scope.Scope> {
  const id = Address.format(address)
  const partition = Address.partitionOf(id, partitions)
  const end = (yield* journal.last(partition))?.sequence ?? 0
  const entries: Array<Past> = []
  if (end === 0) return { entries, complete: true }
  const reader = yield* journal.open(partition, 0)
  let complete: boolean | undefined
  for (let through = 0; through < end; ) {
    for (const { sequence, data } of yield* reader.take) {
      if (sequence > end) return { entries, complete: complete ?? true }
      const record = Record.decode(data)
      if ("corrupt" in record)
        return yield* new CorruptRecord({ partition, sequence, detail: record.corrupt })
      complete ??= record.prev === 0
      record.entries.forEach((entry, index) => {
        if (entry.to !== id) return
        const spanId = TraceContext.spanIdOf(partition, sequence, index)
        entries.push({ sequence, index, spanId, entry })
      })
      through = sequence
    }
  }
  return { entries, complete: complete ?? true }
}, Effect.scoped)

const within = ({ sequence, entry }: Past, moment: Moment): boolean =>
  sequence <= (moment.sequence ?? Number.POSITIVE_INFINITY) &&
  entry.now <= (moment.timeMs ?? Number.POSITIVE_INFINITY)

/** Folds an actor's events up to a moment with the kind's `evolve`, lifting what older versions wrote. Pure. */
export const fold = (
  kind: AnyKind,
  address: Address.Address,
  entries: ReadonlyArray<Past>,
  moment: Moment = {},
): Rebuilt => {
  const cell = new Cell<never>(Address.format(address), address, kind)
  let count = 0
  let last: Past | undefined
  const rebuilt = (): Rebuilt => ({ state: kind.codec.state.encode(cell.state), entries: count, last })
  for (const past of entries) {
    if (!within(past, moment)) break
    const before = cell.state
    try {
      for (const event of past.entry.events ?? []) cell.evolveStored(event, past.entry.version)
    } catch (cause) {
      cell.state = before
      return { ...rebuilt(), failure: `journal sequence ${past.sequence}: ${String(cause)}` }
    }
    count += 1
    last = past
  }
  return rebuilt()
}
