/**
 * A conversation between a person and the agent that has it. It owns the turns and the numbered events that clients
 * see; the agent answers in an activity beside its mailbox, and another activity has the index of sessions follow.
 *
 * I1 At most one turn runs. I2 Client-visible events are numbered 1, 2, 3 … without gaps, and each is signalled after
 * it is durable. I3 Every started turn ends with exactly one `stream_end` or `error`. I4 The same message id gives the
 * same turn. I5 What an answer reports after its turn is over is ignored. I6 Within a turn no agent gets the
 * conversation twice, and it moves at most `transfersPerTurnMax` times. I7 An agent that is silent for `silenceMs`
 * while somebody listens loses the turn. I8 Each end of an answer is told to its agent once. I9 A deleted session keeps
 * nothing that was said, and stays deleted.
 */
import { accept, type DecideContext, type Decision, define, reject } from "../../engine/index.ts"
import { ChatSessionProtocol, type SessionEvent, sessionDeletedCode } from "../../schemas/index.ts"
import { answerActivity } from "../agent/question.ts"
import { hearWithin, nobodyListened, silenceMs } from "../agent/silence.ts"
import { evolve, fold } from "./evolve.ts"
import { againMs, answersOf, awaited, follow, indexActivity, isBehind } from "./indexing.ts"
import { type Event, events, initial, State } from "./state.ts"
import {
  answerId,
  answering,
  broken,
  changed,
  ended,
  endings,
  heard,
  signalOf,
  stopped,
  tell,
} from "./turn.ts"
import { upcastCommand, upcastState } from "./version-1.ts"
import { viewOf } from "./view.ts"

/** Those who follow the session are told that it is no more. */
const deleted = (state: State, context: DecideContext): Decision<Event, never, never> => {
  const { active } = state
  const at = context.now
  const ending = active === undefined ? [] : [stopped(active, at)]
  const ended = fold(state, ending)
  const gone: SessionEvent = {
    type: "error",
    n: ended.recent.last + 1,
    turn: 0,
    at,
    code: sessionDeletedCode,
    message: "the session was deleted",
  }
  const forgotten: ReadonlyArray<Event> = [...ending, { _tag: "Deleted", at }]
  const after = fold(state, forgotten)
  const waiting = awaited(after, context, "Delete")
  const { events, start } = follow(fold(after, waiting))
  return accept({
    events: [...forgotten, ...waiting, ...events],
    start,
    ...signalOf(state, ended, context, [gone]),
    ...(active === undefined ? {} : endings(state, active, "stopped")),
  })
}

export const ChatSession = define(ChatSessionProtocol, {
  events,
  activities: { answer: answerActivity, index: indexActivity },
  state: State,
  initial,
  decide: {
    Open: (state, { agentId, title, owner }, context) => {
      const { now, traceId } = context
      const { opened, session } = state
      if (state.deleted) return reject({ _tag: "SessionUnknown" })
      if (opened === undefined) {
        const begun = [{ _tag: "Opened", agent: agentId, title, owner, traceId, at: now }] as const
        return accept({ ...tell(state, context, begun), reply: { session, traceId, createdAt: now } })
      }
      if (opened.agent !== agentId || opened.owner !== owner) {
        return reject({ _tag: "SessionTaken", agent: opened.agent })
      }
      return accept({ reply: { session, traceId: opened.traceId, createdAt: opened.createdAt } })
    },
    Say: (state, { messageId, content, scopes }, context) => {
      if (state.opened === undefined) return reject({ _tag: "SessionUnknown" })
      const before = state.asked.find((asked) => asked.messageId === messageId)
      if (before !== undefined) return accept({ reply: { turn: before.turn, after: before.after } })
      if (state.active !== undefined) return reject({ _tag: "TurnInProgress", turn: state.active.turn })
      const turn = state.turns + 1
      const askedWith = scopes === undefined ? {} : { scopes }
      const said = { messageId, content, ...askedWith }
      const started = [{ _tag: "TurnStarted", turn, ...said, at: context.now }] as const
      return accept({ ...answering(state, context, started), reply: { turn, after: state.recent.last } })
    },
    Stop: (state, { turn }, context) => {
      const { active } = state
      if (state.opened === undefined) return reject({ _tag: "SessionUnknown" })
      if (active === undefined || (turn !== undefined && turn !== active.turn)) {
        return accept({ reply: { stopped: false } })
      }
      return accept({
        ...tell(state, context, [stopped(active, context.now)]),
        ...endings(state, active, "stopped"),
        reply: { stopped: true },
      })
    },
    Transfer: (state, { _tag: _, toAgent, ...terms }, context) => {
      if (state.opened === undefined) return reject({ _tag: "SessionUnknown" })
      if (state.active !== undefined) return reject({ _tag: "TurnInProgress", turn: state.active.turn })
      const from = state.agent
      if (from === toAgent) return accept({ reply: { from, to: toAgent } })
      return accept({
        ...tell(state, context, [changed(state, toAgent, terms, context.now)]),
        reply: { from, to: toAgent },
      })
    },
    Rename: (state, { title }, context) => {
      if (state.opened === undefined) return reject({ _tag: "SessionUnknown" })
      if (state.opened.title === title) return accept({ reply: { title } })
      const renamed = [{ _tag: "Renamed", title }] as const
      return accept(tell(state, context, [...renamed, ...awaited(fold(state, renamed), context, "Rename")]))
    },
    Delete: (state, _, context) =>
      state.opened === undefined ? reject({ _tag: "SessionUnknown" }) : deleted(state, context),
    Read: (state, wanted) =>
      state.opened === undefined
        ? reject({ _tag: "SessionUnknown" })
        : accept({ reply: viewOf(state, wanted) }),
    Said: ({ active }, { turn }) =>
      accept({
        reply:
          active?.turn === turn
            ? {
                text: active.answer.slice(active.answer.length - active.heardCharacters),
                tokens: active.heard,
              }
            : { text: "", tokens: 0 },
      }),
  },
  evolve,
  progressed: {
    answer: (state, { id, value }, context) =>
      state.active === undefined || answerId(state.active) !== id
        ? accept()
        : heard(state, context, state.active, value),
  },
  settled: {
    answer: (state, outcome, context) => {
      const { active } = state
      if (active === undefined || answerId(active) !== outcome.id) return accept()
      if (outcome._tag === "Success") return ended(state, context, active, outcome.output)
      return broken(state, context, active, [outcome.code.slice(0, 64), outcome.detail])
    },
    index: (state, outcome) => {
      const settled: ReadonlyArray<Event> = [
        outcome._tag === "Success" ? { _tag: "Indexed", ...outcome.output } : { _tag: "IndexFailed" },
      ]
      const after = fold(state, settled)
      if (outcome._tag === "Failure") {
        const again = [{ timer: "index" as const, due: { afterMs: againMs(after) } }]
        return accept({ events: settled, answers: answersOf(state), setTimers: again })
      }
      const { events, start } = follow(after)
      const answers = answersOf(state, outcome.output.revision)
      return accept({ events: [...settled, ...events], start, answers })
    },
  },
  upcast: { state: upcastState, command: upcastCommand },
  timers: {
    index: (state) => (isBehind(state) ? accept(follow(state)) : accept()),
    silence: (state, fired, context) => {
      if (state.active === undefined) return accept()
      // The answer is begun again by whichever node is there now.
      if (nobodyListened(fired, context)) return accept({ setTimers: hearWithin })
      return broken(state, context, state.active, [
        "AgentSilent",
        `agent "${state.agent}" said nothing for ${silenceMs / 1_000} s`,
      ])
    },
  },
})
