/**
 * Reports changes of a task to receivers elsewhere, in order for each: one delivery at a time, tried again with growing
 * pauses, given up after `attemptsMax` so that what comes after it is not held up for ever.
 */
import * as Schema from "effect/Schema"
import { accept, activity, type DecideContext, type Decision, type Outcome } from "../../engine/index.ts"
import { TaskPush } from "../../schemas/index.ts"
import type { Event, Push, State } from "./state.ts"
import { fold } from "./tell.ts"

/** With the pauses between them: within about ten minutes. */
export const attemptsMax = 8
const pauseMs = [1_000, 4_000, 15_000, 40_000, 80_000, 150_000, 240_000] as const

/** `n`: the event that is reported. `attempt` counts from 1. */
const Input = Schema.Struct({ push: TaskPush, task: Schema.String, n: Schema.Int, attempt: Schema.Int })
export type PushInput = typeof Input.Type

const Output = Schema.Struct({
  delivered: Schema.Boolean,
  /** Trying again would not help. */
  final: Schema.optionalKey(Schema.Boolean),
  status: Schema.optionalKey(Schema.Int),
  detail: Schema.optionalKey(Schema.String),
  latencyMs: Schema.Finite,
})
export type PushOutput = typeof Output.Type

/** Never fails: what came of it is the answer. The task itself counts the attempts. */
export const pushActivity = activity({
  input: Input,
  output: Output,
  timeoutMs: 30_000,
  retry: { attemptsMax: 1 },
})

const idOf = ({ serial }: Push, n: number, attempt: number): string => `push:${serial}:${n}:${attempt}`

const startOne = (state: State, push: Push) => {
  const { id, version, sealed, failed, waiting } = push
  const n = waiting[0]!
  const input: PushInput = { push: { id, version, sealed }, task: state.task, n, attempt: failed + 1 }
  return { activity: "push" as const, id: idOf(push, n, failed + 1), input }
}

/** For receivers that had nothing to be told before. */
export const startPushes = (before: State, after: State) => {
  const busy = new Set(before.pushes.filter(({ waiting }) => waiting.length > 0).map(({ serial }) => serial))
  return after.pushes
    .filter(({ serial, waiting }) => waiting.length > 0 && !busy.has(serial))
    .map((push) => startOne(after, push))
}

const deliveredOf = (outcome: Outcome<PushOutput>): PushOutput =>
  outcome._tag === "Success"
    ? outcome.output
    : { delivered: false, detail: "the delivery was cut off", latencyMs: 0 }

/** One delivery is over: the next one follows, or the same one after a pause. */
export const pushed = (
  state: State,
  outcome: Outcome<PushOutput> & { readonly id: string },
  { now }: DecideContext,
): Decision<Event, undefined, never> => {
  const push = state.pushes.find(
    (one) => one.waiting.length > 0 && idOf(one, one.waiting[0]!, one.failed + 1) === outcome.id,
  )
  if (push === undefined) return accept()
  const { delivered, final = false, status, detail, latencyMs } = deliveredOf(outcome)
  const attempt = push.failed + 1
  const isOver = delivered || final || attempt >= attemptsMax
  const delivery = {
    push: push.id,
    n: push.waiting[0]!,
    attempt,
    outcome: delivered ? ("delivered" as const) : isOver ? ("given-up" as const) : ("failed" as const),
    ...(status === undefined ? {} : { status }),
    ...(detail === undefined ? {} : { detail: detail.slice(0, 300) }),
    latencyMs,
    at: now,
  }
  const events = [{ _tag: "Delivered" as const, delivery }]
  if (!isOver) {
    const afterMs = pauseMs[Math.min(attempt, pauseMs.length) - 1]!
    return accept({
      events,
      setTimers: [{ timer: "push", id: push.id, due: { afterMs }, payload: push.serial }],
    })
  }
  const after = fold(state, events)
  const next = after.pushes.find(({ serial }) => serial === push.serial)!
  return accept({ events, start: next.waiting.length === 0 ? [] : [startOne(after, next)] })
}

export const retryPush = (
  state: State,
  id: string | undefined,
  serial: unknown,
): Decision<Event, undefined, never> => {
  const push = state.pushes.find((one) => one.id === id && one.serial === serial)
  return push === undefined || push.waiting.length === 0
    ? accept()
    : accept({ start: [startOne(state, push)] })
}
