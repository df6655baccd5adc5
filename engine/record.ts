/**
 * The journal's format: one record per commit, holding what a partition decided since the last one. JSON under a
 * CRC-32, chained by the sequence of the record before it. A change here changes stored data.
 */
import { crc32 } from "node:zlib"
import type { Outcome } from "./decision.ts"
import type { Mark, ReplyTo } from "./envelope.ts"

export const formatVersion = 1

/** Where a command stood in the mailbox: stream sequence of the batch, index within it. */
export type Position = readonly [sequence: number, index: number]

/** What an entry answers: to a command in the mailbox, a timer, or an activity. */
export type Cause =
  | {
      readonly t: "command"
      readonly at: Position
      readonly id: string
      readonly version: number
      readonly body: { readonly _tag: string }
      readonly source: string
      readonly mark: Mark
      readonly trace: string
      readonly from?: string
      readonly principal?: string
      readonly key?: string
      readonly replyTo?: ReplyTo
    }
  | {
      readonly t: "timer"
      readonly key: string
      readonly dueAt: number
      readonly payload?: unknown
      readonly trace: string
    }
  | {
      readonly t: "settled"
      readonly activity: string
      readonly id: string
      readonly outcome: Outcome<unknown>
      readonly trace: string
    }
  | {
      readonly t: "progress"
      readonly activity: string
      readonly id: string
      readonly value: unknown
      readonly trace: string
    }
  /** An element of a mailbox message that no actor could be given. */
  | { readonly t: "malformed"; readonly at: Position; readonly raw: unknown }

export interface TimerSet {
  /** `timer` or `timer:id`. */
  readonly key: string
  readonly at: number
  readonly cron?: string
  readonly zone?: string
  readonly payload?: unknown
}

export interface ActivitySet {
  readonly activity: string
  readonly id: string
  /** Encoded. */
  readonly input: unknown
}

export interface SentCommand {
  readonly to: string
  readonly version: number
  readonly body: unknown
}

/** The answer to an ask, in exactly one of three forms. */
export type Answer =
  | { readonly ok: unknown }
  | { readonly rejected: unknown }
  | { readonly failed: { readonly code: string; readonly detail: string } }

export interface Entry {
  /** Formatted address; empty for a malformed element. */
  readonly to: string
  /** When it was decided, milliseconds since the epoch. */
  readonly now: number
  readonly cause: Cause
  /** Version of the kind that decided. */
  readonly version: number
  /** Encoded events, with their `_tag`. */
  readonly events?: ReadonlyArray<{ readonly _tag: string }>
  readonly send?: ReadonlyArray<SentCommand>
  readonly answers?: ReadonlyArray<{ readonly to: ReplyTo; readonly answer: Answer }>
  /** Answers to remember under idempotency keys. */
  readonly remember?: ReadonlyArray<{ readonly key: string; readonly answer?: Answer }>
  readonly setTimers?: ReadonlyArray<TimerSet>
  readonly clearTimers?: ReadonlyArray<string>
  readonly start?: ReadonlyArray<ActivitySet>
  readonly cancel?: ReadonlyArray<string>
  /** Why the cause went to the dead letters instead of an actor's state. */
  readonly dead?: { readonly code: string; readonly detail: string }
}

export interface RecordHead {
  readonly v: number
  /** Unique per append attempt, so that an owner recognises its own record after an unclear outcome. */
  readonly id: string
  readonly owner: string
  /** Sequence of the partition's record before this one; 0 for the first. */
  readonly prev: number
  /** When it was offered to the journal, milliseconds since the epoch. */
  readonly at: number
}

export interface JournalRecord extends RecordHead {
  readonly entries: ReadonlyArray<Entry>
}

const crcBytes = 8
const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

/** Eight hex digits of CRC-32, a newline, then the JSON. `entries` are already JSON text. */
export const encode = (head: RecordHead, entries: ReadonlyArray<string>): Uint8Array => {
  const json = `${JSON.stringify(head).slice(0, -1)},"entries":[${entries.join(",")}]}`
  const body = encoder.encode(`00000000\n${json}`)
  encoder.encodeInto(sumOf(body.subarray(crcBytes + 1)), body)
  return body
}

const sumOf = (body: Uint8Array): string => crc32(body).toString(16).padStart(crcBytes, "0")

/** Reads a record, or says why it cannot be one. */
export const decode = (data: Uint8Array): JournalRecord | { readonly corrupt: string } => {
  try {
    const body = data.subarray(crcBytes + 1)
    const sum = decoder.decode(data.subarray(0, crcBytes + 1))
    if (sum !== `${sumOf(body)}\n`) return { corrupt: "the checksum does not match" }
    const record = JSON.parse(decoder.decode(body)) as JournalRecord
    if (record.v !== formatVersion)
      return { corrupt: `format version ${record.v}, this node reads ${formatVersion}` }
    if (!Array.isArray(record.entries) || typeof record.prev !== "number")
      return { corrupt: "not a journal record" }
    return record
  } catch (cause) {
    return { corrupt: String(cause) }
  }
}
