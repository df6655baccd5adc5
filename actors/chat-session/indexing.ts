/**
 * How a session tells the index of sessions what became of it: one row at a time is on its way, which carries what gathered
 * meanwhile. An index that cannot be reached is tried again later and later; no turn waits for it.
 */
import * as Schema from "effect/Schema"
import { activity, type Caller, type DecideContext } from "../../engine/index.ts"
import { SessionRow } from "./index-row.ts"
import { type Event, messagesCharactersMax, type State, type Waiting } from "./state.ts"

export const indexAgainMs = 30_000
export const indexAgainMsMax = 15 * 60_000
/** Of one try, and of what a row waits for its turn. */
export const indexTimeoutMs = 8_000

/** Puts the session into the index. Idempotent: an older revision changes nothing. */
export const indexActivity = activity({
  input: SessionRow,
  output: Schema.Struct({ revision: Schema.Int, message: Schema.Int }),
  timeoutMs: indexTimeoutMs,
  retry: { attemptsMax: 1 },
})

/** The oldest that the index lacks, as many as a record holds; those of a turn go when it has ended. */
const lacking = ({ messages, indexing, active }: State): State["messages"] => {
  let characters = 0
  const all = messages.filter(({ number, turn }) => number > indexing.message && turn !== active?.turn)
  const beyond = all.findIndex(({ content }, index) => {
    characters += content.length
    return index > 0 && characters > messagesCharactersMax
  })
  return beyond < 0 ? all : all.slice(0, beyond)
}

const rowOf = (state: State): SessionRow => {
  const { session, opened, agent, lastActivity, turns, totals, lastMessage, indexing } = state
  return {
    head: {
      session,
      owner: opened?.owner ?? "",
      title: opened?.title ?? "",
      agent,
      createdAt: opened?.createdAt ?? 0,
      lastActivity,
      turns,
      messages: lastMessage,
      totals,
    },
    revision: indexing.revision,
    deleted: state.deleted === true,
    messages: lacking(state),
  }
}

/** Whether the index lacks something. */
export const isBehind = (state: State): boolean =>
  state.indexing.indexed < state.indexing.revision || lacking(state).length > 0

/** What a decision adds to have the index follow. `after`: the state as it will be. */
export const follow = (after: State) => {
  if (after.indexing.underWay !== undefined || !isBehind(after)) return { events: [], start: [] }
  const { revision } = after.indexing
  return {
    events: [{ _tag: "IndexBegun", revision }] satisfies ReadonlyArray<Event>,
    start: [{ activity: "index" as const, id: `index:${revision}`, input: rowOf(after) }],
  }
}

/** Whoever asked is answered once lists show what `after` is. */
export const awaited = (
  after: State,
  { caller }: DecideContext,
  reason: Waiting["for"],
): ReadonlyArray<Event> =>
  caller === undefined
    ? []
    : [{ _tag: "IndexAwaited", caller, revision: after.indexing.revision, for: reason }]

/** The answers to those who waited for revision `revision`, or for whatever. */
export const answersOf = ({ indexing, opened }: State, revision = Number.POSITIVE_INFINITY) =>
  indexing.waiting
    .filter((waiting) => waiting.revision <= revision)
    .map((waiting) => ({
      caller: waiting.caller as Caller,
      reply: waiting.for === "Delete" ? { deleted: true } : { title: opened?.title ?? "" },
    }))

export const againMs = ({ indexing }: State): number =>
  Math.min(indexAgainMs * 2 ** Math.min(indexing.failures, 10), indexAgainMsMax)
