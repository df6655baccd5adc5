/**
 * When a tenant's language models are checked: a durable timer, so that checks go on whichever nodes die, by one node at
 * a time. What a check finds is kept with the models; here only that it was done.
 *
 * I1 Once watched, exactly one timer is set. I2 At most one round runs: one that is due meanwhile is left out. I3 A round
 * that fails ends, and the next one comes all the same.
 */
import * as Schema from "effect/Schema"
import { accept, activity, define } from "../../engine/index.ts"
import { LlmHealthProtocol, LlmHealthView } from "../../schemas/index.ts"

/** Longer than every model of a tenant one after another would sensibly take; the next round then finds the rest. */
export const roundTimeoutMs = 5 * 60_000

const timer = "round"
const after = (everyMs: number) => [{ timer, due: { afterMs: everyMs } }]

export const LlmHealth = define(LlmHealthProtocol, {
  state: Schema.Struct({
    ...LlmHealthView.fields,
    /** When the round that runs began. */
    running: Schema.optionalKey(Schema.Finite),
  }),
  events: {
    Watched: { everyMs: Schema.Int },
    RoundBegan: { at: Schema.Finite },
    RoundEnded: { at: Schema.Finite, checked: Schema.Int, unhealthy: Schema.Int },
    RoundFailed: { at: Schema.Finite, code: Schema.String },
  },
  activities: {
    check: activity({
      input: Schema.Struct({ at: Schema.Finite }),
      output: Schema.Struct({ checked: Schema.Int, unhealthy: Schema.Int }),
      // The next round is the retry.
      retry: { attemptsMax: 1 },
      timeoutMs: roundTimeoutMs,
    }),
  },
  initial: () => ({ rounds: 0, failures: 0 }),
  decide: {
    Watch: (state, { everyMs }) =>
      state.everyMs === everyMs
        ? accept()
        : accept({ events: [{ _tag: "Watched", everyMs }], setTimers: after(everyMs) }),
    Read: ({ running: _, ...view }) => accept({ reply: view }),
  },
  evolve: {
    Watched: (state, { everyMs }) => ({ ...state, everyMs }),
    RoundBegan: (state, { at }) => ({ ...state, running: at }),
    RoundEnded: ({ running: _, ...state }, { at, checked, unhealthy }) => ({
      ...state,
      rounds: state.rounds + 1,
      last: { at, checked, unhealthy },
    }),
    RoundFailed: ({ running: _, ...state }, { at, code }) => ({
      ...state,
      failures: state.failures + 1,
      lastFailure: { at, code },
    }),
  },
  timers: {
    round: ({ everyMs, running }, _, { now }) => {
      if (everyMs === undefined) return accept()
      if (running !== undefined) return accept({ setTimers: after(everyMs) })
      return accept({
        events: [{ _tag: "RoundBegan", at: now }],
        start: [{ activity: "check", input: { at: now } }],
        setTimers: after(everyMs),
      })
    },
  },
  settled: {
    check: (_, outcome, { now }) =>
      outcome._tag === "Success"
        ? accept({ events: [{ _tag: "RoundEnded", at: now, ...outcome.output }] })
        : accept({ events: [{ _tag: "RoundFailed", at: now, code: outcome.code }] }),
  },
})
