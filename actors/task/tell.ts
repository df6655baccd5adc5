/** What a task's new events become: the journal's, and the signal that tells listeners what clients see of them. */
import type { DecideContext } from "../../engine/index.ts"
import { taskTopic } from "../../schemas/index.ts"
import { evolve } from "./evolve.ts"
import type { Event, State } from "./state.ts"

export const fold = (state: State, added: ReadonlyArray<Event>): State =>
  added.reduce<State>((folded, event) => evolve[event._tag](folded, event as never), state)

export const tell = (state: State, context: DecideContext, added: ReadonlyArray<Event>) => {
  const visible = fold(state, added).recent.filter(({ n }) => n > state.last)
  const topic = taskTopic(context.self.tenant, state.task)
  return {
    events: added,
    ...(visible.length === 0 ? {} : { signal: [{ topic, body: { events: visible } }] }),
  }
}
