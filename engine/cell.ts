/**
 * One actor in memory: its state after everything decided so far (committed or on its way), its pending timers and
 * activities, and the answers it remembers. A cell belongs to one partition; when an append fails the partition drops
 * all its cells, so nothing here is ever rolled back.
 */
import type { Address } from "./address.ts"
import type { AnyKind, TaggedBody } from "./define.ts"
import type { ReplyTo } from "./envelope.ts"
import type { Limits } from "./limits.ts"
import type { ActivitySet, Answer, Entry, TimerSet } from "./record.ts"
import * as SlicedSnapshot from "./sliced-snapshot.ts"

export interface CellTimer extends TimerSet {
  /** Trace of the command that set it. */
  readonly trace: string
}

export interface CellActivity extends ActivitySet {
  readonly trace: string
  /** How many of its progress reports are in the journal. */
  readonly progressed: number
}

/** An idempotency key: when it came, its answer once there is one, and who else asked with it meanwhile. */
export interface Remembered {
  readonly at: number
  readonly answer?: Answer
  readonly waiting: ReadonlyArray<ReplyTo>
}

interface StoredSnapshot {
  readonly v: number
  readonly version: number
  readonly sequence: number
  readonly state: unknown
  readonly timers: ReadonlyArray<CellTimer>
  readonly activities: ReadonlyArray<CellActivity>
  readonly remembered: ReadonlyArray<readonly [key: string, at: number, answer?: Answer]>
  readonly failure?: string
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const unfit = (cause: unknown): string => `its state does not fit its schema: ${String(cause)}`
const tooLarge = (bytes: number, bytesMax: number): string =>
  `its snapshot has ${bytes} bytes, more than snapshotBytesMax (${bytesMax})`

export class Cell<Input> {
  readonly id: string
  readonly address: Address
  readonly kind: AnyKind
  state: unknown
  readonly timers = new Map<string, CellTimer>()
  readonly activities = new Map<string, CellActivity>()
  readonly remembered = new Map<string, Remembered>()
  /** Inputs that wait for the actor, oldest first. */
  queue: Array<Input> = []
  loaded = false
  /** Revision of the stored snapshot, and the journal sequence up to which it tells. */
  snapshotRevision = 0
  snapshotSequence = 0
  /** Keys of the parts of a large stored snapshot. */
  snapshotParts: ReadonlyArray<string> = []
  /** Counts changes; a stored snapshot tells which of them it holds. */
  changes = 0
  storedChanges = 0
  /** Set when its events cannot be folded: commands are then refused and kept as dead letters. */
  failure: string | undefined
  /** A stored snapshot that this version cannot read: it is not written over while nothing follows it. */
  private unread: StoredSnapshot | "damaged" | undefined
  /** Something after the unread snapshot is in the journal, and a checkpoint will end its tail. */
  private missed = false
  usedAt = 0

  constructor(id: string, address: Address, kind: AnyKind) {
    this.id = id
    this.address = address
    this.kind = kind
    this.state = kind.initial(address.key)
  }

  get capturable(): boolean {
    return this.unread === undefined || (this.unread !== "damaged" && this.missed)
  }

  /**
   * Folds the events of a stored entry. When one of them cannot be folded the actor fails with the state before that
   * entry, and nothing is folded any more.
   */
  replayEvents(entry: Entry, sequence: number): void {
    if (this.failure !== undefined) {
      if (entry.dead === undefined) this.missed = true
      return
    }
    const before = this.state
    try {
      for (const event of entry.events ?? []) this.evolveStored(event, entry.version)
    } catch (cause) {
      this.state = before
      this.failure = `its events cannot be folded at journal sequence ${sequence}: ${String(cause)}`
    }
  }

  /** Applies a stored event; throws when the kind cannot read or fold it. */
  evolveStored(stored: { readonly _tag: string }, version: number): void {
    const { kind } = this
    const upcast = version < kind.protocol.version ? kind.upcast?.event : undefined
    const body = upcast === undefined ? stored : upcast(stored as TaggedBody, version)
    const codec = kind.codec.event[body._tag]
    if (codec === undefined)
      throw new Error(`event "${body._tag}" is unknown to kind "${kind.protocol.kind}"`)
    this.state = kind.evolve[body._tag]!(this.state, codec.decode(body) as never)
  }

  /** Applies what an entry says about timers, activities and remembered answers. `trace` is the entry's own hop. */
  applyChanges(entry: Entry, trace: string, limits: Limits): void {
    for (const key of entry.clearTimers ?? []) this.timers.delete(key)
    for (const timer of entry.setTimers ?? []) this.timers.set(timer.key, { ...timer, trace })
    for (const id of entry.cancel ?? []) this.activities.delete(id)
    for (const start of entry.start ?? []) this.activities.set(start.id, { ...start, trace, progressed: 0 })
    if (entry.cause.t === "progress") {
      const running = this.activities.get(entry.cause.id)
      if (running !== undefined) {
        this.activities.set(running.id, { ...running, progressed: running.progressed + 1 })
      }
    }
    for (const { key, answer } of entry.remember ?? []) {
      this.remembered.delete(key)
      this.remembered.set(key, { at: entry.now, waiting: [], ...(answer === undefined ? {} : { answer }) })
    }
    for (const [key, { at }] of this.remembered) {
      const age = entry.now - at
      const many = this.remembered.size > limits.idempotencyKeysMax && age > limits.idempotencyMinimumMs
      if (!many && age < limits.idempotencyRetentionMs) break
      this.remembered.delete(key)
    }
  }

  /** So many keys are young that none may be forgotten for a new one. */
  remembersTooMany(limits: Limits): boolean {
    return this.remembered.size >= limits.idempotencyYoungMax
  }

  /** Once the entry stands in the journal, what it started is traced as caused by it. */
  retrace(entry: Entry, trace: string): void {
    for (const { key } of entry.setTimers ?? []) {
      const timer = this.timers.get(key)
      if (timer !== undefined) this.timers.set(key, { ...timer, trace })
    }
    for (const { id } of entry.start ?? []) {
      const running = this.activities.get(id)
      if (running !== undefined) this.activities.set(id, { ...running, trace })
    }
  }

  /** Something is not in the stored snapshot. */
  get dirty(): boolean {
    return this.changes !== this.storedChanges
  }

  /** What a checkpoint keeps of the actor as it is now. A large state is held as it is, and encoded in slices later. */
  capture(sequence: number, bytesMax: number): Uint8Array | SlicedSnapshot.Encoding {
    const { state, failure, kind, changes } = this
    if (kind.codec.slices === undefined || this.unread !== undefined)
      return this.encodeSnapshot(sequence, bytesMax)
    const head = { v: 1, version: kind.protocol.version, ...this.pending(sequence) }
    const failed = failure === undefined ? {} : { failure }
    const fail = (why: string): string => {
      this.failure ??= why
      return this.failure
    }
    return SlicedSnapshot.encode(
      kind.codec.slices.encode(state),
      { ...head, ...failed },
      {
        bytesMax,
        unfit: (cause) => fail(unfit(cause)),
        large: (bytes) => {
          const why = fail(tooLarge(bytes, bytesMax))
          // What was taken since is folded still; the next snapshot has it, and says so.
          return this.changes === changes ? why : undefined
        },
      },
    )
  }

  /** Never throws: an actor whose state its own schema refuses fails, alone. */
  encodeSnapshot(sequence: number, bytesMax: number): Uint8Array {
    const { unread, kind } = this
    // An unread state is kept as it was: the failure beside it says that it is not the newest one.
    const held =
      unread === undefined || unread === "damaged"
        ? { version: kind.protocol.version, state: this.encodedState() }
        : { version: unread.version, state: unread.state }
    const stored: StoredSnapshot = {
      v: 1,
      ...held,
      ...this.pending(sequence),
      ...(this.failure === undefined ? {} : { failure: this.failure }),
    }
    const data = encoder.encode(JSON.stringify(stored))
    if (data.length > bytesMax && this.failure === undefined) {
      this.failure = tooLarge(data.length, bytesMax)
      return this.encodeSnapshot(sequence, bytesMax)
    }
    return data
  }

  private pending(sequence: number) {
    return {
      sequence,
      timers: [...this.timers.values()],
      activities: [...this.activities.values()],
      remembered: [...this.remembered].map(([key, { at, answer }]) =>
        answer === undefined ? ([key, at] as const) : ([key, at, answer] as const),
      ),
    }
  }

  private encodedState(): unknown {
    try {
      return this.kind.codec.state.encode(this.state)
    } catch (cause) {
      this.failure ??= unfit(cause)
      return null
    }
  }

  /** The same as `restore`, a slice at each step; nothing changes before its end, and then only a cell that is not loaded. */
  *restoreSlices(data: Uint8Array, revision: number): Generator<number, void> {
    const { codec, protocol } = this.kind
    const read =
      codec.slices && (yield* SlicedSnapshot.decode<StoredSnapshot>(codec.slices, data, protocol.version))
    if (this.loaded) return
    if (read === undefined) return this.restore(data, revision)
    this.snapshotRevision = revision
    this.takePending(read.head)
    this.state = read.state
  }

  private takePending(stored: StoredSnapshot): void {
    this.snapshotSequence = stored.sequence
    this.failure = stored.failure
    for (const timer of stored.timers) this.timers.set(timer.key, timer)
    for (const running of stored.activities) this.activities.set(running.id, running)
    for (const [key, at, answer] of stored.remembered) {
      this.remembered.set(key, { at, waiting: [], ...(answer === undefined ? {} : { answer }) })
    }
  }

  /** Takes over a stored snapshot. One that the kind cannot read makes the actor fail, and is left as it is. */
  restore(data: Uint8Array, revision: number): void {
    const { kind } = this
    this.snapshotRevision = revision
    let stored: StoredSnapshot
    try {
      stored = JSON.parse(decoder.decode(data)) as StoredSnapshot
    } catch (cause) {
      this.unread = "damaged"
      this.failure = `its snapshot is damaged: ${String(cause)}`
      return
    }
    this.takePending(stored)
    try {
      const upcast = stored.version < kind.protocol.version ? kind.upcast?.state : undefined
      this.state = kind.codec.state.decode(
        upcast === undefined ? stored.state : upcast(stored.state, stored.version),
      )
    } catch (cause) {
      this.unread = stored
      this.failure ??= `its snapshot at journal sequence ${stored.sequence} cannot be read: ${String(cause)}`
    }
  }
}
