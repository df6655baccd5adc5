/** An actor of the tests that keeps lines, and uses each means of the engine when it is told to. */
import * as Schema from "effect/Schema"
import { accept, activity, define, reject } from "../../engine/index.ts"
import { command, protocol } from "../../schemas/index.ts"

const Caller = Schema.Struct({ node: Schema.String, ask: Schema.Int, key: Schema.optionalKey(Schema.String) })
const Due = Schema.Union([
  Schema.Struct({ afterMs: Schema.Int }),
  Schema.Struct({ at: Schema.Int }),
  Schema.Struct({ cron: Schema.String, zone: Schema.optionalKey(Schema.String) }),
])
const id = Schema.String
const line = Schema.String

export const RecorderProtocol = protocol({
  kind: "recorder",
  version: 1,
  commands: {
    Note: command({ line }, Schema.Struct({ count: Schema.Int })),
    Refuse: command({}, Schema.Struct({ count: Schema.Int })),
    /** Throws while deciding. */
    Poison: command({}),
    /** One event of so many characters. */
    Grow: command({ characters: Schema.Int }),
    /** Answered by `Resolve` with the same id. */
    Await: command({ id }, Schema.Struct({ value: Schema.String })),
    Resolve: command({ id, value: Schema.String }),
    Arm: command({ id, due: Due }),
    ArmMany: command({ from: Schema.Int, count: Schema.Int, afterMs: Schema.Int }),
    Disarm: command({ id }),
    Run: command({ id, task: Schema.String }),
    Cancel: command({ id }),
    Pass: command({ to: Schema.String, line }),
    Announce: command({ topic: Schema.String, line }),
    Draw: command({}, Schema.Struct({ number: Schema.Finite, uuid: Schema.String })),
    Read: command({}, Schema.Struct({ lines: Schema.Array(line) })),
  },
  rejections: { Refused: { count: Schema.Int } },
})

const State = Schema.Struct({ lines: Schema.Array(line), waiting: Schema.Record(Schema.String, Caller) })

const noted = (text: string) => ({ _tag: "Noted" as const, line: text })

export const Recorder = define(RecorderProtocol, {
  state: State,
  events: {
    Noted: { line },
    Awaited: { id, caller: Schema.optionalKey(Caller) },
    Resolved: { id },
  },
  activities: {
    work: activity({
      input: Schema.String,
      output: Schema.String,
      progress: Schema.Int,
      retry: { attemptsMax: 3, firstDelayMs: 1_000, delayMaxMs: 3_000 },
      timeoutMs: 5_000,
    }),
  },
  initial: () => ({ lines: [], waiting: {} }),
  decide: {
    Note: (state, { line: text }) =>
      accept({ events: [noted(text)], reply: { count: state.lines.length + 1 } }),
    Refuse: (state) => reject({ _tag: "Refused", count: state.lines.length }),
    Poison: () => {
      throw new Error("poison")
    },
    Grow: (_state, { characters }) => accept({ events: [noted("x".repeat(characters))] }),
    Await: (_state, { id: wait }, { caller }) =>
      accept({ events: [{ _tag: "Awaited", id: wait, ...(caller === undefined ? {} : { caller }) }] }),
    Resolve: (state, { id: wait, value }) => {
      const caller = state.waiting[wait]
      return accept({
        events: [{ _tag: "Resolved", id: wait }],
        answers: caller === undefined ? [] : [{ caller, reply: { value } }],
      })
    },
    Arm: (_state, { id: timer, due }) =>
      accept({ setTimers: [{ timer: "ring", id: timer, due, payload: { from: timer } }] }),
    ArmMany: (_state, { from, count, afterMs }) =>
      accept({
        setTimers: Array.from({ length: count }, (_, index) => ({
          timer: "ring",
          id: String(from + index),
          due: { afterMs },
        })),
      }),
    Disarm: (_state, { id: timer }) => accept({ clearTimers: [{ timer: "ring", id: timer }] }),
    Run: (_state, { id: run, task }) => accept({ start: [{ activity: "work", id: run, input: task }] }),
    Cancel: (_state, { id: run }) => accept({ events: [noted(`cancelled ${run}`)], cancel: [run] }),
    Pass: (_state, { to, line: text }) =>
      accept({
        events: [noted(`passed ${text}`)],
        send: [RecorderProtocol.tell(to, { _tag: "Note", line: text })],
      }),
    Announce: (_state, { topic, line: text }) =>
      accept({ events: [noted(text)], signal: [{ topic, body: { line: text } }] }),
    Draw: (_state, _command, { random }) => accept({ reply: { number: random.next(), uuid: random.uuid() } }),
    Read: ({ lines }) => accept({ reply: { lines } }),
  },
  evolve: {
    Noted: (state, { line: text }) => ({ ...state, lines: [...state.lines, text] }),
    Awaited: (state, { id: wait, caller }) =>
      caller === undefined ? state : { ...state, waiting: { ...state.waiting, [wait]: caller } },
    Resolved: (state, { id: wait }) => {
      const { [wait]: _, ...waiting } = state.waiting
      return { ...state, waiting }
    },
  },
  timers: {
    ring: (_state, { id: timer, dueAt }, { now }) =>
      accept({ events: [noted(`rang ${timer}${now - dueAt > 1_000 ? " late" : ""}`)] }),
  },
  settled: {
    work: (_state, outcome) =>
      accept({
        events: [
          noted(
            `settled ${outcome.id}: ${outcome._tag === "Success" ? outcome.output : `${outcome.code} ${outcome.detail}`}`,
          ),
        ],
      }),
  },
  progressed: {
    work: (_state, { id: run, value }) => accept({ events: [noted(`progress ${run}: ${value}`)] }),
  },
})
