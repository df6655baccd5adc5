/**
 * The state of one owned partition and its transitions, without any waiting: commands are delivered, actors decide,
 * entries are staged, records are taken for the journal, and only `committed` lets anything out. The owner's fibers
 * drive it; when an append is lost the whole value is dropped.
 */
import * as Address from "./address.ts"
import { Cell } from "./cell.ts"
import type { Checkpoint } from "./checkpoint.ts"
import type { AnyKind } from "./define.ts"
import { changes } from "./entry.ts"
import { decodeBatch, type Envelope, type ReplyTo } from "./envelope.ts"
import { type Handled, handle, type Input } from "./handle.ts"
import type { Limits } from "./limits.ts"
import type { LogMessage } from "./log.ts"
import { MailboxProgress } from "./mailbox-progress.ts"
import { Outbox } from "./outbox.ts"
import * as Record from "./record.ts"
import { SenderMarks } from "./sender-marks.ts"
import { TimerQueue } from "./timer-queue.ts"
import * as TraceContext from "./trace-context.ts"

/** What a partition lets out once it is committed. */
export interface Outlet {
  readonly forward: (
    to: string,
    source: string,
    mark: readonly [number, number],
    rest: string,
    done: () => void,
  ) => void
  readonly answer: (to: ReplyTo, answer: Record.Answer) => void
  readonly bury: (id: string, letter: string, done: () => void) => void
  readonly startActivity: (cell: Cell<Input>, id: string) => void
  readonly cancelActivity: (cell: string, id: string) => void
  readonly signal: (topic: string, body: unknown) => void
  /** All answers of a record were given: send them. */
  readonly flush: () => void
  /** Something is there to append, to load or to time. */
  readonly wake: () => void
}

interface Staged extends Handled {
  readonly done: (() => void) | undefined
}

/** From whom a command came. */
type Sent = Pick<Envelope, "source" | "mark">

export interface TakenRecord {
  readonly id: string
  readonly data: Uint8Array
  readonly entries: ReadonlyArray<Staged>
}

const activityKey = (address: string, id: string): string => `${address}\n${id}`

export class Partition {
  readonly cells = new Map<string, Cell<Input>>()
  /** Cells whose snapshot has to be read before they can go on. */
  readonly cold = new Set<Cell<Input>>()
  readonly progress: MailboxProgress
  readonly outbox: Outbox
  readonly timers = new TimerQueue()
  /** Cells whose state is to be captured for the checkpoint under way, before it changes again. */
  readonly toCapture = new Set<Cell<Input>>()
  journalSequence: number
  entriesSinceCheckpoint = 0
  messagesSinceCheckpoint = 0
  /** Why nothing can be appended at the moment; commands wait. */
  stalled: string | undefined
  /** While set, inputs wait in their cells: a checkpoint wants all that was decided to be committed. */
  quiescing = false
  stats = { handled: 0, records: 0, repeated: 0, dead: 0 }

  private readonly activities = new Map<string, readonly [address: string, id: string]>()
  private readonly marks: SenderMarks
  private history: Array<readonly [sequence: number, at: number]>
  private staged: Array<Staged> = []
  private recordSerial = 0
  /** From recovery: what the journal already holds above the floor, and what the checkpoint knew to be open. */
  private readonly done = new Map<number, Map<number, Sent | undefined>>()
  private reading = false
  private readonly restoredRead: number
  /** Mailbox sequence up to which the journal's tail already tells what happened. */
  private restoredDone = 0
  private readonly restoredOpen: ReadonlyMap<number, ReadonlySet<number>>
  private live = false

  readonly partition: number
  readonly owner: string
  private readonly kinds: ReadonlyMap<string, AnyKind>
  private readonly limits: Limits
  private readonly outlet: Outlet
  private readonly now: () => number
  private readonly captured: (cell: Cell<Input>) => void

  constructor(options: {
    readonly partition: number
    readonly owner: string
    readonly kinds: ReadonlyMap<string, AnyKind>
    readonly limits: Limits
    readonly outlet: Outlet
    readonly now: () => number
    readonly checkpoint: Checkpoint
    /** Called just before a cell in `toCapture` changes. */
    readonly captured: (cell: Cell<Input>) => void
  }) {
    const { checkpoint } = options
    this.partition = options.partition
    this.owner = options.owner
    this.kinds = options.kinds
    this.limits = options.limits
    this.outlet = options.outlet
    this.now = options.now
    this.captured = options.captured
    this.journalSequence = checkpoint.journal
    this.progress = new MailboxProgress(checkpoint.progress.floor)
    this.marks = new SenderMarks(options.limits.senderMarksMax, checkpoint.marks)
    this.outbox = new Outbox(Math.min(checkpoint.outbox, checkpoint.journal))
    this.history = [...checkpoint.history]
    this.restoredRead = checkpoint.progress.read
    this.restoredOpen = new Map(
      checkpoint.progress.pending.map(([sequence, open]) => [sequence, new Set(open)]),
    )
    for (const [address, key, at] of checkpoint.timers) this.timers.set({ address, key, at })
    for (const [address, id] of checkpoint.activities)
      this.activities.set(activityKey(address, id), [address, id])
  }

  /** Entries decided and not yet taken for a record. */
  get stagedCount(): number {
    return this.staged.length
  }

  /**
   * The mailbox is read again as far as it was known before. Until then what is done above the floor stands in the
   * journal's tail only, and a checkpoint, which ends the tail, would forget it.
   */
  get caughtUp(): boolean {
    return this.progress.readPosition >= Math.max(this.restoredRead, this.restoredDone)
  }

  /** Recovery is over: from now on commits start activities. Answers what was pending. */
  goLive(): ReadonlyArray<readonly [address: string, id: string]> {
    this.live = true
    return [...this.activities.values()]
  }

  /** Takes one mailbox message, in sequence order. */
  deliver(message: LogMessage): void {
    const { sequence } = message
    this.messagesSinceCheckpoint += 1
    if (!this.reading) this.startReading(sequence)
    const done = this.done.get(sequence)
    this.done.delete(sequence)
    const wanted: Array<number> = []
    const elements = decodeBatch(message.data, this.limits.batchBytesMax)
    for (let index = 0; index < elements.length; index++) {
      const element = elements[index]!
      if (sequence <= this.restoredRead) {
        if (this.restoredOpen.get(sequence)?.has(index) !== true) continue
      } else if (
        element._tag === "Envelope" &&
        !this.marks.accept(element.envelope.source, element.envelope.mark)
      ) {
        this.stats.repeated += 1
        continue
      }
      if (done?.has(index) !== true) wanted.push(index)
    }
    this.progress.read(sequence, wanted)
    for (const index of wanted) {
      const element = elements[index]!
      const at = [sequence, index] as const
      if (element._tag === "Malformed") this.stageMalformed(at, element.raw, element.detail)
      else this.deliverEnvelope(at, element.envelope)
    }
  }

  /**
   * What is done and no longer in the mailbox will not be read again: its marks come from the journal. That is so when
   * a lost checkpoint is rebuilt; all partitions then send again what they ever sent.
   */
  private startReading(first: number): void {
    this.reading = true
    for (const [sequence, positions] of this.done) {
      if (sequence >= first) continue
      for (const sent of positions.values()) if (sent !== undefined) this.marks.accept(sent.source, sent.mark)
      this.done.delete(sequence)
    }
  }

  /** Hands an input to an actor, which handles it now if it is in memory and idle. */
  enqueue(id: string, input: Input): void {
    const cell = this.cellOf(id)
    if (cell === undefined) return
    cell.queue.push(input)
    if (!cell.loaded) {
      this.cold.add(cell)
      this.outlet.wake()
    } else if (!this.quiescing) this.run(cell)
  }

  /** The actor in memory, made when it is not there; undefined for a kind that this node does not know. */
  cellOf(id: string): Cell<Input> | undefined {
    const existing = this.cells.get(id)
    if (existing !== undefined) return existing
    const kind = this.kinds.get(Address.kindOf(id))
    const address = Address.parse(id)
    if (kind === undefined || address === undefined) return undefined
    const cell = new Cell<Input>(id, address, kind)
    this.cells.set(id, cell)
    return cell
  }

  /** Handles all that waits for a cell. */
  run(cell: Cell<Input>): void {
    if (cell.queue.length === 0) return
    if (this.toCapture.delete(cell)) this.captured(cell)
    const inputs = cell.queue
    cell.queue = []
    const now = this.now()
    cell.usedAt = now
    for (const input of inputs) {
      const handled = handle(cell, input, now, this.limits)
      if (handled === undefined) {
        if (input.t === "progress") input.done()
        continue
      }
      this.stage(handled, input.t === "progress" ? input.done : undefined)
    }
  }

  /** Ends a quiescent phase: everything that has gathered in the cells is handled. */
  resume(): void {
    this.quiescing = false
    for (const cell of this.cells.values()) if (cell.loaded) this.run(cell)
  }

  /** Joins staged entries into the next record; undefined when there are none. One record is on its way at a time. */
  takeRecord(): TakenRecord | undefined {
    if (this.staged.length === 0) return undefined
    let bytes = 0
    let count = 0
    while (count < this.staged.length) {
      bytes += Buffer.byteLength(this.staged[count]!.text) + 1
      if (count > 0 && bytes > this.limits.batchBytesMax - 1_024) break
      count += 1
    }
    const entries = count === this.staged.length ? this.staged : this.staged.slice(0, count)
    this.staged = count === this.staged.length ? [] : this.staged.slice(count)
    const head: Record.RecordHead = {
      v: Record.formatVersion,
      id: `${this.owner}-${++this.recordSerial}`,
      owner: this.owner,
      prev: this.journalSequence,
      at: this.now(),
    }
    return {
      id: head.id,
      data: Record.encode(
        head,
        entries.map(({ text }) => text),
      ),
      entries,
    }
  }

  /** The journal holds the record: now its consequences may leave. */
  committed(sequence: number, entries: ReadonlyArray<Staged>): void {
    this.journalSequence = sequence
    this.stalled = undefined
    this.stats.records += 1
    this.stats.handled += entries.length
    this.follow(
      sequence,
      entries.map(({ entry }) => entry),
      true,
    )
    for (const { done, signals } of entries) {
      done?.()
      for (const { topic, body } of signals ?? []) this.outlet.signal(topic, body)
    }
  }

  /** Replays a stored record into cells that are loaded. Records at or below the checkpoint only publish again. */
  replay(sequence: number, record: Record.JournalRecord, known: boolean): void {
    if (!known) {
      for (const entry of record.entries) this.replayEntry(sequence, entry)
      this.journalSequence = sequence
    }
    this.follow(sequence, record.entries, !known)
  }

  /** What a checkpoint at this moment says; call while quiescent. Marks every changed cell for capture. */
  capture(): Checkpoint {
    this.toCapture.clear()
    for (const cell of this.cells.values()) if (cell.dirty && cell.capturable) this.toCapture.add(cell)
    this.entriesSinceCheckpoint = 0
    this.messagesSinceCheckpoint = 0
    return {
      journal: this.journalSequence,
      progress: this.progress.snapshot(),
      marks: this.marks.toArray(),
      outbox: this.outbox.floor,
      timers: this.timers.values().map(({ address, key, at }) => [address, key, at] as const),
      activities: [...this.activities.values()],
      history: this.markedHistory(),
    }
  }

  /** The last record that retention no longer wants and that nothing needs any more; 0 when there is none. */
  static expired(checkpoint: Checkpoint, now: number, retentionMs: number): number {
    const old = checkpoint.history.findLast(([, at]) => at < now - retentionMs)
    return old === undefined ? 0 : Math.min(old[0], checkpoint.outbox, checkpoint.journal - 1)
  }

  /** Lets actors leave memory that have a snapshot of all they did and were not used for a while. */
  passivate(): number {
    const now = this.now()
    const excess = this.cells.size - this.limits.residentActorsMax
    const idle = [...this.cells.values()].filter(
      (cell) => cell.loaded && !cell.dirty && cell.queue.length === 0 && !this.toCapture.has(cell),
    )
    const old = idle.filter((cell) => cell.usedAt <= now - this.limits.passivateAfterMs)
    const leaving =
      excess > old.length ? idle.sort((left, right) => left.usedAt - right.usedAt).slice(0, excess) : old
    for (const cell of leaving) this.cells.delete(cell.id)
    return leaving.length
  }

  private markedHistory(): ReadonlyArray<readonly [sequence: number, at: number]> {
    const now = this.now()
    const kept = this.history.filter(([, at]) => at >= now - 2 * this.limits.journalRetentionMs)
    const last = kept.at(-1)
    if (last === undefined || last[1] <= now - this.limits.journalMarkEveryMs)
      kept.push([this.journalSequence, now])
    this.history = kept
    return kept
  }

  private deliverEnvelope(at: Record.Position, envelope: Envelope): void {
    if (this.kinds.has(Address.kindOf(envelope.to))) {
      this.enqueue(envelope.to, { t: "command", at, envelope })
      return
    }
    const detail = `this deployment has no actor kind "${Address.kindOf(envelope.to)}"`
    const { mark, source, ...rest } = envelope
    this.stageDead({
      to: envelope.to,
      now: this.now(),
      cause: { t: "command", at, source, mark, ...withoutTo(rest) },
      version: 0,
      ...(envelope.replyTo === undefined
        ? {}
        : { answers: [{ to: envelope.replyTo, answer: { failed: { code: "UnknownKind", detail } } }] }),
      dead: { code: "UnknownKind", detail },
    })
  }

  private stageMalformed(at: Record.Position, raw: unknown, detail: string): void {
    this.stageDead({
      to: "",
      now: this.now(),
      cause: { t: "malformed", at, raw },
      version: 0,
      dead: { code: "MalformedEnvelope", detail },
    })
  }

  private stageDead(entry: Record.Entry): void {
    this.stage({ entry, text: JSON.stringify(entry) }, undefined)
  }

  private stage(handled: Handled, done: (() => void) | undefined): void {
    this.staged.push({ ...handled, done })
    this.entriesSinceCheckpoint += 1
    if (this.staged.length === 1) this.outlet.wake()
  }

  private replayEntry(sequence: number, entry: Record.Entry): void {
    if (entry.cause.t === "command" || entry.cause.t === "malformed") {
      const [at, index] = entry.cause.at
      this.restoredDone = Math.max(this.restoredDone, at)
      const indexes = this.done.get(at) ?? new Map<number, Sent | undefined>()
      this.done.set(at, indexes.set(index, entry.cause.t === "command" ? entry.cause : undefined))
    }
    this.entriesSinceCheckpoint += 1
    if (entry.cause.t === "malformed" || entry.dead?.code === "UnknownKind") return
    const cell = this.cellOf(entry.to)
    if (cell === undefined || sequence <= cell.snapshotSequence) return
    cell.replayEvents(entry, sequence)
    cell.applyChanges(entry, entry.cause.trace, this.limits)
    if (changes(entry)) cell.changes += 1
  }

  /** Lets out what follows from a stored record. `fresh` is false for records that a checkpoint already covers. */
  private follow(sequence: number, entries: ReadonlyArray<Record.Entry>, fresh: boolean): void {
    let messages = 0
    for (const entry of entries) messages += (entry.send?.length ?? 0) + (entry.dead === undefined ? 0 : 1)
    this.outbox.committed(sequence, messages)
    const stored = () => {
      this.outbox.stored(sequence)
      this.outlet.wake()
    }
    let message = 0
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index]!
      const { cause } = entry
      const traceId = cause.t === "malformed" ? "" : cause.trace.slice(3, 35)
      const trace = `00-${traceId}-${TraceContext.spanIdOf(this.partition, sequence, index)}-01`
      for (const { to, answer } of entry.answers ?? []) this.outlet.answer(to, answer)
      for (const sent of entry.send ?? []) {
        const mark = [sequence, message] as const
        const envelope = {
          id: `${this.partition}-${sequence}-${message}`,
          ...sent,
          trace,
          from: entry.to,
          ...(cause.t === "command" && cause.principal !== undefined ? { principal: cause.principal } : {}),
        }
        message += 1
        this.outlet.forward(sent.to, `p:${this.partition}`, mark, JSON.stringify(envelope).slice(1), stored)
      }
      if (entry.dead !== undefined) {
        const id = `${this.partition}-${sequence}-${message++}`
        this.stats.dead += 1
        this.outlet.bury(
          id,
          JSON.stringify({ id, partition: this.partition, sequence, index, entry }),
          stored,
        )
      }
      if (fresh) this.followChanges(entry, trace)
    }
    this.outlet.flush()
  }

  private followChanges(entry: Record.Entry, trace: string): void {
    const { cause } = entry
    if (cause.t === "command" || cause.t === "malformed") this.progress.commit(cause.at)
    for (const key of entry.clearTimers ?? []) this.timers.clear(entry.to, key)
    for (const { key, at } of entry.setTimers ?? []) {
      this.timers.set({ address: entry.to, key, at })
      this.outlet.wake()
    }
    for (const id of entry.cancel ?? []) {
      this.activities.delete(activityKey(entry.to, id))
      if (this.live) this.outlet.cancelActivity(entry.to, id)
    }
    if (entry.setTimers === undefined && entry.start === undefined) return
    const cell = this.cells.get(entry.to)
    cell?.retrace(entry, trace)
    for (const { id } of entry.start ?? []) {
      this.activities.set(activityKey(entry.to, id), [entry.to, id])
      if (this.live && cell !== undefined) this.outlet.startActivity(cell, id)
    }
  }
}

const withoutTo = ({ replyTo, idempotencyKey, to: _to, ...rest }: Omit<Envelope, "mark" | "source">) => ({
  ...rest,
  ...(replyTo === undefined ? {} : { replyTo }),
  ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
})
