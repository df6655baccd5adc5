import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import {
  ChatSessionProtocol,
  type SessionEvent,
  type SessionFeed,
  sessionTopic,
} from "../../../schemas/index.ts"
import { ask, eventually, rejectionOf, tenant, withProduct } from "../../support/product.ts"
import { idle, kinds, numbers, open, read, say, scripted } from "./scripted-session.ts"

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
    ["alive", undefined, 2],
    ["fails", "AgentAway", 0],
    ["gap", "TokensMissing", 0],
    ["short", "TokensMissing", 2],
    ["endless", "AnswerTooLong", 320],
    ["controls", "AnswerTooLong", 160],
    ["many", "AnswerTooLong", 15_872],
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
    "moves to another agent between turns, and says so",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        yield* open(engine, "silent")
        yield* ask(engine, ChatSessionProtocol, "s", {
          _tag: "Transfer",
          toAgent: "plain",
          reason: "asked",
          context: "full",
        })
        yield* say(engine, "m1")
        const { events, agent, previousAgent } = yield* idle(engine)
        expect([agent, previousAgent]).toEqual(["plain", "silent"])
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
