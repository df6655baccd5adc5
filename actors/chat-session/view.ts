/** A session as its owner reads it, within what one answer may have. */
import { readEventsMax, type SessionView } from "../../schemas/index.ts"
import { eventsAfter, oldestOf } from "./recent.ts"
import { messagesCharactersMax, messagesMax, newest, type State } from "./state.ts"

/** Characters of events in one answer to `Read`. */
export const readCharactersMax = 60_000

export const viewOf = (
  state: State,
  wanted: { readonly after?: number; readonly before?: number; readonly limit?: number },
): SessionView => {
  const { opened, active, recent, messages } = state
  const { after, before = state.lastMessage + 1, limit } = wanted
  const shown = after === undefined ? messages.filter(({ number }) => number < before) : []
  const most = Math.min(limit ?? messagesMax, messagesMax)
  return {
    session: state.session,
    agent: state.agent,
    title: opened?.title ?? "",
    owner: opened?.owner ?? "",
    createdAt: opened?.createdAt ?? 0,
    lastActivity: state.lastActivity,
    turns: state.turns,
    totals: state.totals,
    ...(state.handover === undefined ? {} : { previousAgent: state.handover.from }),
    messages: newest(shown, most, messagesCharactersMax, ({ content }) => content.length),
    lastMessage: state.lastMessage,
    oldestMessage: messages[0]?.number ?? state.lastMessage + 1,
    events:
      after === undefined
        ? []
        : eventsAfter(recent, after, { events: limit ?? readEventsMax, characters: readCharactersMax }),
    oldest: oldestOf(recent),
    last: recent.last,
    ...(active === undefined ? {} : { activeTurn: active.turn }),
  }
}
