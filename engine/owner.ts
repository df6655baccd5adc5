/**
 * Owns one partition: takes it from whoever had it, recovers, and works until it loses the journal, is drained or is
 * interrupted. Ownership is nothing but the right guess of the journal's next sequence; everything else is a hint.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import type * as Semaphore from "effect/Semaphore"
import * as ActivityRunner from "./activity-runner.ts"
import * as Address from "./address.ts"
import type { Cell } from "./cell.ts"
import * as Checkpoint from "./checkpoint.ts"
import type { AnyKind } from "./define.ts"
import type { ReplyTo } from "./envelope.ts"
import { type CorruptRecord, OwnershipLost, type Unavailable } from "./errors.ts"
import type { Input } from "./handle.ts"
import type { KeyValueStore } from "./key-value.ts"
import type { Limits } from "./limits.ts"
import type { Log } from "./log.ts"
import { type Outlet, Partition, type TakenRecord } from "./partition.ts"
import * as Record from "./record.ts"
import * as Recovery from "./recovery.ts"
import type { Sender } from "./sender.ts"
import * as Snapshots from "./snapshots.ts"

export interface Implementation {
  readonly kind: AnyKind
  readonly activities: { readonly [name: string]: ActivityRunner.ActivityImplementation }
}

export interface OwnerOptions {
  readonly partition: number
  readonly partitions: number
  /** Unique for this ownership: it names records, checkpoints and activities' places. */
  readonly owner: string
  readonly implementations: ReadonlyMap<string, Implementation>
  readonly limits: Limits
  readonly mailbox: Log
  readonly journal: Log
  readonly deadLetters: Log
  readonly keyValue: KeyValueStore
  readonly sender: Sender
  readonly answer: (to: ReplyTo, answer: Record.Answer) => void
  /** Sends the answers given since the last call. */
  readonly flushAnswers: () => void
  readonly signal: (topic: string, body: unknown) => void
  readonly running: Semaphore.Semaphore
  /** Shared by the partitions of a node: a record is closed only once its turn to be written has come. */
  readonly writing: Semaphore.Semaphore
  /** One checkpoint of a node at a time. */
  readonly checkpointing: Semaphore.Semaphore
  /** Called once the partition handles commands. */
  readonly live: (partition: Partition) => void
  /** Completes when the partition is to be handed over. */
  readonly drain: Effect.Effect<void>
}

export type OwnerError = OwnershipLost | CorruptRecord | Unavailable

const retryMs = 100
const timerSlice = 1_000
const checkpointTickMs = 200
/** A longer sleep would overflow the platform's timers. */
const longestSleepMs = 24 * 60 * 60_000
const loadSlice = 512

export const own = Effect.fnUntraced(function* (options: OwnerOptions): Effect.fn.Return<void, OwnerError> {
  yield* Effect.scoped(work(options))
})

const work = Effect.fnUntraced(function* (options: OwnerOptions) {
  const { partition: number, owner, limits, mailbox, journal, keyValue } = options
  const clock = yield* Clock.Clock
  const failed = Deferred.makeUnsafe<never, OwnerError>()
  const [work, loads, timing, room, letters] = [0, 1, 2, 3, 4].map(() => Latch.makeUnsafe()) as [
    Latch.Latch,
    Latch.Latch,
    Latch.Latch,
    Latch.Latch,
    Latch.Latch,
  ]
  const activities = yield* FiberMap.make<string>()
  const startFiber = yield* FiberMap.runtime(activities)()
  const buried: Array<{ readonly id: string; readonly letter: string; readonly done: () => void }> = []
  const captures = new Snapshots.Captures(limits.snapshotBytesMax)
  let wanted: Deferred.Deferred<Checkpoint.Checkpoint> | undefined
  let appending = false
  let [latest, dropped] = [0, 0]

  const now = () => {
    latest = Math.max(latest, clock.currentTimeMillisUnsafe())
    return latest
  }
  const wake = () => {
    work.openUnsafe()
    loads.openUnsafe()
    timing.openUnsafe()
    room.openUnsafe()
  }
  const outlet: Outlet = {
    wake,
    answer: options.answer,
    flush: options.flushAnswers,
    signal: options.signal,
    forward: (to, source, mark, rest, done) =>
      options.sender.forward(Address.partitionOf(to, options.partitions), { source, mark, rest, done }),
    bury: (id, letter, done) => {
      buried.push({ id, letter, done })
      letters.openUnsafe()
    },
    startActivity: (cell, id) => startActivity(cell, id, false),
    cancelActivity: (actor, id) => {
      const fiber = FiberMap.getUnsafe(activities, `${actor}\n${id}`)
      if (fiber._tag === "Some") fiber.value.interruptUnsafe()
    },
  }

  const startActivity = (cell: Cell<Input>, id: string, resumed: boolean) => {
    const pending = cell.activities.get(id)
    if (pending === undefined) return
    const startedBy = pending.trace
    const implementation = options.implementations.get(cell.kind.protocol.kind)?.activities[pending.activity]
    const emit = (value: unknown) =>
      Effect.callback<void>((resume) => {
        partition.enqueue(cell.id, { t: "progress", id, startedBy, value, done: () => resume(Effect.void) })
      })
    const body = ActivityRunner.run({
      kind: cell.kind,
      self: cell.address,
      actor: cell.id,
      pending: { ...pending, resumed },
      implementation,
      emit,
      bytesMax: Math.floor(limits.entryBytesMax / 2),
    })
    startFiber(
      `${cell.id}\n${id}`,
      options.running
        .withPermit(body)
        .pipe(Effect.map((outcome) => partition.enqueue(cell.id, { t: "settled", id, startedBy, outcome }))),
    )
  }

  // Fence first: from here on every append and checkpoint of a former owner fails.
  const claimed = yield* Recovery.claimJournal(journal, keyValue, number, owner, now)
  let saved = yield* Snapshots.untilAvailable(Checkpoint.claim(keyValue, number, owner))
  const partition = new Partition({
    partition: number,
    owner,
    kinds: new Map([...options.implementations].map(([kind, { kind: declared }]) => [kind, declared])),
    limits,
    outlet,
    now,
    checkpoint: saved.checkpoint,
    captured: (cell) => captures.capture(cell),
  })
  yield* Recovery.replay({ journal, keyValue, partition, checkpoint: saved.checkpoint, through: claimed })

  /** Offers one record until the journal has decided. It is closed, and each attempt made, only when its turn comes. */
  const appendNext = Effect.gen(function* () {
    const expected = partition.journalSequence
    let record: TakenRecord | undefined
    for (;;) {
      const result = yield* options.writing.withPermit(
        Effect.suspend(() => {
          record ??= partition.takeRecord()!
          return Effect.result(journal.append(number, record.data, { id: record.id, expectedLast: expected }))
        }),
      )
      const { id, entries } = record!
      if (result._tag === "Success") return partition.committed(result.success, entries)
      partition.stalled = `the journal does not take appends: ${result.failure._tag}`
      if (result.failure._tag === "LogFull") {
        dropped = yield* Recovery.makeRoom(journal, number, saved.checkpoint, dropped)
      } else {
        const last = yield* Snapshots.untilAvailable(journal.last(number))
        if ((last?.sequence ?? 0) !== expected) {
          const stored = last === undefined ? undefined : Record.decode(last.data)
          if (last !== undefined && stored !== undefined && !("corrupt" in stored) && stored.id === id) {
            return partition.committed(last.sequence, entries)
          }
          return yield* new OwnershipLost({
            partition: number,
            detail: `expected journal sequence ${expected}, found ${last?.sequence ?? 0}`,
          })
        }
      }
      yield* Effect.sleep(retryMs)
    }
  })

  const appendLoop = Effect.gen(function* () {
    for (;;) {
      if (partition.stagedCount === 0) {
        if (wanted !== undefined) {
          const checkpoint = partition.capture()
          const waiting = wanted
          wanted = undefined
          captures.begin(checkpoint.journal)
          partition.resume()
          Deferred.doneUnsafe(waiting, Effect.succeed(checkpoint))
          continue
        }
        room.openUnsafe()
        work.closeUnsafe()
        yield* work.await
        continue
      }
      appending = true
      yield* appendNext
      appending = false
      room.openUnsafe()
    }
  })

  const loadLoop = Effect.gen(function* () {
    for (;;) {
      if (partition.cold.size === 0) {
        loads.closeUnsafe()
        yield* loads.await
        continue
      }
      const cells = [...partition.cold].slice(0, loadSlice)
      yield* Snapshots.load(keyValue, cells)
      for (const cell of cells) {
        partition.cold.delete(cell)
        if (!partition.quiescing) partition.run(cell)
      }
      room.openUnsafe()
    }
  })

  const readLoop = Effect.gen(function* () {
    const reader = yield* mailbox.open(number, partition.progress.floor + 1)
    for (;;) {
      const messages = yield* Snapshots.untilAvailable(reader.take)
      for (const message of messages) {
        // Taking in stops, not appending: what is decided must reach the journal, and checkpoints trim the mailbox.
        while (
          partition.progress.inFlight >= limits.inFlightCommandsMax ||
          partition.outbox.waiting > limits.outboxMax
        ) {
          room.closeUnsafe()
          yield* room.await
        }
        partition.deliver(message)
      }
    }
  })

  const timerLoop = Effect.gen(function* () {
    for (;;) {
      const next = partition.timers.nextAt()
      const time = now()
      if (next !== undefined && next <= time) {
        if (
          partition.stagedCount < limits.inFlightCommandsMax &&
          partition.outbox.waiting <= limits.outboxMax
        ) {
          for (const timer of partition.timers.due(time, timerSlice)) {
            partition.enqueue(timer.address, { t: "timer", key: timer.key, dueAt: timer.at })
          }
          yield* Effect.yieldNow
        } else {
          room.closeUnsafe()
          yield* room.await
        }
        continue
      }
      timing.closeUnsafe()
      yield* next === undefined
        ? timing.await
        : Effect.raceFirst(timing.await, Effect.sleep(Math.min(next - time, longestSleepMs)))
    }
  })

  const letterLoop = Effect.gen(function* () {
    for (;;) {
      const letter = buried.shift()
      if (letter === undefined) {
        letters.closeUnsafe()
        yield* letters.await
        continue
      }
      const data = new TextEncoder().encode(letter.letter)
      for (;;) {
        const result = yield* Effect.result(options.deadLetters.append(number, data, { id: letter.id }))
        if (result._tag === "Success") break
        yield* Effect.sleep(retryMs)
      }
      letter.done()
    }
  })

  let serial = 0
  const checkpoint = Effect.fnUntraced(function* (hurry: boolean) {
    const waiting = Deferred.makeUnsafe<Checkpoint.Checkpoint>()
    partition.quiescing = true
    wanted = waiting
    work.openUnsafe()
    const captured = yield* Deferred.await(waiting)
    yield* captures.write(keyValue, partition, hurry)
    serial += 1
    const result = yield* Effect.result(Checkpoint.save(keyValue, number, saved, captured, owner, serial))
    if (result._tag === "Success") {
      saved = result.success
      yield* mailbox.trim(number, captured.progress.floor)
      const expired = Partition.expired(captured, now(), limits.journalRetentionMs)
      if (expired > 0) yield* journal.trim(number, expired)
      partition.passivate()
    } else if (result.failure._tag === "Conflict") {
      // After an unclear outcome an earlier head of ours may stand there; somebody else's means the partition is lost.
      saved = yield* Checkpoint.load(keyValue, number)
      if (saved.head.owner !== owner) {
        return yield* new OwnershipLost({
          partition: number,
          detail: `its checkpoint belongs to ${saved.head.owner}`,
        })
      }
    } else return yield* result.failure
  })

  const checkpointLoop = Effect.gen(function* () {
    let last = saved.checkpoint.journal
    // The partitions of a node take turns.
    let takenAt = now() - (limits.checkpointEveryMs * number) / options.partitions
    for (;;) {
      yield* Effect.sleep(checkpointTickMs)
      const many =
        partition.entriesSinceCheckpoint >= limits.checkpointEntries ||
        partition.messagesSinceCheckpoint >= limits.checkpointMessages
      const due = now() - takenAt >= limits.checkpointEveryMs && partition.journalSequence !== last
      if (!many && !due && now() - takenAt >= limits.checkpointEveryMs) {
        partition.passivate()
        takenAt = now()
      }
      if ((!many && !due) || !partition.caughtUp) continue
      const result = yield* Effect.result(options.checkpointing.withPermit(checkpoint(false)))
      takenAt = now()
      if (result._tag === "Success") last = saved.checkpoint.journal
      else if (result.failure._tag !== "Unavailable") return yield* Effect.fail(result.failure)
    }
  })

  const restart = Effect.fnUntraced(function* (
    pending: ReadonlyArray<readonly [address: string, id: string]>,
  ) {
    for (let start = 0; start < pending.length; start += loadSlice) {
      const slice = pending
        .slice(start, start + loadSlice)
        .map(([actor, id]) => [partition.cellOf(actor), id] as const)
      yield* Snapshots.load(
        keyValue,
        slice.flatMap(([cell]) => cell ?? []),
      )
      for (const [cell, id] of slice) if (cell !== undefined) startActivity(cell, id, true)
    }
  })

  const guarded = <A>(loop: Effect.Effect<A, OwnerError>) =>
    Effect.forkScoped(
      Effect.catchCause(loop, (cause) =>
        Effect.sync(() => void Deferred.doneUnsafe(failed, Effect.failCause(cause))),
      ),
    )

  yield* guarded(appendLoop)
  yield* guarded(loadLoop)
  yield* guarded(letterLoop)
  const pending = partition.goLive()
  const reading = yield* guarded(Effect.scoped(readLoop))
  const timing_ = yield* guarded(timerLoop)
  const checkpointing = yield* guarded(checkpointLoop)
  yield* guarded(restart(pending))
  options.live(partition)

  yield* Effect.raceFirst(Deferred.await(failed), options.drain)
  // Hand over: nothing new comes in, what was taken is committed, and the successor starts from here.
  for (const fiber of [reading, timing_, checkpointing]) yield* Fiber.interrupt(fiber)
  yield* FiberMap.clear(activities)
  if (partition.quiescing) partition.resume()
  const settled = Effect.gen(function* () {
    while (partition.progress.inFlight > 0 || partition.stagedCount > 0 || appending) {
      room.closeUnsafe()
      yield* room.await
    }
    // Without it the successor has a longer tail, no more.
    if (partition.caughtUp) {
      yield* Effect.catchTag(
        options.checkpointing.withPermit(checkpoint(true)),
        "Unavailable",
        () => Effect.void,
      )
    }
  })
  yield* Effect.raceFirst(Deferred.await(failed), settled)
})
