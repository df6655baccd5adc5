/**
 * A channel over which people are told of alerts, or, under the key `actions:<rule>`, what else a rule does. It owns what
 * is still to be delivered and the log of what was; where it goes is a setting, read when it goes there.
 *
 * I1 A notification or action is taken in once by its id, as long as the id is among the last `knownIdsMax` or waits.
 * I2 What is taken in goes out at least once or is in the log as given up, with the reason; every attempt of it carries
 * the same id. I3 Of one group only the oldest is tried. I4 At most `inFlightMax` are under way, and at most
 * `perMinuteMax` attempts begin in a minute; tests are not counted. I5 At most `queueMax` wait. I6 Every test is answered.
 */
import {
  accept,
  type Caller,
  type DecideContext,
  type Decision,
  define,
  type Outcome,
  reject,
} from "../../engine/index.ts"
import { type DeliveryAttempt, NotificationProtocol } from "../../schemas/index.ts"
import { activities, type Output } from "./activities.ts"
import { type Arrival, actionArrival, arrive, notificationArrival } from "./arrive.ts"
import { evolve, fold } from "./evolve.ts"
import { detailCharactersMax, indexAgainMs, indexRowsMax, retryAfterMaxMs, testsMax } from "./limits.ts"
import { attemptOf, rowsToIndex } from "./log.ts"
import { againAt, next } from "./next.ts"
import { type Event, events, initial, State } from "./state.ts"
import { testNotification } from "./texts.ts"

const timer = { timer: "next" } as const
const idOf = ({ n, attempts }: { readonly n: number; readonly attempts: number }): string =>
  `${n}:${attempts}`
const testId = (n: number): string => `test:${n}`

/** What follows from the events: attempts that can begin, when the next one can, and the database that has to follow. */
const go = (state: State, { now }: DecideContext, changed: ReadonlyArray<Event>) => {
  const after = fold(state, changed)
  const { ready, dueAt } = next(after, now)
  const attempted = ready.map(({ n }) => ({ _tag: "Attempted" as const, n, at: now }))
  const begun = fold(after, attempted)
  const rows = begun.indexing ? [] : rowsToIndex(begun).slice(0, indexRowsMax)
  const indexed = rows.length === 0 ? [] : [{ _tag: "IndexBegun" as const }]
  const revision = rows.at(-1)?.revision ?? 0
  return {
    events: [...changed, ...attempted, ...indexed],
    start: [
      ...ready.map(({ n, attempts, action }) => ({
        activity: action === undefined ? ("deliver" as const) : ("act" as const),
        id: idOf({ n, attempts: attempts + 1 }),
        input: { n, attempt: attempts + 1 },
      })),
      ...rows.slice(0, 1).map(() => ({
        activity: "index" as const,
        id: `index:${revision}`,
        input: { rows, last: begun.last, revision },
      })),
    ],
    ...(dueAt === undefined ? { clearTimers: [timer] } : { setTimers: [{ ...timer, due: { at: dueAt } }] }),
  }
}

const outputOf = (outcome: Outcome<Output>): Output =>
  outcome._tag === "Success"
    ? outcome.output
    : { status: "failed", detail: `the attempt was cut off (${outcome.code})` }

const brief = (detail: string | undefined) =>
  detail === undefined ? {} : { detail: detail.slice(0, detailCharactersMax) }

const testEnded = (state: State, n: number, { status, detail }: Output, context: DecideContext) => {
  const { caller } = state.tests.find((one) => one.n === n)!
  const ended = {
    _tag: "TestEnded" as const,
    n,
    status: status === "failed" ? ("given_up" as const) : status,
    what: "test",
    ...brief(detail),
    traceId: context.traceId,
    at: context.now,
  }
  const went = go(state, context, [ended])
  const { log } = fold(state, [ended])
  const reply: DeliveryAttempt = attemptOf(log[0]!)
  return accept({ ...went, answers: caller === undefined ? [] : [{ caller: caller as Caller, reply }] })
}

const settled = (
  state: State,
  outcome: Outcome<Output> & { readonly id: string },
  context: DecideContext,
): Decision<Event, undefined, never> => {
  const output = outputOf(outcome)
  const test = state.tests.find(({ n }) => testId(n) === outcome.id)
  if (test !== undefined) return testEnded(state, test.n, output, context)
  const entry = state.waiting.find((one) => one.flying && idOf(one) === outcome.id)
  if (entry === undefined) return accept()
  const { status, detail, retryAfterMs, perMinuteMax } = output
  const askedMs = retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, retryAfterMaxMs)
  const again = status === "failed" ? againAt(entry, askedMs, context) : undefined
  const isGivenUp = status === "failed" && again === undefined
  return accept(
    go(state, context, [
      {
        _tag: "Settled",
        n: entry.n,
        status: isGivenUp ? "given_up" : status,
        ...brief(isGivenUp ? `tried for long enough; ${detail ?? ""}` : detail),
        ...(again === undefined ? {} : { dueAt: again }),
        ...(askedMs === undefined ? {} : { restsUntil: context.now + askedMs }),
        ...(perMinuteMax === undefined ? {} : { perMinuteMax }),
        at: context.now,
      },
    ]),
  )
}

const take = (state: State, arrival: Arrival, context: DecideContext) => {
  const isKnown = state.known.includes(arrival.id) || state.waiting.some(({ id }) => id === arrival.id)
  return isKnown ? accept() : accept(go(state, context, arrive(state, arrival, context)))
}

export const NotificationActor = define(NotificationProtocol, {
  events,
  activities,
  state: State,
  initial,
  decide: {
    Deliver: (state, { notification }, context) => take(state, notificationArrival(notification), context),
    Act: (state, { action }, context) => take(state, actionArrival(action), context),
    Test: (state, { by }, context) => {
      if (state.tests.length >= testsMax) return reject({ _tag: "TooManyTests", max: testsMax })
      const { caller, now, random } = context
      const begun = [{ _tag: "TestBegun" as const, by, ...(caller === undefined ? {} : { caller }), at: now }]
      const n = state.last + 1
      const test = { notification: testNotification(`${state.key}:test:${n}`, now), token: random.uuid() }
      return accept({
        events: begun,
        start: [{ activity: "deliver", id: testId(n), input: { n, attempt: 1, test } }],
      })
    },
    Log: (state, { limit }) => {
      const newest = [...state.waiting, ...state.log].sort((one, other) => other.revision - one.revision)
      return accept({ reply: newest.slice(0, limit).map(attemptOf) })
    },
    ReadWaiting: (state, { n }) => {
      const entry = state.waiting.find((one) => one.n === n)
      if (entry === undefined) return reject({ _tag: "DeliveryOver" })
      const { token, notification, action } = entry
      return accept({
        reply: {
          token,
          ...(notification === undefined ? {} : { notification }),
          ...(action === undefined ? {} : { action }),
        },
      })
    },
  },
  evolve,
  settled: {
    deliver: settled,
    act: settled,
    index: (state, outcome, context) =>
      outcome._tag === "Success"
        ? accept(go(state, context, [{ _tag: "Indexed", revision: outcome.output.revision }]))
        : accept({ setTimers: [{ timer: "index", due: { afterMs: indexAgainMs } }] }),
  },
  timers: {
    next: (state, _, context) => accept(go(state, context, [])),
    index: (state, _, context) => accept(go(state, context, [{ _tag: "IndexEnded" }])),
  },
})
