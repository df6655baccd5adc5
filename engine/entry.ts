/** What a decision looks like as a journal entry: answers, messages, timers and activities in their stored form. */
import * as Address from "./address.ts"
import type { Cell } from "./cell.ts"
import type { Accepted, Caller, Decision } from "./decision.ts"
import type { ReplyTo } from "./envelope.ts"
import type { EngineErrorCode } from "./errors.ts"
import type { Input } from "./handle.ts"
import type { Limits } from "./limits.ts"
import type { ActivitySet, Answer, Cause, Entry, SentCommand, TimerSet } from "./record.ts"
import { dueAt, nextCron, timerKey } from "./timer-queue.ts"

/** Thrown while deciding; becomes the answer and the reason of the dead letter. */
export class Failure extends Error {
  readonly code: EngineErrorCode
  constructor(code: EngineErrorCode, detail: string) {
    super(detail)
    this.code = code
  }
}

export type AnyDecision = Decision<{ readonly _tag: string }, unknown, { readonly _tag: string }>

/** A read or a refusal leaves nothing that a snapshot would have to hold. */
export const changes = (entry: Entry): boolean =>
  entry.cause.t !== "command" ||
  entry.events !== undefined ||
  entry.remember !== undefined ||
  entry.setTimers !== undefined ||
  entry.clearTimers !== undefined ||
  entry.start !== undefined ||
  entry.cancel !== undefined

export const entryOf = (
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

export const repeat = (
  cell: Cell<Input>,
  cause: Cause & { t: "command" },
  key: string,
  now: number,
): Entry => {
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

export const deadEntry = (cell: Cell<Input>, cause: Cause, thrown: unknown, now: number): Entry => {
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

export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)

/** What is left of a cause that no record can hold. */
export const shortened = (cause: Cause): Cause => {
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
export const overloaded = (
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
