import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { Answered, Piece, Question } from "../../../actors/agent/question.ts"
import { indexAgainMs, indexAgainMsMax } from "../../../actors/chat-session/indexing.ts"
import { ChatSession } from "../../../actors/chat-session/session.ts"
import {
  ActivityFailure,
  type ActivityRun,
  type AnyKind,
  type EngineShape,
  type Implementation,
} from "../../../engine/index.ts"
import {
  ChatSessionProtocol,
  type SessionEvent,
  type SessionFeed,
  sessionDeletedCode,
  sessionTopic,
} from "../../../schemas/index.ts"
import { makeMemoryChatIndex } from "../../support/chat-index.ts"
import { ask, eventually, rejectionOf, tenant, withProduct } from "../../support/product.ts"

type Run = ActivityRun<Piece>
const ended = (tokens: number, more: object = {}): Answered => ({
  _tag: "Said",
  tokens,
  text: "",
  blocks: [],
  ...more,
})
const handedOver = (toAgent: string, more: object = {}): Answered => ({
  _tag: "HandedOver",
  toAgent,
  reason: "your turn",
  context: "full",
  ...more,
})
const usage = { input: 100, output: 2, estimated: false }

/** An answer that is what the agent's name says. */
const script = Effect.fnUntraced(function* ({ agent, question, turn }: Question, run: Run) {
  const words = ["one", " two"]
  if (agent === "silent") return yield* Effect.never
  if (agent === "fails")
    return yield* new ActivityFailure({ code: "AgentAway", detail: "it is away", retryable: false })
  if (agent === "gap") {
    yield* run.emit({ from: 5, tokens: words })
    return ended(7)
  }
  if (agent.startsWith("chain")) return handedOver(`chain${Number(agent.slice(5)) + 1}`)
  if (agent === "endless" || agent === "controls") {
    const token = (agent === "endless" ? "x" : "\u0001").repeat(400)
    for (let from = 0; ; from += 40) yield* run.emit({ from, tokens: Array<string>(40).fill(token) })
  }
  if (agent === "many") {
    for (let from = 0; ; from += 256) yield* run.emit({ from, tokens: Array<string>(256).fill("a") })
  }
  yield* run.emit({ from: 0, tokens: words })
  if (agent === "repeats") {
    yield* run.emit({ from: 0, tokens: words })
    yield* run.emit({ from: 1, tokens: [" two", " three"] })
    return ended(3)
  }
  if (agent === "short") return ended(9)
  if (agent === "ping") return handedOver("pong", { usage })
  if (agent === "pong") return handedOver("ping", { usage })
  if (agent === "first") return handedOver("restarts", { usage })
  if (agent === "restarts") {
    yield* run.emit({ from: 0, tokens: ["anew", " it", " goes"], restart: "cut off" })
    return ended(3, { usage })
  }
  if (agent === "talks") {
    yield* Effect.sleep(2_500)
    return yield* Effect.never
  }
  if (agent === "alive") {
    for (let beats = 0; beats < 8; beats++) {
      yield* Effect.sleep(20_000)
      yield* run.emit({ from: 2, tokens: [] })
    }
  }
  return ended(2, { usage, ...(question === "draw" ? { plan: `p${turn}` } : {}) })
})

const implemented = (put: Implementation["activities"][string]): ReadonlyArray<Implementation> => [
  { kind: ChatSession as unknown as AnyKind, activities: { answer: script as never, index: put } },
]
const indexed = () => {
  const index = makeMemoryChatIndex()
  const put = (row: unknown) => {
    const { revision, messages } = row as Parameters<typeof index.put>[1]
    return Effect.as(Effect.orDie(index.put(tenant, row as never)), {
      revision,
      message: messages.at(-1)?.number ?? 0,
    })
  }
  return { index, put }
}
const scripted = implemented(indexed().put)

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
/** The session between turns, with all of its events, page by page. */
const idle = Effect.fnUntraced(function* (engine: EngineShape) {
  for (;;) {
    const view = yield* read(engine, 0)
    const events = [...view.events]
    if (view.activeTurn === undefined) {
      while (events.length > 0 && events.at(-1)!.n < view.last)
        events.push(...(yield* read(engine, events.at(-1)!.n)).events)
      return { ...view, events }
    }
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

  it(
    "takes its first question for its title when it has none, and another one from its owner",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        const title = "   how\n do I\tcancel " + "🙂".repeat(100)
        yield* ask(engine, ChatSessionProtocol, "s", {
          _tag: "Open",
          agentId: "plain",
          title: "",
          owner: "ann",
        })
        yield* say(engine, "m1", title)
        const named = (yield* idle(engine)).title
        expect(named).toMatch(/^how do I cancel 🙂+$/u)
        expect([...named]).toHaveLength(80)
        yield* ask(engine, ChatSessionProtocol, "s", { _tag: "Rename", title: "mine" })
        yield* say(engine, "m2", "something else")
        expect((yield* idle(engine)).title).toBe("mine")
      }),
    ),
  )

  it(
    "that is deleted ends its answer, forgets all that was said, and stays unknown",
    withProduct((product) =>
      Effect.gen(function* () {
        const { index, put } = indexed()
        const { engine, crash } = yield* product.start(implemented(put))
        const heard: Array<SessionEvent> = []
        yield* engine.listen(sessionTopic(tenant, "s"), (body) => heard.push(...(body as SessionFeed).events))
        yield* open(engine, "plain")
        yield* say(engine, "m1", "a secret")
        yield* idle(engine)
        yield* ask(engine, ChatSessionProtocol, "s", {
          _tag: "Transfer",
          toAgent: "silent",
          reason: "more",
          context: "full",
        })
        yield* say(engine, "m2", "another secret")
        const remove = ask(engine, ChatSessionProtocol, "s", { _tag: "Delete" })
        expect(yield* remove).toEqual({ deleted: true })
        expect(index.rows.at(-1)).toMatchObject({
          deleted: true,
          messages: [],
          head: { owner: "", title: "" },
        })
        expect(heard.slice(-2)).toMatchObject([
          { type: "stream_end", stopped: true },
          { type: "error", code: sessionDeletedCode },
        ])
        expect(heard.map(({ n }) => n)).toEqual(numbers(heard.length))
        yield* crash
        const next = yield* product.start(implemented(put))
        const unknown = { _tag: "SessionUnknown" }
        for (const command of [
          { _tag: "Read" },
          { _tag: "Delete" },
          { _tag: "Stop" },
          { _tag: "Say", messageId: "m1", content: "again" },
          { _tag: "Rename", title: "again" },
          { _tag: "Open", agentId: "plain", title: "", owner: "ann" },
        ] as const)
          expect(yield* rejectionOf(ask(next.engine, ChatSessionProtocol, "s", command))).toEqual(unknown)
        expect(JSON.stringify(index.rows.at(-1))).not.toContain("secret")
      }),
    ),
  )
})

describe("the index of sessions", () => {
  it(
    "is told of the opening, and of every turn once it has ended",
    withProduct((product) =>
      Effect.gen(function* () {
        const { index, put } = indexed()
        const { engine } = yield* product.start(implemented(put))
        yield* open(engine, "plain")
        yield* eventually(() => index.rows.length === 1)
        yield* say(engine, "m1", "draw")
        yield* eventually(() => index.rows.length === 2)
        const [opened, turn] = index.rows
        expect(opened).toMatchObject({ revision: 1, messages: [], head: { title: "talk", owner: "ann" } })
        expect(turn).toMatchObject({
          revision: 2,
          head: { turns: 1, messages: 2, totals: { tokens: 2 } },
          messages: [
            { number: 1, role: "user", content: "draw", messageId: "m1" },
            { number: 2, role: "assistant", status: "completed", plan: "p1", tokens: 2, usage },
          ],
        })
      }),
    ),
  )

  it(
    "that cannot be reached holds no turn up, and gets all that was said meanwhile when it is back",
    withProduct((product) =>
      Effect.gen(function* () {
        const { index, put } = indexed()
        let [away, tries] = [true, 0]
        const failing: Implementation["activities"][string] = (row) =>
          Effect.suspend(() => {
            tries += 1
            return away
              ? Effect.fail(
                  new ActivityFailure({ code: "IndexUnavailable", detail: "away", retryable: false }),
                )
              : put(row)
          })
        const { engine } = yield* product.start(implemented(failing))
        yield* open(engine, "plain")
        for (let turn = 1; turn <= 30; turn++) {
          yield* say(engine, `m${turn}`, `question ${turn}`)
          expect((yield* idle(engine)).turns).toBe(turn)
        }
        expect(yield* ask(engine, ChatSessionProtocol, "s", { _tag: "Rename", title: "new" })).toEqual({
          title: "new",
        })
        // More than the session keeps of what the index has.
        expect((yield* read(engine)).oldestMessage).toBe(1)
        const before = tries
        yield* Effect.sleep(4 * 60 * 60_000)
        expect(tries - before).toBeLessThanOrEqual((4 * 60 * 60_000) / indexAgainMsMax + 8)
        expect(tries - before).toBeGreaterThan(10)
        away = false
        yield* Effect.sleep(indexAgainMsMax)
        const all = index.rows.flatMap(({ messages }) => messages.map(({ number }) => number))
        expect(all).toEqual(numbers(60))
        expect(index.rows.at(-1)).toMatchObject({ head: { title: "new", messages: 60 } })
        expect((yield* read(engine)).oldestMessage).toBe(21)
        const { length } = index.rows
        yield* Effect.sleep(10 * indexAgainMs)
        expect(index.rows).toHaveLength(length)
      }),
    ),
  )

  it(
    "gets one row at a time, which carries what gathered meanwhile",
    withProduct((product) =>
      Effect.gen(function* () {
        const { index, put } = indexed()
        const slow: Implementation["activities"][string] = (row) =>
          Effect.andThen(Effect.sleep(5_000), put(row))
        const { engine } = yield* product.start(implemented(slow))
        yield* open(engine, "plain")
        for (const id of ["m1", "m2", "m3"]) {
          yield* say(engine, id)
          yield* idle(engine)
        }
        yield* Effect.sleep(20_000)
        expect(index.rows.map(({ revision }) => revision)).toEqual([1, 4])
        expect(index.rows[1]!.messages.map(({ number }) => number)).toEqual(numbers(6))
      }),
    ),
  )
})
