/**
 * The actor of the simulation: it uses every means of the engine, and keeps in its state an exact account of what
 * happened, so that a checker can hold it against what the clients saw.
 */
import * as Schema from "effect/Schema"
import { accept, activity, define, reject } from "../../engine/index.ts"
import { command, protocol } from "../../schemas/index.ts"

const Totals = Schema.Struct({ balance: Schema.Int, handled: Schema.Int })

export const LedgerProtocol = protocol({
  kind: "ledger",
  version: 1,
  commands: {
    Deposit: command({ operation: Schema.String, amount: Schema.Int }, Totals),
    Transfer: command({ operation: Schema.String, amount: Schema.Int, to: Schema.String }, Totals),
    Receive: command({ operation: Schema.String, amount: Schema.Int }),
    Remind: command({ operation: Schema.String, afterMs: Schema.Int }),
    Work: command({ operation: Schema.String, steps: Schema.Int }),
    /** Answered when the reminder of that operation rings. */
    AwaitRing: command(
      { operation: Schema.String, afterMs: Schema.Int },
      Schema.Struct({ rang: Schema.String }),
    ),
    Poison: command({ operation: Schema.String }),
    Read: command({}, Schema.Struct({ balance: Schema.Int, log: Schema.Array(Schema.String) })),
  },
  rejections: { InsufficientFunds: { balance: Schema.Int } },
})

const State = Schema.Struct({
  balance: Schema.Int,
  /** One line per event, in order. */
  log: Schema.Array(Schema.String),
  waiting: Schema.Record(
    Schema.String,
    Schema.Struct({ node: Schema.String, ask: Schema.Int, key: Schema.optionalKey(Schema.String) }),
  ),
})

const logged = (state: typeof State.Type, line: string, balance = 0): typeof State.Type => ({
  ...state,
  balance: state.balance + balance,
  log: [...state.log, line],
})

export const Ledger = define(LedgerProtocol, {
  state: State,
  events: {
    Deposited: { operation: Schema.String, amount: Schema.Int },
    Sent: { operation: Schema.String, amount: Schema.Int },
    Received: { operation: Schema.String, amount: Schema.Int },
    Reminded: { operation: Schema.String },
    Rang: { operation: Schema.String },
    Awaited: { operation: Schema.String, caller: State.fields.waiting.value },
    Started: { operation: Schema.String },
    Stepped: { operation: Schema.String, step: Schema.Int },
    Finished: { operation: Schema.String, outcome: Schema.String },
  },
  activities: {
    work: activity({
      input: Schema.Struct({ operation: Schema.String, steps: Schema.Int }),
      output: Schema.String,
      progress: Schema.Int,
      retry: { attemptsMax: 50, firstDelayMs: 20, delayMaxMs: 200 },
      timeoutMs: 60_000,
    }),
  },
  initial: () => ({ balance: 0, log: [], waiting: {} }),
  decide: {
    Deposit: (state, { operation, amount }) =>
      accept({
        events: [{ _tag: "Deposited", operation, amount }],
        reply: { balance: state.balance + amount, handled: state.log.length + 1 },
      }),
    Transfer: (state, { operation, amount, to }) =>
      state.balance < amount
        ? reject({ _tag: "InsufficientFunds", balance: state.balance })
        : accept({
            events: [{ _tag: "Sent", operation, amount }],
            send: [LedgerProtocol.tell(to, { _tag: "Receive", operation, amount })],
            reply: { balance: state.balance - amount, handled: state.log.length + 1 },
          }),
    Receive: (_state, { operation, amount }) => accept({ events: [{ _tag: "Received", operation, amount }] }),
    Remind: (_state, { operation, afterMs }) =>
      accept({
        events: [{ _tag: "Reminded", operation }],
        setTimers: [{ timer: "ring", id: operation, due: { afterMs } }],
      }),
    Work: (_state, { operation, steps }) =>
      accept({
        events: [{ _tag: "Started", operation }],
        start: [{ activity: "work", id: operation, input: { operation, steps } }],
      }),
    AwaitRing: (_state, { operation, afterMs }, { caller }) =>
      accept({
        events: [{ _tag: "Awaited", operation, caller: caller! }],
        setTimers: [{ timer: "ring", id: operation, due: { afterMs } }],
      }),
    Poison: (_state, { operation }) => {
      throw new Error(`poisoned by ${operation}`)
    },
    Read: (state) => accept({ reply: { balance: state.balance, log: state.log } }),
  },
  evolve: {
    Deposited: (state, { operation, amount }) => logged(state, `deposited ${operation}`, amount),
    Sent: (state, { operation, amount }) => logged(state, `sent ${operation}`, -amount),
    Received: (state, { operation, amount }) => logged(state, `received ${operation}`, amount),
    Reminded: (state, { operation }) => logged(state, `reminded ${operation}`),
    Rang: (state, { operation }) => {
      const { [operation]: _, ...waiting } = state.waiting
      return { ...logged(state, `rang ${operation}`), waiting }
    },
    Awaited: (state, { operation, caller }) => ({
      ...logged(state, `awaited ${operation}`),
      waiting: { ...state.waiting, [operation]: caller },
    }),
    Started: (state, { operation }) => logged(state, `started ${operation}`),
    Stepped: (state, { operation, step }) => logged(state, `stepped ${operation} ${step}`),
    Finished: (state, { operation, outcome }) => logged(state, `finished ${operation} ${outcome}`),
  },
  timers: {
    ring: (state, { id }) => {
      const caller = state.waiting[id!]
      return accept({
        events: [{ _tag: "Rang", operation: id! }],
        ...(caller === undefined ? {} : { answers: [{ caller, reply: { rang: id! } }] }),
      })
    },
  },
  settled: {
    work: (_state, outcome) =>
      accept({
        events: [
          {
            _tag: "Finished",
            operation: outcome.id,
            outcome: outcome._tag === "Success" ? outcome.output : outcome.code,
          },
        ],
      }),
  },
  progressed: {
    work: (_state, { id, value }) => accept({ events: [{ _tag: "Stepped", operation: id, step: value }] }),
  },
})
