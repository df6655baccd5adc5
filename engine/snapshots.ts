/** Reads actors' snapshots when they wake, and writes those a checkpoint has marked, each under compare-and-set. */
import * as Effect from "effect/Effect"
import type { Cell } from "./cell.ts"
import { OwnershipLost, Unavailable } from "./errors.ts"
import type { Input } from "./handle.ts"
import type { KeyValueStore } from "./key-value.ts"
import * as LargeSnapshot from "./large-snapshot.ts"
import type { Partition } from "./partition.ts"

/** Few at a time: appends of the same node wait behind a slice, and answers behind the appends. */
const writeSlice = 64
const retryMs = 100
/** Bytes of a large state that are written or read before others have a turn. */
const turnBytes = 64 * 1024

/** Takes all steps, each of which says how many bytes it was. */
const inTurns = Effect.fnUntraced(function* <A>(steps: Generator<number, A>): Effect.fn.Return<A> {
  for (let bytes = 0; ; ) {
    const step = steps.next()
    if (step.done === true) return step.value
    bytes += step.value
    if (bytes < turnBytes) continue
    bytes = 0
    yield* Effect.yieldNow
  }
})

export const snapshotKey = (actor: string): string => `snapshot/${actor}`

/** Repeats an operation until its port answers. */
export const untilAvailable = <A, E>(
  effect: Effect.Effect<A, E | Unavailable>,
): Effect.Effect<A, Exclude<E, Unavailable>> =>
  Effect.catch(effect, (error) =>
    error instanceof Unavailable
      ? Effect.flatMap(Effect.sleep(retryMs), () => untilAvailable(effect))
      : Effect.fail(error as Exclude<E, Unavailable>),
  )

/** Brings cells up from their snapshots; a cell that somebody else loaded meanwhile is left alone. */
export const load = Effect.fnUntraced(function* (
  store: KeyValueStore,
  cells: ReadonlyArray<Cell<Input>>,
): Effect.fn.Return<void> {
  const cold = cells.filter((cell) => !cell.loaded)
  if (cold.length === 0) return
  const stored = yield* untilAvailable(store.getMany(cold.map((cell) => snapshotKey(cell.id))))
  for (let index = 0; index < cold.length; index++) {
    const cell = cold[index]!
    const snapshot = stored[index]
    if (snapshot === undefined) {
      cell.loaded = true
      continue
    }
    const { value, revision, parts } = yield* untilAvailable(
      LargeSnapshot.join(store, snapshotKey(cell.id), snapshot),
    )
    yield* inTurns(cell.restoreSlices(value, revision))
    if (cell.loaded) continue
    cell.snapshotParts = parts
    cell.loaded = true
  }
})

interface Held {
  readonly cell: Cell<Input>
  readonly value: ReturnType<Cell<Input>["capture"]>
  readonly changes: number
}

interface Captured extends Held {
  readonly value: Uint8Array
}

/** Snapshots that were taken and not written yet. All of one checkpoint, so all of one journal sequence. */
export class Captures {
  private sequence = 0
  private captured: Array<Held> = []
  private serial = 0
  private readonly bytesMax: number

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  begin(sequence: number): void {
    this.sequence = sequence
    this.captured = []
  }

  capture(cell: Cell<Input>): void {
    const value = cell.capture(this.sequence, this.bytesMax)
    this.captured.push({ cell, value, changes: cell.changes })
  }

  /** Encodes more of what is marked, in slices, so that the event loop stays free. */
  take(partition: Partition): ReadonlyArray<Held> {
    for (const cell of partition.toCapture) {
      if (this.captured.length >= writeSlice) break
      partition.toCapture.delete(cell)
      this.capture(cell)
    }
    return this.captured.splice(0, writeSlice)
  }

  /**
   * Writes all snapshots of the checkpoint; unless in a hurry it rests as long as it worked. What is not written when it
   * fails stays dirty, and a later checkpoint writes it.
   */
  write(
    store: KeyValueStore,
    partition: Partition,
    hurry: boolean,
  ): Effect.Effect<void, OwnershipLost | Unavailable> {
    const { sequence } = this
    const take = () => this.take(partition)
    const name = () => `${partition.owner}-${++this.serial}`
    return Effect.gen(function* () {
      for (;;) {
        const slice = take()
        if (slice.length === 0) return
        const writing = Effect.flatMap(encodeAll(slice), (captured) =>
          writeAll(store, partition.partition, captured, sequence, name),
        )
        const [took] = yield* Effect.timed(writing)
        if (!hurry) yield* Effect.sleep(took)
      }
    })
  }
}

const encodeAll = Effect.fnUntraced(function* (
  slice: ReadonlyArray<Held>,
): Effect.fn.Return<ReadonlyArray<Captured>> {
  const captured: Array<Captured> = []
  for (const held of slice) {
    const value = held.value instanceof Uint8Array ? held.value : yield* inTurns(held.value)
    captured.push({ ...held, value })
  }
  return captured
})

const writeAll = Effect.fnUntraced(function* (
  store: KeyValueStore,
  partition: number,
  all: ReadonlyArray<Captured>,
  sequence: number,
  name: () => string,
): Effect.fn.Return<void, OwnershipLost | Unavailable> {
  let left = all
  while (left.length > 0) {
    const writes = left.map(({ value }) => LargeSnapshot.split(value, sequence, name()))
    for (const { parts } of writes) if (parts.length > 0) yield* store.putMany(parts)
    const results = yield* store.putMany(
      left.map(({ cell }, index) => ({
        key: snapshotKey(cell.id),
        value: writes[index]!.head,
        expectedRevision: cell.snapshotRevision,
      })),
    )
    const conflicts: Array<Captured> = []
    const dropped: Array<string> = []
    for (let index = 0; index < left.length; index++) {
      const result = results[index]
      const captured = left[index]!
      const parts = writes[index]!.parts.map(({ key }) => key)
      if (typeof result === "number") {
        dropped.push(...captured.cell.snapshotParts)
        captured.cell.snapshotParts = parts
        captured.cell.snapshotRevision = result
        captured.cell.snapshotSequence = sequence
        captured.cell.storedChanges = captured.changes
      } else {
        dropped.push(...parts)
        conflicts.push(captured)
      }
    }
    if (dropped.length > 0) yield* store.removeMany(dropped)
    left = yield* unwritten(store, partition, conflicts, sequence)
  }
})

/**
 * A former owner, or an attempt of ours with an unclear outcome, wrote first: only what is older is written over. What is
 * newer than all we know was written by a later owner.
 */
const unwritten = Effect.fnUntraced(function* (
  store: KeyValueStore,
  partition: number,
  conflicts: ReadonlyArray<Captured>,
  sequence: number,
): Effect.fn.Return<ReadonlyArray<Captured>, OwnershipLost | Unavailable> {
  if (conflicts.length === 0) return conflicts
  const stored = yield* store.getMany(conflicts.map(({ cell }) => snapshotKey(cell.id)))
  const older: Array<Captured> = []
  for (const [index, captured] of conflicts.entries()) {
    const snapshot = stored[index]
    const written = snapshot === undefined ? 0 : sequenceOf(snapshot.value)
    if (written > sequence) {
      return yield* new OwnershipLost({
        partition,
        detail: `the snapshot of ${captured.cell.id} tells up to ${written}, past ${sequence}`,
      })
    }
    captured.cell.snapshotRevision = snapshot?.revision ?? 0
    captured.cell.snapshotParts = snapshot === undefined ? [] : LargeSnapshot.partsOf(snapshot.value)
    if (written < sequence) older.push(captured)
    else {
      captured.cell.snapshotSequence = sequence
      captured.cell.storedChanges = captured.changes
    }
  }
  return older
})

const sequenceOf = (snapshot: Uint8Array): number =>
  (JSON.parse(new TextDecoder().decode(snapshot)) as { readonly sequence: number }).sequence
