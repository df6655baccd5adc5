/** The actor of the measurements: about as small as an actor with durable state can be. */
import * as Schema from "effect/Schema"
import { accept, define } from "../../engine/index.ts"
import { command, protocol } from "../../schemas/index.ts"

export const CounterProtocol = protocol({
  kind: "counter",
  version: 1,
  commands: { Add: command({ amount: Schema.Int }, Schema.Struct({ total: Schema.Int })) },
})

export const Counter = define(CounterProtocol, {
  state: Schema.Struct({ total: Schema.Int }),
  events: { Added: { amount: Schema.Int } },
  initial: () => ({ total: 0 }),
  decide: {
    Add: (state, { amount }) =>
      accept({ events: [{ _tag: "Added", amount }], reply: { total: state.total + amount } }),
  },
  evolve: { Added: (state, { amount }) => ({ total: state.total + amount }) },
})
