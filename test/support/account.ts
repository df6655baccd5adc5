/** The account actor of the tests: deposits, withdrawals and transfers between accounts, with conserved sums. */
import * as Schema from "effect/Schema"
import { accept, define, reject } from "../../engine/index.ts"
import { command, protocol } from "../../schemas/index.ts"

const Balance = Schema.Struct({ balance: Schema.Int, handled: Schema.Int })

export const AccountProtocol = protocol({
  kind: "account",
  version: 1,
  commands: {
    Deposit: command({ amount: Schema.Int }, Balance),
    Transfer: command({ amount: Schema.Int, to: Schema.String, transfer: Schema.String }, Balance),
    Receive: command({ amount: Schema.Int, transfer: Schema.String }),
    Read: command({}, Balance),
    Crash: command({}),
  },
  rejections: {
    InsufficientFunds: { balance: Schema.Int },
  },
})

export const Account = define(AccountProtocol, {
  state: Schema.Struct({
    balance: Schema.Int,
    handled: Schema.Int,
    /** Ids of the transfers that this account sent and received, in order. */
    transfers: Schema.Array(Schema.String),
  }),
  events: {
    Deposited: { amount: Schema.Int },
    Sent: { amount: Schema.Int, transfer: Schema.String },
    Received: { amount: Schema.Int, transfer: Schema.String },
  },
  initial: () => ({ balance: 0, handled: 0, transfers: [] }),
  decide: {
    Deposit: (state, { amount }) =>
      accept({
        events: [{ _tag: "Deposited", amount }],
        reply: { balance: state.balance + amount, handled: state.handled + 1 },
      }),
    Transfer: (state, { amount, to, transfer }) =>
      state.balance < amount
        ? reject({ _tag: "InsufficientFunds", balance: state.balance })
        : accept({
            events: [{ _tag: "Sent", amount, transfer }],
            send: [AccountProtocol.tell(to, { _tag: "Receive", amount, transfer })],
            reply: { balance: state.balance - amount, handled: state.handled + 1 },
          }),
    Receive: (_state, { amount, transfer }) => accept({ events: [{ _tag: "Received", amount, transfer }] }),
    Read: (state) => accept({ reply: { balance: state.balance, handled: state.handled } }),
    Crash: () => {
      throw new Error("this command always crashes")
    },
  },
  evolve: {
    Deposited: (state, { amount }) => ({
      ...state,
      balance: state.balance + amount,
      handled: state.handled + 1,
    }),
    Sent: (state, { amount, transfer }) => ({
      balance: state.balance - amount,
      handled: state.handled + 1,
      transfers: [...state.transfers, `-${transfer}`],
    }),
    Received: (state, { amount, transfer }) => ({
      balance: state.balance + amount,
      handled: state.handled + 1,
      transfers: [...state.transfers, `+${transfer}`],
    }),
  },
})
