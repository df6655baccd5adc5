import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { silenceMs } from "../../../actors/agent/silence.ts"
import { seedBuiltins } from "../../../actors/index.ts"
import { type SessionEvent, type SessionFeed, sessionTopic } from "../../../schemas/index.ts"
import { eventually, tenant, withProduct } from "../../support/product.ts"
import { idle, kinds, numbers, open, read, say } from "./scripted-session.ts"

describe("a conversation with the built-in agents", () => {
  it(
    "is answered by the guide, which says that it is offline",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* seedBuiltins(engine, tenant)
        yield* open(engine, "guide")
        yield* say(engine, "m1", "who are you?")
        yield* idle(engine)
        const { messages } = yield* read(engine)
        expect(messages[1]!.content).toMatch(/offline agent: no language model/)
      }),
    ),
  )

  it(
    "is handed over to ops for a question about a metric, and answered from the stream",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* seedBuiltins(engine, tenant)
        yield* product.publish([
          { name: "host_cpu_usage_percent", labels: { host: "web" }, value: 42.5, at: product.time.now },
        ])
        yield* open(engine, "guide")
        yield* say(engine, "m1", "지금 CPU 사용률은?")
        const { events, agent } = yield* idle(engine)
        expect(agent).toBe("ops")
        expect(kinds(events).slice(0, 4)).toEqual(["message", "stream_start", "agent_transfer", "token"])
        expect(events.at(-1)).toMatchObject({ type: "stream_end", plan: expect.any(String) })
        const { messages } = yield* read(engine)
        expect(messages[1]!.content).toMatch(/web의 CPU 사용률 현재값: 42.5 %/)
      }),
    ),
  )

  it(
    "fails with a reason when the agent does not exist",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* open(engine, "nobody")
        yield* say(engine, "m1")
        const { events } = yield* idle(engine)
        expect(events.at(-1)).toMatchObject({ type: "error", code: "AgentUnknown" })
      }),
    ),
  )
})

describe("an answer whose node dies", () => {
  const crashAfter = (tokens: number, crashes: number, question: string) =>
    withProduct(
      (product) =>
        Effect.gen(function* () {
          let node = yield* product.start()
          yield* seedBuiltins(node.engine, tenant)
          yield* product.publish([
            { name: "host_cpu_usage_percent", labels: { host: "web" }, value: 42.5, at: product.time.now },
          ])
          yield* open(node.engine, "guide")
          const seen: Array<SessionEvent> = []
          // As a gateway on a machine that lives on.
          yield* node.engine.listen(sessionTopic(tenant, "s"), (body) =>
            seen.push(...(body as SessionFeed).events),
          )
          yield* say(node.engine, "m1", question)
          for (let crash = 1; crash <= crashes; crash++) {
            const wanted = tokens * crash
            yield* eventually(() => seen.filter(({ type }) => type === "token").length >= wanted)
            yield* node.crash
            node = yield* product.start()
          }
          const { events, last } = yield* idle(node.engine)
          expect(events.map(({ n }) => n)).toEqual(numbers(last))
          const shown = events.filter((event) => event.type === "token")
          expect(shown.map(({ index }) => index)).toEqual(shown.map((_, index) => index))
          expect(events.at(-1)).toMatchObject({ type: "stream_end", total_tokens: shown.length })
          expect(kinds(events).filter((type) => type === "stream_end" || type === "error")).toHaveLength(1)
          const { messages } = yield* read(node.engine)
          expect(messages[1]!.content).toBe(shown.map(({ content }) => content).join(""))
          // What a client saw before is what it reads after, and nothing of it came twice.
          for (const event of seen) expect(events[event.n - 1]).toEqual(event)
          expect(new Set(seen.map(({ n }) => n)).size).toBe(seen.length)
          // What was reported before a crash is not reported again.
          const reported = product
            .entries()
            .flatMap(({ cause }) =>
              cause.t === "progress"
                ? (cause.value as { readonly tokens: ReadonlyArray<string> }).tokens
                : [],
            )
          expect(reported).toEqual(shown.map(({ content }) => content))
          return messages[1]!.content
        }),
      `crash after ${tokens}`,
    )

  for (const tokens of [1, 8, 17, 40]) {
    it(`goes on without gap or repetition after ${tokens} tokens`, crashAfter(tokens, 1, "hello there"))
  }
  it("survives three crashes", crashAfter(16, 3, "hello there"))
  it(
    "goes on after a time in which nobody was there, however long",
    withProduct((product) =>
      Effect.gen(function* () {
        const node = yield* product.start()
        yield* seedBuiltins(node.engine, tenant)
        yield* open(node.engine, "guide")
        let heard = 0
        yield* node.engine.listen(sessionTopic(tenant, "s"), (body) => {
          heard += (body as SessionFeed).events.length
        })
        yield* say(node.engine, "m1", "hello there")
        yield* eventually(() => heard > 8)
        yield* node.crash
        yield* Effect.sleep(10 * silenceMs)
        const { engine } = yield* product.start()
        const { events } = yield* idle(engine)
        expect(events.at(-1)).toMatchObject({ type: "stream_end" })
      }),
    ),
  )
  it("survives a crash between the parts of an answer of ops", crashAfter(4, 1, "what is the CPU usage now"))
})
