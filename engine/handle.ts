/**
 * One input to one actor becomes one journal entry. Pure but for the cell it advances; everything that can throw is
 * done before the cell is touched, so that a poison command leaves its actor as it was.
 */
import * as Address from "./address.ts"
import type { Cell } from "./cell.ts"
import type { Accepted, Caller, DecideContext, Decision, Outcome } from "./decision.ts"
import type { TaggedBody } from "./define.ts"
import * as DeterministicRandom from "./deterministic-random.ts"
import type { Envelope, ReplyTo } from "./envelope.ts"
import type { EngineErrorCode } from "./errors.ts"
import type { Limits } from "./limits.ts"
import type { ActivitySet, Answer, Cause, Entry, Position, SentCommand, TimerSet } from "./record.ts"
import { dueAt, nextCron, splitTimerKey, timerKey } from "./timer-queue.ts"
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

/** Thrown while deciding; becomes the answer and the reason of the dead letter. */
class Failure extends Error {
  readonly code: EngineErrorCode
  constructor(code: EngineErrorCode, detail: string) {
    super(detail)
    this.code = code
  }
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

/** What is left of a cause that no record can hold. */
const shortened = (cause: Cause): Cause => {
  const detail = "left out: larger than entryBytesMax"
  switch (cause.t) {
    case "command":
      return { ...cause, body: { _tag: cause.body._tag } }
    case "timer":
      return { ...cause, payload: detail }
    case "settled":
      return { ...cause, outcome: { _tag: "Failure", code: "RecordTooLarge", detail } }
    case "progress":
      return { ...cause, value: detail }
    case "malformed":
      return { ...cause, raw: detail }
  }
}

/** Refused, not dead: the same key may be tried again. */
const overloaded = (
  cell: Cell<Input>,
  cause: Cause & { t: "command" },
  now: number,
  limits: Limits,
): Entry => {
  const detail = `${cell.id} remembers idempotencyYoungMax (${limits.idempotencyYoungMax}) keys of the last ${limits.idempotencyMinimumMs} ms`
  const answer: Answer = { failed: { code: "Overloaded", detail } }
  return {
    to: cell.id,
    now,
    cause,
    version: cell.kind.protocol.version,
    ...(cause.replyTo === undefined ? {} : { answers: [{ to: cause.replyTo, answer }] }),
  }
}

const evolved = (cell: Cell<Input>, decision: AnyDecision): unknown => {
  let state = cell.state
  if (decision._tag === "Refused") return state
  for (const event of decision.events ?? []) state = cell.kind.evolve[event._tag]!(state, event as never)
  return state
}

const textOf = (entry: Entry): Handled => ({ entry, text: JSON.stringify(entry) })

/** A read or a refusal leaves nothing that a snapshot would have to hold. */
export const changes = (entry: Entry): boolean =>
  entry.cause.t !== "command" ||
  entry.events !== undefined ||
  entry.remember !== undefined ||
  entry.setTimers !== undefined ||
  entry.clearTimers !== undefined ||
  entry.start !== undefined ||
  entry.cancel !== undefined

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

type AnyDecision = Decision<{ readonly _tag: string }, unknown, { readonly _tag: string }>

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

const entryOf = (
  cell: Cell<Input>,
  cause: Cause,
  decision: AnyDecision,
  now: number,
  limits: Limits,
): Entry => {
  const { kind } = cell
  const base = { to: cell.id, now, cause, version: kind.protocol.version }
  if (decision._tag === "Refused") {
    const codec = kind.protocol.codec.rejection[decision.rejection._tag]
    if (codec === undefined)
      throw new Failure("ActorFailed", `undeclared rejection "${decision.rejection._tag}"`)
    return {
      ...base,
      ...answered(cause, { rejected: codec.encode(decision.rejection) }),
      ...timerDone(cell, cause, now),
    }
  }
  const tag = cause.t === "command" ? cause.body._tag : ""
  const events = decision.events?.map((event) => encodeEvent(cell, event))
  const send = decision.send?.map((out): SentCommand => {
    const to = { tenant: out.tenant ?? cell.address.tenant, kind: out.kind, key: out.key }
    if (!Address.isAddress(to)) throw new Failure("MalformedAddress", `sends to ${Address.format(to)}`)
    return { to: Address.format(to), version: out.version, body: out.body }
  })
  const silent = decision.reply === undefined && kind.protocol.answersLater.has(tag)
  const own = silent ? pendingKey(cause) : answered(cause, { ok: encodeReply(cell, tag, decision.reply) })
  const later = (decision.answers ?? []).flatMap(({ caller, reply }) =>
    laterAnswers(cell, caller, { ok: reply }),
  )
  const changes = changesOf(cell, cause, decision, now, limits)
  return {
    ...base,
    ...(events === undefined || events.length === 0 ? {} : { events }),
    ...(send === undefined || send.length === 0 ? {} : { send }),
    ...own,
    ...(later.length === 0
      ? {}
      : {
          answers: [...(own.answers ?? []), ...later.map(({ to, answer }) => ({ to, answer }))],
          remember: [
            ...(own.remember ?? []),
            ...later.flatMap(({ key, answer }) => (key === undefined ? [] : [{ key, answer }])),
          ],
        }),
    ...changes,
  }
}

const encodeReply = (cell: Cell<Input>, tag: string, reply: unknown): unknown => {
  const codec = cell.kind.protocol.codec.reply[tag]
  if (codec === undefined || reply === undefined) return null
  return codec.encode(reply)
}

const encodeEvent = (cell: Cell<Input>, event: { readonly _tag: string }): { readonly _tag: string } => {
  const codec = cell.kind.codec.event[event._tag]
  if (codec === undefined) throw new Failure("ActorFailed", `undeclared event "${event._tag}"`)
  return codec.encode(event) as { readonly _tag: string }
}

interface Answered {
  readonly answers?: ReadonlyArray<{ readonly to: ReplyTo; readonly answer: Answer }>
  readonly remember?: ReadonlyArray<{ readonly key: string; readonly answer?: Answer }>
}

const answered = (cause: Cause, answer: Answer): Answered =>
  cause.t !== "command"
    ? {}
    : {
        ...(cause.replyTo === undefined ? {} : { answers: [{ to: cause.replyTo, answer }] }),
        ...(cause.key === undefined ? {} : { remember: [{ key: cause.key, answer }] }),
      }

const pendingKey = (cause: Cause): Answered =>
  cause.t === "command" && cause.key !== undefined ? { remember: [{ key: cause.key }] } : {}

/** Whoever asked with the same key meanwhile gets the answer too. */
const laterAnswers = (cell: Cell<Input>, caller: Caller, answer: Answer) => {
  const { key, ...to } = caller
  const waiting = key === undefined ? [] : (cell.remembered.get(key)?.waiting ?? [])
  return [{ to, answer, key }, ...waiting.map((other) => ({ to: other, answer, key: undefined }))]
}

const repeat = (cell: Cell<Input>, cause: Cause & { t: "command" }, key: string, now: number): Entry => {
  const remembered = cell.remembered.get(key)!
  const base = { to: cell.id, now, cause, version: cell.kind.protocol.version }
  if (cause.replyTo === undefined) return base
  if (remembered.answer !== undefined) {
    return { ...base, answers: [{ to: cause.replyTo, answer: remembered.answer }] }
  }
  cell.remembered.set(key, { ...remembered, waiting: [...remembered.waiting, cause.replyTo].slice(-64) })
  return base
}

/** A fired timer is over; a cron timer is set for its next moment. Missed moments are not made up for. */
const timerDone = (
  cell: Cell<Input>,
  cause: Cause,
  now: number,
): Pick<Entry, "setTimers" | "clearTimers"> => {
  if (cause.t !== "timer") return {}
  const timer = cell.timers.get(cause.key)
  const next =
    timer?.cron === undefined ? undefined : nextCron(timer.cron, timer.zone, Math.max(now, cause.dueAt))
  if (timer === undefined || next === undefined) return { clearTimers: [cause.key] }
  const { trace: _trace, ...set } = timer
  return { clearTimers: [cause.key], setTimers: [{ ...set, at: next }] }
}

type Changes = Pick<Entry, "setTimers" | "clearTimers" | "start" | "cancel">

const changesOf = (
  cell: Cell<Input>,
  cause: Cause,
  decision: Accepted<unknown, unknown>,
  now: number,
  limits: Limits,
): Changes => {
  const done = timerDone(cell, cause, now)
  const clearTimers = [
    ...(done.clearTimers ?? []),
    ...(decision.clearTimers ?? []).map(({ timer, id }) => timerKey(timer, id)),
  ]
  const cleared = new Set(clearTimers.slice(done.clearTimers?.length ?? 0))
  const setTimers: Array<TimerSet> = (done.setTimers ?? []).filter(({ key }) => !cleared.has(key))
  for (const { timer, id, due, payload } of decision.setTimers ?? []) {
    const at = dueAt(due, now)
    if (at === undefined || !Number.isFinite(at)) {
      throw new Failure("ActorFailed", `timer "${timer}" is never due: ${JSON.stringify(due)}`)
    }
    const cron =
      "cron" in due ? { cron: due.cron, ...(due.zone === undefined ? {} : { zone: due.zone }) } : {}
    setTimers.push({ key: timerKey(timer, id), at, ...cron, ...(payload === undefined ? {} : { payload }) })
  }
  if (setTimers.length > 0 && cell.timers.size + setTimers.length > limits.actorTimersMax) {
    throw new Failure("TooManyTimers", `${cell.id} would exceed actorTimersMax (${limits.actorTimersMax})`)
  }
  const start = (decision.start ?? []).map((wanted): ActivitySet => {
    const codec = cell.kind.codec.activity[wanted.activity]
    if (codec === undefined) throw new Failure("ActorFailed", `undeclared activity "${wanted.activity}"`)
    return {
      activity: wanted.activity,
      id: wanted.id ?? wanted.activity,
      input: codec.input.encode(wanted.input),
    }
  })
  if (start.length > 0 && cell.activities.size + start.length > limits.actorActivitiesMax) {
    throw new Failure(
      "TooManyTimers",
      `${cell.id} would exceed actorActivitiesMax (${limits.actorActivitiesMax})`,
    )
  }
  const cancel = [...(cause.t === "settled" ? [cause.id] : []), ...(decision.cancel ?? [])]
  return {
    ...(setTimers.length === 0 ? {} : { setTimers }),
    ...(clearTimers.length === 0 ? {} : { clearTimers }),
    ...(start.length === 0 ? {} : { start }),
    ...(cancel.length === 0 ? {} : { cancel }),
  }
}

const deadEntry = (cell: Cell<Input>, cause: Cause, thrown: unknown, now: number): Entry => {
  const code = thrown instanceof Failure ? thrown.code : "ActorFailed"
  const detail = messageOf(thrown).slice(0, 2_000)
  return {
    to: cell.id,
    now,
    cause,
    version: cell.kind.protocol.version,
    ...answered(cause, { failed: { code, detail } }),
    ...timerDone(cell, cause, now),
    ...(cause.t === "settled" ? { cancel: [cause.id] } : {}),
    dead: { code, detail },
  }
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
