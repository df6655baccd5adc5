/**
 * How an agent's health is found out and told. What a check found is always kept here; lists are told when it is another
 * status than before, when somebody asked, and otherwise at every `listedEvery`th check: with ten thousand agents a check a
 * minute is 167 journal entries a second, and would be as many rows.
 */
import {
  accept,
  type Caller,
  type DecideContext,
  type Decision,
  type Outcome,
  reject,
} from "../../engine/index.ts"
import type { AgentHealth } from "../../schemas/index.ts"
import { fold, indexing, isChecked, nextCheck, type Rejection } from "./change.ts"
import { type Event, type State, viewOf } from "./state.ts"

export const healthWaitingMax = 50
/** Lists show times of checks that are this many checks old at most. */
export const listedEvery = 10

/** The check could not be made, which says nothing about the agent. */
export const checkImpossible = "CheckImpossible"

const prefixOf = ({ version }: State): string => `check:${version}:`

const check = (state: State, { random }: DecideContext) => ({
  activity: "check" as const,
  id: `${prefixOf(state)}${random.uuid()}`,
  input: viewOf(state)!,
})

/** Who asks while a check is under way that somebody asked for is answered with that one. */
export const checkNow = (state: State, context: DecideContext): Decision<Event, never, Rejection> => {
  const { caller } = context
  if (state.descriptor === undefined) return reject({ _tag: "AgentUnknown" })
  if (state.archived) return reject({ _tag: "AgentArchived" })
  if (state.checking.length >= healthWaitingMax) return reject({ _tag: "AgentBusy", limit: healthWaitingMax })
  const asked: ReadonlyArray<Event> = caller === undefined ? [] : [{ _tag: "HealthAsked", caller }]
  return accept({ events: asked, start: state.checking.length > 0 ? [] : [check(state, context)] })
}

export const checkOnTime = (state: State, context: DecideContext) =>
  isChecked(state) ? accept({ start: [check(state, context)], ...nextCheck(context.random) }) : accept()

const foundBy = ({ health }: State, outcome: Outcome<AgentHealth>, now: number): AgentHealth | undefined => {
  if (outcome._tag === "Failure" && outcome.code === checkImpossible) return undefined
  const found =
    outcome._tag === "Success"
      ? outcome.output
      : { status: "unhealthy" as const, detail: outcome.detail.slice(0, 500) }
  const isBad = found.status === "unhealthy"
  return { ...found, checkedAt: now, consecutiveFailures: isBad ? health.consecutiveFailures + 1 : 0 }
}

/** What was found of the agent before it was changed is not believed: it is checked again. */
export const checked = (
  state: State,
  outcome: Outcome<AgentHealth> & { readonly id: string },
  context: DecideContext,
) => {
  const waiting = state.checking.length > 0
  if (!outcome.id.startsWith(prefixOf(state)) && (isChecked(state) || (waiting && !state.archived)))
    return accept({ start: [check(state, context)] })
  const health = foundBy(state, outcome, context.now)
  const listed = waiting || health?.status !== state.health.status || state.unlistedChecks + 1 >= listedEvery
  const events: ReadonlyArray<Event> = [
    ...(health === undefined ? [] : [{ _tag: "HealthFound" as const, health, listed }]),
    ...(waiting ? [{ _tag: "HealthTold" as const }] : []),
  ]
  const after = fold(state, events)
  return accept({
    events,
    start: health !== undefined && listed ? indexing(after) : [],
    answers: state.checking.map((caller) => ({ caller: caller as Caller, reply: viewOf(after) })),
  })
}
