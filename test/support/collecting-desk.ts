/** Stands in for the alert desk: keeps every transition in its journal, as often as it comes. */
import * as Schema from "effect/Schema"
import { accept, define, type JournalRecord } from "../../engine/index.ts"
import { AlertDeskProtocol, Transition } from "../../schemas/index.ts"

const pass = () => accept({})

export const CollectingDesk = define(AlertDeskProtocol, {
  state: Schema.Struct({ taken: Schema.Int }),
  events: { Taken: { transitions: Schema.Array(Transition) } },
  initial: () => ({ taken: 0 }),
  decide: Object.assign(
    Object.fromEntries(Object.keys(AlertDeskProtocol.codec.command).map((name) => [name, pass])),
    {
      Take: (_state: unknown, { transitions }: { readonly transitions: ReadonlyArray<Transition> }) =>
        accept({ events: [{ _tag: "Taken", transitions }] }),
    },
  ) as never,
  evolve: {
    Taken: (state, { transitions }) => ({ taken: state.taken + transitions.length }),
  },
})

/** What desks took, in the order of their journals. */
export const transitionsTaken = (entries: ReadonlyArray<JournalRecord.Entry>): ReadonlyArray<Transition> =>
  entries.flatMap(({ to, events }) =>
    to.includes("/alert-desk/")
      ? (events ?? []).flatMap((event) =>
          (event as { readonly _tag: string })._tag === "Taken"
            ? (event as unknown as { readonly transitions: ReadonlyArray<Transition> }).transitions
            : [],
        )
      : [],
  )

/** By id, what each said. Throws when two with the same id differ. */
export const distinctTransitions = (all: ReadonlyArray<Transition>): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const transition of all) {
    const text = JSON.stringify(Object.entries(transition).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    const before = found.get(transition.id)
    if (before !== undefined && before !== text)
      throw new Error(`${transition.id} differs:\n${before}\n${text}`)
    found.set(transition.id, text)
  }
  return found
}
