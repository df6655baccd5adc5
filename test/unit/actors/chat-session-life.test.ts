import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { indexAgainMs, indexAgainMsMax } from "../../../actors/chat-session/indexing.ts"
import { ActivityFailure, type Implementation } from "../../../engine/index.ts"
import {
  ChatSessionProtocol,
  type SessionEvent,
  type SessionFeed,
  sessionDeletedCode,
  sessionTopic,
} from "../../../schemas/index.ts"
import { ask, eventually, rejectionOf, tenant, withProduct } from "../../support/product.ts"
import { idle, implemented, indexed, numbers, open, read, say, scripted, usage } from "./scripted-session.ts"

describe("a chat session", () => {
  it(
    "takes its first question for its title when it has none, and another one from its owner",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start(scripted)
        const title = `   how\n do I\tcancel ${"🙂".repeat(100)}`
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

  it(
    "can be told again from the journal all that it was told",
    withProduct((product) =>
      Effect.gen(function* () {
        const { index, put } = indexed()
        const { engine } = yield* product.start(implemented(put))
        yield* open(engine, "plain")
        for (const id of ["m1", "m2"]) {
          yield* say(engine, id)
          yield* idle(engine)
        }
        yield* eventually(() => index.rows.length === 3)
        const inputs = product
          .entries()
          .flatMap(({ start = [] }) =>
            start.flatMap(({ activity, input }) => (activity === "index" ? [input] : [])),
          )
        expect(inputs).toEqual(index.rows)
      }),
    ),
  )
})
