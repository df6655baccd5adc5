/**
 * Fetches samples for a rule, again and again, and puts them into the metric stream. Only the node that owns the actor
 * does; another goes on when it dies.
 *
 * I1 One fetch is under way at a time. I2 Times keep their grid, from the moment on at which it began; a time that is due
 * while the fetch before is under way, or while nothing ran, is skipped and counted. I3 After a change nothing of the poll
 * before it is fetched any more.
 */
import * as Schema from "effect/Schema"
import { accept, activity, type DecideContext, define } from "../../engine/index.ts"
import { durationMs, MetricPollProtocol, Poll, PollResult } from "../../schemas/index.ts"

/** The longest time that a fetch may take, whatever the rule says. */
export const pollTimeoutMaxMs = 30_000
const pollTimeoutMs = 10_000

const Target = Schema.Struct({ poll: Poll, metric: Schema.String, names: Schema.Array(Schema.String) })

const State = Schema.Struct({
  rule: Schema.String,
  number: Schema.Int,
  target: Schema.optionalKey(Target),
  /** When it is due next, on its grid. */
  nextAt: Schema.optionalKey(Schema.Finite),
  fetching: Schema.Boolean,
  polls: Schema.Int,
  failures: Schema.Int,
  consecutiveFailures: Schema.Int,
  skipped: Schema.Int,
  last: Schema.optionalKey(PollResult),
})
type State = typeof State.Type

export const PollInput = Schema.Struct({ ...Target.fields, timeoutMs: Schema.Finite })
export type PollInput = typeof PollInput.Type

const inputOf = ({ poll, ...target }: typeof Target.Type): PollInput => {
  const timeoutMs = poll.timeout === undefined ? pollTimeoutMs : durationMs(poll.timeout)
  return { ...target, poll, timeoutMs: Math.min(timeoutMs, pollTimeoutMaxMs) }
}

const timer = (at: number) => ({ timer: "due" as const, due: { at } })

/** The next time on the grid after now, and how many before it were left out. */
const nextOn = (from: number, everyMs: number, now: number) => {
  const steps = Math.max(1, Math.floor((now - from) / everyMs) + 1)
  return { nextAt: from + steps * everyMs, skipped: steps - 1 }
}

const viewOf = ({ rule: _, number: __, target, fetching: ___, ...figures }: State) => ({
  ...figures,
  ...(target === undefined ? {} : { poll: target.poll }),
})

export const MetricPoll = define(MetricPollProtocol, {
  events: {
    Followed: {
      number: Schema.Int,
      target: Schema.optionalKey(Target),
      nextAt: Schema.optionalKey(Schema.Finite),
    },
    Due: { nextAt: Schema.Finite, skipped: Schema.Int, begun: Schema.Boolean },
    Polled: { result: PollResult },
  },
  activities: {
    /** Never fails: what came of it is the answer. */
    poll: activity({
      input: PollInput,
      output: PollResult,
      timeoutMs: pollTimeoutMaxMs + 15_000,
      retry: { attemptsMax: 1 },
    }),
  },
  state: State,
  initial: (rule): State => ({
    ...{ rule, number: 0, fetching: false },
    ...{ polls: 0, failures: 0, consecutiveFailures: 0, skipped: 0 },
  }),
  decide: {
    Follow: (state, { number, poll, metric, names }, { now }) => {
      if (number <= state.number) return accept()
      const cancel = state.fetching ? ["poll"] : []
      if (poll === undefined) {
        return accept({ events: [{ _tag: "Followed", number }], clearTimers: [{ timer: "due" }], cancel })
      }
      // The first at once: who makes a rule wants to see that it works.
      const events = [{ _tag: "Followed" as const, number, target: { poll, metric, names }, nextAt: now }]
      return accept({ events, setTimers: [timer(now)], cancel })
    },
    Read: (state) => accept({ reply: viewOf(state) }),
  },
  evolve: {
    Followed: ({ target: _, nextAt: __, last: ___, ...state }, { number, target, nextAt }) => ({
      ...state,
      number,
      fetching: false,
      ...(target === undefined ? {} : { target }),
      ...(nextAt === undefined ? {} : { nextAt }),
    }),
    Due: (state, { nextAt, skipped, begun }) => ({
      ...state,
      nextAt,
      fetching: state.fetching || begun,
      skipped: state.skipped + skipped,
    }),
    Polled: (state, { result }) => {
      const failed = result.detail !== undefined
      return {
        ...state,
        fetching: false,
        polls: state.polls + 1,
        failures: state.failures + (failed ? 1 : 0),
        consecutiveFailures: failed ? state.consecutiveFailures + 1 : 0,
        last: result,
      }
    },
  },
  timers: {
    due: (state, _, { now }) => {
      const { target, nextAt: from = now, fetching } = state
      if (target === undefined) return accept()
      const { nextAt, skipped } = nextOn(from, durationMs(target.poll.every), now)
      return accept({
        events: [{ _tag: "Due", nextAt, skipped: skipped + (fetching ? 1 : 0), begun: !fetching }],
        setTimers: [timer(nextAt)],
        start: fetching ? [] : [{ activity: "poll", input: inputOf(target) }],
      })
    },
  },
  settled: {
    poll: (_, outcome, { now }: DecideContext) => {
      const result: PollResult =
        outcome._tag === "Success"
          ? outcome.output
          : { at: now, latencyMs: 0, samples: 0, detail: outcome.detail.slice(0, 300) }
      return accept({ events: [{ _tag: "Polled", result }] })
    },
  },
})
