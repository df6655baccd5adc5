/** How an agent is changed: what is started and armed with it, so that lists show it and what runs elsewhere is checked. */
import { accept, type DecideContext, type Decision } from "../../engine/index.ts"
import type { AgentProtocol, RejectionOf } from "../../schemas/index.ts"
import { type Event, evolve, type State, viewOf } from "./state.ts"

/** Between two checks of one agent, give or take a twentieth. */
export const checkEveryMs = 60_000
/** After a registration or another address, until the first one. */
const checkSoonMs = 1_000

export type Rejection = RejectionOf<typeof AgentProtocol>
export type Silent = Decision<Event, never, never>

export const fold = (state: State, added: ReadonlyArray<Event>): State =>
  added.reduce<State>((folded, event) => evolve[event._tag](folded, event as never), state)

export const indexing = (state: State) => {
  const view = viewOf(state)
  const { changedBy } = state
  return view === undefined
    ? []
    : [
        {
          activity: "index" as const,
          id: `index:${state.revision}`,
          input: { view, ...(changedBy === undefined ? {} : { changedBy }) },
        },
      ]
}

const checkTimer = { timer: "check" } as const
export const isChecked = ({ descriptor, archived }: State): boolean =>
  descriptor?.endpoint !== undefined && !archived

/** A little sooner or later each time: agents that were all due after an outage do not stay in step. */
export const nextCheck = (random: DecideContext["random"]) => ({
  setTimers: [{ ...checkTimer, due: { afterMs: Math.round(checkEveryMs * (0.95 + random.next() / 10)) } }],
})

const checkTimers = (before: State, after: State) => {
  if (!isChecked(after)) return isChecked(before) ? { clearTimers: [checkTimer] } : {}
  const isElsewhere = before.descriptor?.endpoint !== after.descriptor?.endpoint
  return !isChecked(before) || isElsewhere
    ? { setTimers: [{ ...checkTimer, due: { afterMs: checkSoonMs } }] }
    : {}
}

/** Carries a change out, and answers once lists show it. */
export const change = (
  state: State,
  { caller }: DecideContext,
  events: ReadonlyArray<Event>,
  registered = false,
): Silent => {
  const after = fold(state, events)
  const awaited: ReadonlyArray<Event> =
    caller === undefined
      ? []
      : [
          {
            _tag: "IndexAwaited",
            caller,
            revision: after.revision,
            ...(registered ? { registered } : {}),
          },
        ]
  return accept({ events: [...events, ...awaited], start: indexing(after), ...checkTimers(state, after) })
}

/** Why this agent cannot be changed; undefined when it can. */
export const unchangeable = (state: State, expectedVersion: number | undefined): Rejection | undefined => {
  if (state.descriptor === undefined) return { _tag: "AgentUnknown" }
  if (expectedVersion !== undefined && expectedVersion !== state.version)
    return { _tag: "AgentVersionConflict", version: state.version }
  return undefined
}
