/**
 * One input to one actor becomes one journal entry. Pure but for the cell it advances; everything that can throw is
 * done before the cell is touched, so that a poison command leaves its actor as it was.
 */
import * as Address from "./address.ts"
import type { Cell } from "./cell.ts"
import type { DecideContext, Outcome } from "./decision.ts"
import type { TaggedBody } from "./define.ts"
import * as DeterministicRandom from "./deterministic-random.ts"
import {
  type AnyDecision,
  changes,
  deadEntry,
  entryOf,
  Failure,
  messageOf,
  overloaded,
  repeat,
  shortened,
} from "./entry.ts"
import type { Envelope } from "./envelope.ts"
import type { Limits } from "./limits.ts"
import type { Cause, Entry, Position } from "./record.ts"
import { splitTimerKey } from "./timer-queue.ts"
import * as TraceContext from "./trace-context.ts"

export type Input =
  | { readonly t: "command"; readonly at: Position; readonly envelope: Envelope }
  | { readonly t: "timer"; readonly key: string; readonly dueAt: number }
  | {
      readonly t: "settled"
      readonly id: string
      /** Trace of the entry that started the run: tells it from a later run of the same id. */
      readonly startedBy: string
      readonly outcome: Outcome<unknown>
    }
  | {
      readonly t: "progress"
      readonly id: string
      readonly startedBy: string
      readonly value: unknown
      /** Called once the report is in the journal, or will never be. */
      readonly done: () => void
    }

export interface Handled {
  readonly entry: Entry
  readonly text: string
  /** Not journaled: told to listeners when the entry is committed. */
  readonly signals?: ReadonlyArray<{ readonly topic: string; readonly body: unknown }>
}

/** Undefined when the input is void by now: a cleared timer, an activity that was cancelled. */
export const handle = (cell: Cell<Input>, input: Input, now: number, limits: Limits): Handled | undefined => {
  const cause = causeOf(cell, input)
  if (cause === undefined) return undefined
  if (cause.t === "command" && cause.key !== undefined && cell.remembered.has(cause.key)) {
    return textOf(repeat(cell, cause, cause.key, now))
  }
  if (cause.t === "command" && cause.key !== undefined && cell.remembersTooMany(limits)) {
    return textOf(overloaded(cell, cause, now, limits))
  }
  try {
    if (cell.failure !== undefined) throw new Failure("ActorFailed", cell.failure)
    const decision = decide(cell, cause, now)
    const entry = entryOf(cell, cause, decision, now, limits)
    const handled = textOf(entry)
    if (tooLarge(handled, limits)) {
      throw new Failure(
        "RecordTooLarge",
        `what ${cell.id} decided exceeds entryBytesMax (${limits.entryBytesMax} bytes)`,
      )
    }
    cell.state = evolved(cell, decision)
    advance(cell, entry, limits)
    return decision._tag === "Accepted" && decision.signal !== undefined
      ? { ...handled, signals: decision.signal }
      : handled
  } catch (thrown) {
    const dead = deadEntry(cell, cause, thrown, now)
    advance(cell, dead, limits)
    const handled = textOf(dead)
    return tooLarge(handled, limits) ? textOf({ ...dead, cause: shortened(cause) }) : handled
  }
}

const tooLarge = ({ text }: Handled, { entryBytesMax }: Limits): boolean =>
  text.length > entryBytesMax || (text.length * 3 > entryBytesMax && Buffer.byteLength(text) > entryBytesMax)

const evolved = (cell: Cell<Input>, decision: AnyDecision): unknown => {
  let state = cell.state
  if (decision._tag === "Refused") return state
  for (const event of decision.events ?? []) state = cell.kind.evolve[event._tag]!(state, event as never)
  return state
}

const textOf = (entry: Entry): Handled => ({ entry, text: JSON.stringify(entry) })

const advance = (cell: Cell<Input>, entry: Entry, limits: Limits): void => {
  const cause = entry.cause
  if (cause.t === "malformed") return
  cell.applyChanges(entry, cause.trace, limits)
  if (changes(entry)) cell.changes += 1
}

const causeOf = (cell: Cell<Input>, input: Input): Cause | undefined => {
  switch (input.t) {
    case "command": {
      const { envelope } = input
      return {
        t: "command",
        at: input.at,
        id: envelope.id,
        version: envelope.version,
        body: envelope.body,
        source: envelope.source,
        mark: envelope.mark,
        trace: envelope.trace,
        ...(envelope.from === undefined ? {} : { from: envelope.from }),
        ...(envelope.principal === undefined ? {} : { principal: envelope.principal }),
        ...(envelope.idempotencyKey === undefined ? {} : { key: envelope.idempotencyKey }),
        ...(envelope.replyTo === undefined ? {} : { replyTo: envelope.replyTo }),
      }
    }
    case "timer": {
      const timer = cell.timers.get(input.key)
      if (timer === undefined || timer.at !== input.dueAt) return undefined
      return {
        t: "timer",
        key: input.key,
        dueAt: input.dueAt,
        trace: timer.trace,
        ...(timer.payload === undefined ? {} : { payload: timer.payload }),
      }
    }
    default: {
      const running = cell.activities.get(input.id)
      if (running === undefined || running.trace !== input.startedBy) return undefined
      const common = { activity: running.activity, id: input.id, trace: running.trace }
      return input.t === "settled"
        ? { t: "settled", ...common, outcome: input.outcome }
        : { t: "progress", ...common, value: input.value }
    }
  }
}

const decide = (cell: Cell<Input>, cause: Cause, now: number): AnyDecision => {
  const { kind } = cell
  const name = kind.protocol.kind
  const context = contextOf(cell, cause, now)
  switch (cause.t) {
    case "command": {
      const command = decodeCommand(cell, cause.version, cause.body)
      return kind.decide[command._tag]!(cell.state, command as never, context) as AnyDecision
    }
    case "timer": {
      const { timer, id } = splitTimerKey(cause.key)
      const handler = kind.timers?.[timer]
      if (handler === undefined) throw new Failure("UnknownCommand", `kind "${name}" has no timer "${timer}"`)
      return handler(cell.state, { id, dueAt: cause.dueAt, payload: cause.payload }, context) as AnyDecision
    }
    case "settled": {
      const codec = kind.codec.activity[cause.activity]
      const handler = kind.settled?.[cause.activity]
      if (codec === undefined || handler === undefined) {
        throw new Failure("UnknownCommand", `kind "${name}" does not settle activity "${cause.activity}"`)
      }
      const outcome =
        cause.outcome._tag === "Success"
          ? { ...cause.outcome, output: codec.output.decode(cause.outcome.output), id: cause.id }
          : { ...cause.outcome, id: cause.id }
      return handler(cell.state, outcome as never, context) as AnyDecision
    }
    case "progress": {
      const codec = kind.codec.activity[cause.activity]
      const handler = kind.progressed?.[cause.activity]
      if (codec === undefined || handler === undefined) return { _tag: "Accepted" }
      const progress = { id: cause.id, value: codec.progress.decode(cause.value) }
      return handler(cell.state, progress as never, context) as AnyDecision
    }
    case "malformed":
      throw new Failure("MalformedEnvelope", "no actor can be given a malformed envelope")
  }
}

const decodeCommand = (
  cell: Cell<Input>,
  version: number,
  body: { readonly _tag: string },
): { readonly _tag: string } => {
  const { protocol, upcast } = cell.kind
  if (version > protocol.version || version < 1) {
    throw new Failure(
      "UnknownVersion",
      `"${body._tag}" has version ${version}; this node knows "${protocol.kind}" up to version ${protocol.version}`,
    )
  }
  const lift = version < protocol.version ? upcast?.command : undefined
  const current = lift === undefined ? body : lift(body as TaggedBody, version)
  const codec = Object.hasOwn(protocol.codec.command, current._tag)
    ? protocol.codec.command[current._tag]
    : undefined
  if (codec === undefined) {
    throw new Failure("UnknownCommand", `kind "${protocol.kind}" has no command "${current._tag}"`)
  }
  try {
    return codec.decode(current) as { readonly _tag: string }
  } catch (cause) {
    throw new Failure("MalformedCommand", `"${current._tag}": ${messageOf(cause)}`)
  }
}

const contextOf = (cell: Cell<Input>, cause: Cause, now: number): DecideContext => {
  let random: DeterministicRandom.DeterministicRandom | undefined
  const command = cause.t === "command" ? cause : undefined
  return {
    self: cell.address,
    now,
    get random() {
      random ??= DeterministicRandom.make(`${cell.id} ${now} ${seedOf(cause)}`)
      return random
    },
    caller:
      command?.replyTo === undefined
        ? undefined
        : { ...command.replyTo, ...(command.key === undefined ? {} : { key: command.key }) },
    sender: command?.from === undefined ? undefined : Address.parse(command.from),
    principal: command?.principal,
    traceId: cause.t === "malformed" ? "" : (TraceContext.parse(cause.trace)?.traceId ?? ""),
  }
}

const seedOf = (cause: Cause): string => {
  switch (cause.t) {
    case "command":
    case "malformed":
      return cause.at.join(".")
    case "timer":
      return `${cause.key} ${cause.dueAt}`
    default:
      return `${cause.t} ${cause.id}`
  }
}
