/** The index of sessions over the embedded database: what it takes, in how few transactions, and what it does without one. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { describe } from "vitest"
import { chatIndexLimits } from "../../actors/chat-session/index/layer.ts"
import { ChatIndex, chatIndexLayer, platformTables } from "../../actors/index.ts"
import { Tenancy } from "../../resources/index.ts"
import { ephemeralDatabase } from "../support/database.ts"

type Row = Parameters<(typeof ChatIndex)["Service"]["put"]>[1]

const totals = { tokens: 0, executionMs: 0, usage: { input: 0, output: 0, estimated: false } }
const row = (session: string, revision: number, more: Partial<Row> & { title?: string } = {}): Row => {
  const { title = "talk", ...rest } = more
  return {
    head: {
      session,
      owner: "ann",
      title,
      agent: "guide",
      createdAt: 1,
      lastActivity: 1_000.5 + revision,
      turns: 0,
      messages: 0,
      totals,
    },
    revision,
    deleted: false,
    messages: [],
    ...rest,
  }
}
const message = (number: number, content = `message ${number}`): Row["messages"][number] => ({
  number,
  turn: Math.ceil(number / 2),
  role: "user",
  content,
  at: number,
})
const titles = (tenant: string) =>
  Effect.map(
    ChatIndex.use(({ list }) => list(tenant, "ann", { page: 1, limit: 1_000 })),
    ({ rows }) => rows.map(({ session, title }) => `${session}: ${title}`),
  )
const put = (tenant: string, ...rows: ReadonlyArray<Row>) =>
  ChatIndex.use((index) =>
    Effect.forEach(rows, (one) => index.put(tenant, one), { concurrency: "unbounded", discard: true }),
  )
const contents = (tenant: string, session: string) =>
  Effect.map(
    ChatIndex.use(({ messages }) => messages(tenant, session, 1, 100)),
    (found) => found.map(({ content }) => content),
  )

/** Counts the transactions. */
let transactions = 0
const counted = Layer.effect(
  Tenancy,
  Effect.map(Tenancy, ({ management, within }) =>
    Tenancy.of({
      management,
      within: (tenant, work) =>
        Effect.suspend(() => {
          transactions += 1
          return within(tenant, work)
        }),
    }),
  ),
).pipe(Layer.provide(Tenancy.layer(platformTables)), Layer.provide(ephemeralDatabase()))

describe("over a database", () => {
  layer(chatIndexLayer.pipe(Layer.provide(counted)), { excludeTestServices: true, timeout: "1 minute" })(
    (it) => {
      it.effect("the newest revision of a session holds, in whatever order they come", () =>
        Effect.gen(function* () {
          yield* put("order", row("a", 2, { title: "second", messages: [message(1), message(2)] }))
          yield* put("order", row("a", 1, { title: "first", messages: [message(1, "not this one")] }))
          yield* put("order", row("a", 2, { title: "again" }))
          expect(yield* titles("order")).toEqual(["a: second"])
          expect(yield* contents("order", "a")).toEqual(["message 1", "message 2"])
          expect(yield* titles("other")).toEqual([])
          expect(yield* contents("other", "a")).toEqual([])
        }),
      )

      it.effect("nothing comes back to a deleted session, also from one that was on its way", () =>
        Effect.gen(function* () {
          yield* put("gone", row("a", 1, { messages: [message(1, "secret")] }))
          yield* put(
            "gone",
            row("a", 3, { deleted: true, title: "" }),
            row("a", 2, { messages: [message(2, "late")] }),
            row("b", 1, { messages: [message(1)] }),
          )
          expect(yield* titles("gone")).toEqual(["b: talk"])
          expect(yield* contents("gone", "a")).toEqual([])
          expect(yield* contents("gone", "b")).toEqual(["message 1"])
        }),
      )

      it.effect("what gathers while a transaction is on its way goes in the next", () =>
        Effect.gen(function* () {
          const before = transactions
          const count = chatIndexLimits.waitingMax
          const rows = Array.from({ length: count }, (_, index) =>
            row(`s${index}`, 1, { messages: [message(1), message(2)] }),
          )
          yield* put("many", ...rows)
          expect(transactions - before).toBeLessThanOrEqual(
            1 + Math.ceil(count / chatIndexLimits.batchRowsMax),
          )
          expect(yield* titles("many")).toHaveLength(count)
        }),
      )

      it.effect("takes text that Postgres does not store as it is, and a row that is refused alone", () =>
        Effect.gen(function* () {
          const texts = ["a\u0000b", "\ud800", "'; DROP TABLE chat_messages; --", "한국어 🙂"]
          const bad = row("bad", 1, { messages: [message(3_000_000_000)] })
          const [index, good] = [
            yield* ChatIndex,
            row("good", 1, { title: "\u0000\udc00", messages: texts.map((text, i) => message(i + 1, text)) }),
          ]
          const both = yield* Effect.all(
            [index.put("texts", row("first", 1)), index.put("texts", bad), index.put("texts", good)].map(
              Effect.exit,
            ),
            { concurrency: "unbounded" },
          )
          expect(both.map(({ _tag }) => _tag)).toEqual(["Success", "Failure", "Success"])
          const [zero, half, ...rest] = yield* contents("texts", "good")
          expect([zero, half]).toEqual([expect.stringMatching(/^a.*b$/u), expect.stringMatching(/^.+$/u)])
          expect(rest).toEqual(texts.slice(2))
        }),
      )
    },
  )
})

describe("without a database that answers", () => {
  let answers = false
  let transactionsBegun = 0
  const hanging = Layer.succeed(
    Tenancy,
    Tenancy.of({
      management: undefined as never,
      within: () =>
        Effect.suspend(() => {
          transactionsBegun += 1
          return answers ? (Effect.void as never) : Effect.never
        }),
    }),
  )
  layer(chatIndexLayer.pipe(Layer.provide(hanging)))((it) => {
    it.effect("those who wait are refused soon, too many at once, and it goes on when it is back", () =>
      Effect.gen(function* () {
        const index = yield* ChatIndex
        const { waitingMax, putMs, writeMs } = chatIndexLimits
        const waiting = yield* Effect.forEach(Array.from({ length: waitingMax }), (_, place) =>
          Effect.forkChild(Effect.exit(index.put("t", row(`s${place}`, 1))), { startImmediately: true }),
        )
        const refused = yield* Effect.flip(index.put("t", row("late", 1)))
        expect(refused).toMatchObject({ code: "CHT_IDX_001" })
        yield* TestClock.adjust(putMs)
        const ends = yield* Effect.forEach(waiting, Fiber.join)
        expect(new Set(ends.map(({ _tag }) => _tag))).toEqual(new Set(["Failure"]))
        expect(transactionsBegun).toBe(1)
        answers = true
        yield* TestClock.adjust(writeMs)
        yield* index.put("t", row("late", 1))
        expect(transactionsBegun).toBe(2)
      }),
    )
  })
})
