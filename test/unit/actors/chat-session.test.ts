import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { type AnyKind, accept, define, type EngineShape } from "../../../engine/index.ts"
import {
  AgentProtocol,
  ChatSessionProtocol,
  type SessionEvent,
  type SessionFeed,
  sessionTopic,
} from "../../../schemas/index.ts"
import { ask, eventually, rejectionOf, tenant, withProduct } from "../../support/product.ts"

/** An agent that does with a question what its own key says. */
const ScriptedAgent = define(AgentProtocol, {
  state: Schema.Struct({ key: Schema.String }),
  events: {},
  initial: (key) => ({ key }),
  decide: {
    Register: ({ key }) => accept({ reply: { agent: key, changed: false } }),
    Describe: () => {
      throw new Error("not scripted")
    },
    Status: ({ key }) => accept({ reply: { agent: key, status: "ready", running: 0 } }),
    Answer: ({ key }, { session, turn }) => {
      const send = (...commands: ReadonlyArray<typeof ChatSessionProtocol.Command>) =>
        accept({ send: commands.map((command) => ChatSessionProtocol.tell(session, command)) })
      const words = { _tag: "Tokens" as const, turn, from: 0, tokens: ["one", " two"] }
      if (key === "silent") return accept()
      if (key === "repeats") {
        return send(
          words,
          words,
          { ...words, from: 1, tokens: [" two", " three"] },
          { _tag: "TurnEnded", turn, tokens: 3 },
        )
      }
      if (key === "gap") return send({ ...words, from: 5 })
      if (key === "short") return send(words, { _tag: "TurnEnded", turn, tokens: 9 })
      if (key === "ping")
        return send(words, { _tag: "TransferRequested", turn, toAgent: "pong", reason: "your turn" })
      if (key === "pong")
        return send(words, { _tag: "TransferRequested", turn, toAgent: "ping", reason: "no, yours" })
      if (key.startsWith("chain")) {
        const toAgent = `chain${Number(key.slice(5)) + 1}`
        return send({ _tag: "TransferRequested", turn, toAgent, reason: "on" })
      }
      if (key === "endless") return send({ ...words, tokens: Array(200).fill("x".repeat(400)) })
      return send(words, { _tag: "TurnEnded", turn, tokens: 2 }, { ...words, from: 2 })
    },
    Cancel: () => accept(),
    Execute: () => {
      throw new Error("not scripted")
    },
    Alert: () => accept(),
    RecentAlerts: () => accept({ reply: { alerts: [] } }),
  },
  evolve: {},
})
const scripted = [{ kind: ScriptedAgent as unknown as AnyKind, activities: {} }]

const open = (engine: EngineShape, agentId: string) =>
  ask(engine, ChatSessionProtocol, "s", { _tag: "Open", agentId, title: "talk", owner: "ann" })
const say = (engine: EngineShape, messageId: string, content = "hello") =>
  ask(engine, ChatSessionProtocol, "s", { _tag: "Say", messageId, content })
const read = (engine: EngineShape, after?: number, limit?: number) =>
  ask(engine, ChatSessionProtocol, "s", {
    _tag: "Read",
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
  })
const idle = Effect.fnUntraced(function* (engine: EngineShape) {
  for (;;) {
    const view = yield* read(engine, 0)
    if (view.activeTurn === undefined) return view
    yield* Effect.sleep(500)
  }
})
const kinds = (events: ReadonlyArray<SessionEvent>) => events.map(({ type }) => type)
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe("a chat session", () => {
  it(
    "shows a turn as message, stream_start, tokens and stream_end, numbered without gaps",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        yield* open(engine, "plain")
        expect(yield* say(engine, "m1")).toEqual({ turn: 1, after: 0 })
        const { events, last } = yield* idle(engine)
        expect(kinds(events)).toEqual(["message", "stream_start", "token", "token", "stream_end"])
        expect(events.map(({ n }) => n)).toEqual(numbers(5))
        expect(events.map(({ turn }) => turn)).toEqual([1, 1, 1, 1, 1])
        expect(events[3]).toMatchObject({ content: " two", index: 1 })
        expect(events[4]).toMatchObject({ total_tokens: 2 })
        expect(last).toBe(5)
        expect((yield* read(engine, 3)).events.map(({ n }) => n)).toEqual([4, 5])
        expect((yield* read(engine, 1, 2)).events.map(({ n }) => n)).toEqual([2, 3])
        const { messages } = yield* read(engine)
        expect(messages.map(({ role, content }) => [role, content])).toEqual([
          ["user", "hello"],
          ["assistant", "one two"],
        ])
      }),
    ),
  )

  it(
    "tells whoever listens exactly the events that can be read",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        const heard: Array<SessionEvent> = []
        yield* engine.listen(sessionTopic(tenant, "s"), (body) => heard.push(...(body as SessionFeed).events))
        yield* open(engine, "plain")
        yield* say(engine, "m1")
        yield* eventually(() => heard.at(-1)?.type === "stream_end")
        expect(heard).toEqual((yield* read(engine, 0)).events)
      }),
    ),
  )

  it(
    "gives the same turn for the same message id, and refuses another message while a turn runs",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        expect(yield* rejectionOf(say(engine, "m1"))).toEqual({ _tag: "SessionUnknown" })
        yield* open(engine, "silent")
        const first = yield* say(engine, "m1")
        expect(yield* say(engine, "m1")).toEqual(first)
        expect(yield* rejectionOf(say(engine, "m2"))).toEqual({ _tag: "TurnInProgress", turn: 1 })
        yield* ask(engine, ChatSessionProtocol, "s", { _tag: "Stop" })
        expect(yield* say(engine, "m1")).toEqual(first)
        expect((yield* say(engine, "m2")).turn).toBe(2)
      }),
    ),
  )

  it(
    "ends a turn with an error when its agent says nothing for 30 s",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine, crash } = yield* product.start(scripted)
        yield* open(engine, "silent")
        const began = product.time.now
        yield* say(engine, "m1")
        yield* crash
        const { engine: after } = yield* product.start(scripted)
        const { events } = yield* idle(after)
        expect(events.at(-1)).toMatchObject({ type: "error", code: "AgentSilent", n: 3 })
        expect(events.at(-1)!.at - began).toBeGreaterThanOrEqual(30_000)
      }),
    ),
  )

  it(
    "keeps what was said and ends once when it is stopped",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        yield* open(engine, "silent")
        yield* say(engine, "m1")
        const stop = (turn?: number) =>
          ask(engine, ChatSessionProtocol, "s", { _tag: "Stop", ...(turn === undefined ? {} : { turn }) })
        expect(yield* stop(7)).toEqual({ stopped: false })
        expect(yield* stop(1)).toEqual({ stopped: true })
        expect(yield* stop()).toEqual({ stopped: false })
        yield* Effect.sleep(60_000)
        const { events } = yield* read(engine, 0)
        expect(kinds(events)).toEqual(["message", "stream_start", "stream_end"])
        expect(events[2]).toMatchObject({ stopped: true })
      }),
    ),
  )

  const endings: ReadonlyArray<readonly [agent: string, code: string | undefined, tokens: number]> = [
    ["repeats", undefined, 3],
    ["gap", "TokensMissing", 0],
    ["short", "TokensMissing", 2],
    ["endless", "AnswerTooLong", 0],
    ["ping", "TransferRefused", 4],
    ["chain0", "TransferRefused", 0],
  ]
  for (const [agent, code, tokens] of endings) {
    it(
      `with the agent "${agent}" shows ${tokens} tokens and ends with ${code ?? "stream_end"}`,
      withProduct((product) =>
        Effect.gen(function* () {
          const { engine } = yield* product.start(scripted)
          yield* open(engine, agent)
          yield* say(engine, "m1")
          const { events, last } = yield* idle(engine)
          const shown = events.filter((event) => event.type === "token")
          expect(shown.map(({ index }) => index)).toEqual(numbers(tokens).map((number) => number - 1))
          expect(events.map(({ n }) => n)).toEqual(numbers(last))
          expect(events.at(-1)).toMatchObject(
            code === undefined ? { type: "stream_end" } : { type: "error", code },
          )
          expect(events.filter(({ type }) => type === "error" || type === "stream_end")).toHaveLength(1)
          expect(events.filter(({ type }) => type === "agent_transfer").length).toBeLessThanOrEqual(3)
        }),
      ),
    )
  }

  it(
    "takes pieces of an answer from agents only",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        yield* open(engine, "silent")
        yield* say(engine, "m1")
        const forged = ask(engine, ChatSessionProtocol, "s", {
          _tag: "Tokens",
          turn: 1,
          from: 0,
          tokens: ["x"],
        })
        expect(yield* rejectionOf(forged)).toEqual({ _tag: "NotTheAgent", agent: "silent" })
      }),
    ),
  )

  it(
    "moves to another agent between turns, and says so",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        yield* open(engine, "silent")
        yield* ask(engine, ChatSessionProtocol, "s", { _tag: "Transfer", toAgent: "plain", reason: "asked" })
        yield* say(engine, "m1")
        const { events, agent } = yield* idle(engine)
        expect(agent).toBe("plain")
        expect(events[0]).toMatchObject({
          type: "agent_transfer",
          from_agent: "silent",
          to_agent: "plain",
          turn: 0,
        })
        expect(events.at(-1)).toMatchObject({ type: "stream_end", n: 6 })
      }),
    ),
  )
})
