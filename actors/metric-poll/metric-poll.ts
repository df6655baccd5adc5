/**
 * Fetches samples for a rule, again and again, and puts them into the metric stream. Only the node that owns the actor
 * does; another goes on when it dies.
 *
 * I1 One fetch is under way at a time. I2 Times keep their grid, from the moment on at which it began; a time that is due
 * while the fetch before is under way, or while nothing ran, is skipped and counted. I3 After a change nothing of the poll
 * before it is fetched any more. I4 A credential is kept sealed for its rule and one origin, and goes with no other.
 */
import * as Schema from "effect/Schema"
import { accept, activity, type DecideContext, define } from "../../engine/index.ts"
import { durationMs, MetricPollProtocol, type MetricPollView, Poll, PollResult } from "../../schemas/index.ts"

/** The longest time that a fetch may take, whatever the rule says. */
export const pollTimeoutMaxMs = 30_000
const pollTimeoutMs = 10_000

const Target = Schema.Struct({ poll: Poll, metric: Schema.String, names: Schema.Array(Schema.String) })

const Credential = Schema.Struct({ number: Schema.Int, origin: Schema.String, sealed: Schema.String })

const State = Schema.Struct({
  rule: Schema.String,
  number: Schema.Int,
  target: Schema.optionalKey(Target),
  /** Of the address that the rule names, whether it runs or not. */
  origin: Schema.optionalKey(Schema.String),
  credential: Schema.optionalKey(Credential),
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

export const PollInput = Schema.Struct({
  ...Target.fields,
  timeoutMs: Schema.Finite,
  /** Sealed. */
  credential: Schema.optionalKey(Schema.String),
})
export type PollInput = typeof PollInput.Type

/** A credential that was found under an older key, and the same under the newest one. */
const Resealed = Schema.Struct({ before: Schema.String, after: Schema.String })
const PollOutput = Schema.Struct({ result: PollResult, resealed: Schema.optionalKey(Resealed) })
export type PollOutput = typeof PollOutput.Type

/** The credential that may go to where the rule polls now. */
const credentialOf = ({ credential, origin }: State) =>
  credential !== undefined && credential.origin === origin ? credential : undefined

const inputOf = (state: State, { poll, ...target }: typeof Target.Type): PollInput => {
  const timeoutMs = poll.timeout === undefined ? pollTimeoutMs : durationMs(poll.timeout)
  const credential = credentialOf(state)
  return {
    ...target,
    poll,
    timeoutMs: Math.min(timeoutMs, pollTimeoutMaxMs),
    ...(credential === undefined ? {} : { credential: credential.sealed }),
  }
}

const timer = (at: number) => ({ timer: "due" as const, due: { at } })

/** The next time on the grid after now, and how many before it were left out. */
const nextOn = (from: number, everyMs: number, now: number) => {
  const steps = Math.max(1, Math.floor((now - from) / everyMs) + 1)
  return { nextAt: from + steps * everyMs, skipped: steps - 1 }
}

const viewOf = (state: State): MetricPollView => {
  const { polls, failures, consecutiveFailures, skipped, target, last, nextAt } = state
  return {
    ...{ polls, failures, consecutiveFailures, skipped },
    hasCredential: credentialOf(state) !== undefined,
    ...(target === undefined ? {} : { poll: target.poll }),
    ...(last === undefined ? {} : { last }),
    ...(nextAt === undefined ? {} : { nextAt }),
  }
}

/** What was given for the rule's origin of now, or of a change that is still on its way here. */
const keptCredential = ({ credential }: State, number: number, origin: string | undefined) =>
  credential !== undefined && (credential.origin === origin || credential.number >= number)
    ? { credential }
    : {}

/** Unless another one was given meanwhile. */
const sealedAnew = (state: State, { before, after }: typeof Resealed.Type): State => {
  const { credential } = state
  return credential?.sealed === before ? { ...state, credential: { ...credential, sealed: after } } : state
}

export const MetricPoll = define(MetricPollProtocol, {
  events: {
    Followed: {
      number: Schema.Int,
      target: Schema.optionalKey(Target),
      origin: Schema.optionalKey(Schema.String),
      nextAt: Schema.optionalKey(Schema.Finite),
    },
    CredentialSet: Credential.fields,
    CredentialRemoved: {},
    Due: { nextAt: Schema.Finite, skipped: Schema.Int, begun: Schema.Boolean },
    Polled: PollOutput.fields,
  },
  activities: {
    /** Never fails: what came of it is the answer. */
    poll: activity({
      input: PollInput,
      output: PollOutput,
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
    Follow: (state, { number, poll, metric, names, origin }, { now }) => {
      if (number <= state.number) return accept()
      const cancel = state.fetching ? ["poll"] : []
      const followed = { _tag: "Followed" as const, number, ...(origin === undefined ? {} : { origin }) }
      if (poll === undefined) return accept({ events: [followed], clearTimers: [{ timer: "due" }], cancel })
      // The first at once: who makes a rule wants to see that it works.
      const events = [{ ...followed, target: { poll, metric, names }, nextAt: now }]
      return accept({ events, setTimers: [timer(now)], cancel })
    },
    SetCredential: (state, { number, origin, sealed, replaces }) => {
      const another = replaces !== undefined && replaces !== state.credential?.sealed
      if (another || (number < state.number && origin !== state.origin))
        return accept({ reply: { kept: false } })
      const events = [{ _tag: "CredentialSet" as const, number, origin, sealed }]
      return accept({ events, reply: { kept: true } })
    },
    RemoveCredential: ({ credential }) =>
      credential === undefined
        ? accept({ reply: { removed: false } })
        : accept({ events: [{ _tag: "CredentialRemoved" }], reply: { removed: true } }),
    Read: (state) => accept({ reply: viewOf(state) }),
    ReadCredential: ({ credential }) => accept({ reply: credential === undefined ? {} : { credential } }),
  },
  evolve: {
    Followed: (before, { number, target, origin, nextAt }) => {
      const { target: _1, nextAt: _2, last: _3, origin: _4, credential: _5, ...state } = before
      return {
        ...state,
        number,
        fetching: false,
        ...(target === undefined ? {} : { target }),
        ...(origin === undefined ? {} : { origin }),
        ...keptCredential(before, number, origin),
        ...(nextAt === undefined ? {} : { nextAt }),
      }
    },
    CredentialSet: (state, { number, origin, sealed }) => ({
      ...state,
      credential: { number, origin, sealed },
    }),
    CredentialRemoved: ({ credential: _, ...state }) => state,
    Due: (state, { nextAt, skipped, begun }) => ({
      ...state,
      nextAt,
      fetching: state.fetching || begun,
      skipped: state.skipped + skipped,
    }),
    Polled: (before, { result, resealed }) => {
      const state = resealed === undefined ? before : sealedAnew(before, resealed)
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
        start: fetching ? [] : [{ activity: "poll", input: inputOf(state, target) }],
      })
    },
  },
  settled: {
    poll: (_, outcome, { now }: DecideContext) => {
      if (outcome._tag === "Success") return accept({ events: [{ _tag: "Polled", ...outcome.output }] })
      const result = { at: now, latencyMs: 0, samples: 0, detail: outcome.detail.slice(0, 300) }
      return accept({ events: [{ _tag: "Polled", result }] })
    },
  },
})
