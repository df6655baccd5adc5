/** Who hears of the lanes' outputs: the product's alert desk, and a channel that keeps whatever it is told. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AlertDesk } from "../../../actors/alert-desk/desk.ts"
import type { State as DeskState, Event } from "../../../actors/alert-desk/state.ts"
import { accept, define, type Implementation, implement, type JournalRecord } from "../../../engine/index.ts"
import { type Notification, NotificationProtocol } from "../../../schemas/index.ts"

const pass = () => accept({})

const Channel = define(NotificationProtocol, {
  state: Schema.Struct({ taken: Schema.Int }),
  events: { Taken: { notification: Schema.Unknown } },
  initial: () => ({ taken: 0 }),
  decide: {
    ...Object.fromEntries(Object.keys(NotificationProtocol.codec.command).map((name) => [name, pass])),
    Deliver: (_state: unknown, { notification }: { readonly notification: Notification }) =>
      accept({ events: [{ _tag: "Taken", notification }] }),
  } as never,
  evolve: { Taken: (state) => ({ taken: state.taken + 1 }) },
})

/** Changes the desk on its way to the nodes: a canary. */
export type Replace = (implementation: Implementation) => Implementation

export const software = (replace: Replace = (one) => one): Effect.Effect<ReadonlyArray<Implementation>> =>
  Effect.all([
    Effect.map(implement(AlertDesk, { index: ({ upTo }) => Effect.succeed(upTo) }), replace),
    implement(Channel, {}),
  ]) as never

/** A desk that has forgotten what it took. */
export const forgetful: Replace = (implementation) => {
  const take = implementation.kind.decide.Take!
  const forgot = (state: DeskState): DeskState => ({ ...state, seen: state.seen.map(() => ({})) })
  const decide = {
    ...implementation.kind.decide,
    Take: (state: unknown, ...rest: ReadonlyArray<unknown>) =>
      (take as (...given: ReadonlyArray<unknown>) => never)(forgot(state as DeskState), ...rest),
  }
  return { ...implementation, kind: { ...implementation.kind, decide } as never }
}

const of = <A>(entries: ReadonlyArray<JournalRecord.Entry>, tenant: string, kind: string): ReadonlyArray<A> =>
  entries.flatMap(({ to, events }) => (to.startsWith(`${tenant}/${kind}/`) ? ((events ?? []) as never) : []))

export const deskEvents = (entries: ReadonlyArray<JournalRecord.Entry>, tenant: string) =>
  of<Event>(entries, tenant, "alert-desk")

export const notifications = (
  entries: ReadonlyArray<JournalRecord.Entry>,
  tenant: string,
): ReadonlyArray<Notification> =>
  of<{ readonly notification: Notification }>(entries, tenant, "notification").map(
    ({ notification }) => notification,
  )
