/** A task as those who may see it see it, a page at a time. */
import type { TaskAnswer, TaskView } from "../../schemas/index.ts"
import type { State } from "./state.ts"

/** Characters of answers, and of events, in one answer to `Read`. */
export const readCharactersMax = 60_000

const answersOf = ({ answers, active, agent, updatedAt }: State) =>
  active === undefined || active.answer === ""
    ? answers
    : [...answers, { turn: active.turn, agent, text: active.answer, at: updatedAt }]

/** The characters `from`, … of all answers one after the other, as far as a page holds them. */
const pageOf = (state: State, from: number): ReadonlyArray<TaskAnswer> => {
  let start = 0
  return answersOf(state).map(({ turn, agent, text, at, ...more }) => {
    const [first, last] = [Math.max(from - start, 0), Math.max(from + readCharactersMax - start, 0)]
    start += text.length
    return {
      turn,
      agent,
      characters: text.length,
      text: text.slice(first, last),
      ...(from === 0 ? more : {}),
      at,
    }
  })
}

export const viewOf = (
  state: State,
  page: { readonly after: number | undefined; readonly limit: number; readonly textFrom: number },
): TaskView | undefined => {
  const { opened, active, recent } = state
  if (opened === undefined) return undefined
  const { after, limit, textFrom } = page
  const wanted = after === undefined ? [] : recent.filter(({ n }) => n > after).slice(0, limit)
  let characters = 0
  const tooLong = wanted.findIndex((event, index) => {
    characters += event.type === "token" ? event.content.length : 0
    return index > 0 && characters > readCharactersMax
  })
  const { statusMessage, code, usage, plan } = state
  const { metadata } = opened
  return {
    task: state.task,
    agent: state.agent,
    openedWith: opened.agent,
    owner: opened.owner,
    context: opened.context,
    status: state.status,
    statusAt: state.statusAt,
    ...(statusMessage === undefined ? {} : { statusMessage }),
    ...(code === undefined ? {} : { code }),
    messages: state.messages,
    answers: pageOf(state, textFrom),
    characters: answersOf(state).reduce((sum, { text }) => sum + text.length, 0),
    restarts: state.restarts,
    tokens: state.tokens,
    ...(usage === undefined ? {} : { usage }),
    ...(plan === undefined ? {} : { plan }),
    ...(metadata === undefined ? {} : { metadata }),
    createdAt: opened.createdAt,
    updatedAt: state.updatedAt,
    revision: state.revision,
    turn: state.turns,
    turnStart: active?.start ?? state.last,
    events: tooLong < 0 ? wanted : wanted.slice(0, tooLong),
    oldest: recent[0]?.n ?? state.last + 1,
    last: state.last,
  }
}
