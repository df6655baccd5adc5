/** Holds what clients were given against the journals, and the journals against what was said. */
import type { SessionEvent, SessionMessage, TaskEvent } from "../../../schemas/index.ts"
import type { Run } from "./model.ts"
import type { Asked, Client, Numbered } from "./people.ts"
import type { Index } from "./software.ts"
import type { Truth } from "./truth.ts"
import { checkSession, checkTask, type Figures, type Said, type Say } from "./turns.ts"

const checkNumbers = (what: string, events: ReadonlyArray<Numbered>, say: Say): void => {
  for (const [index, { n }] of events.entries())
    if (n !== index + 1) {
      say(`${what}: event ${n} stands in place ${index + 1}`)
      return
    }
}

const checkMessages = (
  what: string,
  found: ReadonlyArray<SessionMessage>,
  expected: ReadonlyArray<Said>,
  say: Say,
): void => {
  for (const { number, role, content, turn, executionMs = 0 } of found) {
    const wanted = expected[number - 1]
    if (wanted === undefined || wanted.role !== role || wanted.content !== content || wanted.turn !== turn)
      say(`${what}: message ${number} is "${content}", clients saw "${wanted?.content}"`)
    if (executionMs < 0) say(`${what}: message ${number} took ${executionMs} ms`)
  }
}

/** What a client was given is what there is, up to its last event; what it only heard, too. */
const checkClient = <E extends Numbered>(
  what: string,
  { seen, heard }: Client<E>,
  events: ReadonlyArray<E>,
  isWhole: boolean,
  say: Say,
): void => {
  const shown = (event: E | undefined) =>
    JSON.stringify(
      Object.entries({ ...event, message: "", at: 0 }).sort(([one], [other]) => (one < other ? -1 : 1)),
    )
  for (const event of [...seen, ...heard])
    if (shown(event) !== shown(events[event.n - 1]))
      say(`${what} got ${shown(event)} where there is ${shown(events[event.n - 1])}`)
  checkNumbers(`${what}, a client`, seen, say)
  if (isWhole && seen.length !== events.length) say(`${what} got ${seen.length} events of ${events.length}`)
}

export interface Observed {
  readonly runs: ReadonlyArray<Run>
  readonly asked: ReadonlyArray<Asked>
  readonly sessions: ReadonlyArray<Client<SessionEvent>>
  readonly tasks: ReadonlyArray<Client<TaskEvent>>
  readonly index: Index
}

const checkIndex = (
  truth: Truth,
  key: string,
  { index }: Observed,
  expected: ReadonlyArray<Said>,
  say: Say,
) => {
  const rows = index.rows.get(key) ?? []
  const newest = [...rows].sort((one, other) => one.revision - other.revision).at(-1)
  const { state } = truth.sessions.get(key)!
  if (newest?.deleted !== (state.deleted ?? false)) return say(`session ${key}: the index has its end wrong`)
  if (newest.deleted) return
  if (newest.head.title !== state.opened?.title || newest.head.agent !== state.agent)
    say(`session ${key}: lists show ${newest.head.title} of ${newest.head.agent}`)
  const messages = new Map(rows.flatMap((row) => row.messages).map((message) => [message.number, message]))
  if (messages.size !== expected.length)
    say(`session ${key}: the index has ${messages.size} messages of ${expected.length}`)
  checkMessages(`the index of session ${key}`, [...messages.values()], expected, say)
}

export const check = (truth: Truth, observed: Observed, figures: Figures): ReadonlyArray<string> => {
  const violations: Array<string> = truth.dead.map((one) => `nobody could take ${one}`)
  const say: Say = (violation) => violations.push(violation)
  const worked = new Map<string, number>()
  const { runs, asked, sessions, tasks } = observed
  for (const [key, { events, state }] of truth.sessions) {
    checkNumbers(`session ${key}`, events, say)
    const expected = checkSession(key, events, runs, worked, figures, say)
    checkMessages(`session ${key}`, state.messages, expected, say)
    checkIndex(truth, key, observed, expected, say)
    for (const client of sessions.filter((one) => one.key === key))
      checkClient(`session ${key}`, client, events, state.deleted !== true, say)
    for (const { messageId, turn, after } of asked.filter(({ session }) => session === key)) {
      const event = events[after]
      if (event?.type !== "message" || event.message_id !== messageId || event.turn !== turn)
        say(`session ${key}: ${messageId} was called turn ${turn} after ${after}`)
    }
  }
  for (const [key, { events, state }] of truth.tasks) {
    checkNumbers(`task ${key}`, events, say)
    const question = state.messages[0]?.text ?? ""
    checkTask(key, events, { question, agent: state.opened?.agent ?? "" }, runs, worked, say)
    for (const client of tasks.filter((one) => one.key === key))
      checkClient(`task ${key}`, client, events, true, say)
  }
  for (const what of new Set([...worked.keys(), ...truth.worked.keys()]))
    if (worked.get(what) !== truth.worked.get(what))
      say(`${what} ${worked.get(what) ?? 0} times, was told of ${truth.worked.get(what) ?? 0}`)
  return violations
}
