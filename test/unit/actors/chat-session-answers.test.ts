import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { Implementation } from "../../../engine/index.ts"
import { ChatSessionProtocol } from "../../../schemas/index.ts"
import { ask, withProduct } from "../../support/product.ts"
import { ended, idle, kinds, open, read, say, scripted } from "./scripted-session.ts"

describe("the answers of a chat session", () => {
  it(
    "voids only what the agent said that began anew, and keeps what those before it said",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        yield* open(engine, "first")
        yield* say(engine, "m1")
        const { events, totals } = yield* idle(engine)
        expect(kinds(events)).toEqual([
          ...["message", "stream_start", "token", "token", "agent_transfer", "token", "token"],
          ...["stream_restart", "token", "token", "token", "stream_end"],
        ])
        expect(events[7]).toMatchObject({ agent_id: "restarts", index: 2, reason: "cut off" })
        expect(events.slice(8, 11).map((event) => "index" in event && event.index)).toEqual([2, 3, 4])
        expect(events.at(-1)).toMatchObject({ total_tokens: 5, usage: { input: 200, output: 4 } })
        const { messages } = yield* read(engine)
        expect(messages[1]).toMatchObject({
          content: "one twoanew it goes",
          agent: "restarts",
          status: "completed",
          tokens: 5,
        })
        expect(totals).toMatchObject({ tokens: 5, usage: { input: 200, output: 4, estimated: false } })
      }),
    ),
  )

  it(
    "counts what a stopped answer and one that failed took",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        yield* open(engine, "talks")
        yield* say(engine, "m1")
        yield* Effect.sleep(2_000)
        yield* ask(engine, ChatSessionProtocol, "s", { _tag: "Stop" })
        const { events } = yield* read(engine, 0)
        const spent = { output: 2, estimated: true }
        expect(events.at(-1)).toMatchObject({
          stopped: true,
          total_tokens: 2,
          execution_time: 2,
          usage: spent,
        })
        yield* say(engine, "m2")
        yield* idle(engine)
        const { messages, totals } = yield* read(engine)
        expect(messages[1]).toMatchObject({ status: "stopped", tokens: 2, executionMs: 2_000, usage: spent })
        expect(messages[3]).toMatchObject({ status: "failed", code: "AgentSilent", tokens: 2, usage: spent })
        expect(totals).toMatchObject({ tokens: 4, usage: { input: 0, output: 4, estimated: true } })
      }),
    ),
  )

  it(
    "ignores what an answer reports after its turn is over, and tells the agent once how it ended",
    withProduct((product) =>
      Effect.gen(function* () {
        const late: Implementation["activities"][string] = (_, run) =>
          Effect.gen(function* () {
            yield* run.emit({ from: 0, tokens: ["now"] })
            yield* Effect.sleep(35_000)
            yield* run.emit({ from: 1, tokens: ["late"] })
            return ended(2)
          })
        const [{ kind, activities }] = scripted as readonly [Implementation]
        const { engine } = yield* product.start([{ kind, activities: { ...activities, answer: late } }])
        yield* open(engine, "plain")
        yield* say(engine, "m1")
        const { last } = yield* idle(engine)
        yield* Effect.sleep(60_000)
        const { events, messages } = { ...(yield* read(engine, 0)), messages: (yield* read(engine)).messages }
        expect(events.at(-1)).toMatchObject({ n: last, type: "error", code: "AgentSilent" })
        expect(messages.map(({ content }) => content)).toEqual(["hello", "now"])
        const told = product
          .entries()
          .filter(
            ({ to, events }) => to.includes("/agent/plain") && events?.some(({ _tag }) => _tag === "Worked"),
          )
        expect(told).toHaveLength(1)
      }),
    ),
  )

  it(
    "tells the run that goes on after a crash what was heard of the agent that has the turn",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        const said = (turn: number) => ask(engine, ChatSessionProtocol, "s", { _tag: "Said", turn })
        yield* open(engine, "talks")
        yield* say(engine, "m1")
        yield* Effect.sleep(1_000)
        expect(yield* said(1)).toEqual({ text: "one two", tokens: 2 })
        expect(yield* said(2)).toEqual({ text: "", tokens: 0 })
        yield* ask(engine, ChatSessionProtocol, "s", { _tag: "Stop" })
        expect(yield* said(1)).toEqual({ text: "", tokens: 0 })
      }),
    ),
  )
})
