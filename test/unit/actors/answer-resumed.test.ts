/** An answer that runs again after its node died, of an agent elsewhere that takes the question and says nothing more. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { describe, expect, it } from "vitest"
import { silenceMs } from "../../../actors/agent/silence.ts"
import type { EngineError, EngineShape, Rejected } from "../../../engine/index.ts"
import { ChatSessionProtocol, TaskProtocol } from "../../../schemas/index.ts"
import * as conversation from "../../support/llm-agents.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, type Product, withProduct } from "../../support/product.ts"
import { scriptedLlm } from "../../support/scripted-llm.ts"

const timeoutMs = 60_000

/** Takes every question and answers none. */
const hangingService = () => {
  const calls: Array<{ isOver: boolean }> = []
  const fetch = (_: unknown, init: RequestInit = {}) =>
    new Promise<Response>((_, reject) => {
      const call = { isOver: false }
      if (init.method === "POST") calls.push(call)
      init.signal?.addEventListener("abort", () => {
        call.isOver = true
        reject(init.signal?.reason)
      })
    })
  return { calls, egress: { ...scriptedPlatform().egress, limited: () => fetch as never } }
}

const begin = Effect.fnUntraced(function* (product: Product, service: ReturnType<typeof hangingService>) {
  const node = yield* conversation.start(product, scriptedLlm([]), { egress: service.egress })
  yield* conversation.register(
    node.engine,
    "far",
    {},
    {
      framework: "custom",
      endpoint: "http://agent.test/ask",
      connection: { timeoutMs },
    },
  )
  return node
})

type Asked = Effect.Effect<unknown, EngineError | Rejected>
interface Door {
  readonly asks: (engine: EngineShape) => Asked
  /** How it ended; undefined while it runs. */
  readonly end: (engine: EngineShape) => Effect.Effect<string | undefined, EngineError | Rejected>
}

const doors: Readonly<Record<string, Door>> = {
  conversation: {
    asks: (engine) =>
      Effect.andThen(
        conversation.open(engine, "far"),
        ask(engine, ChatSessionProtocol, "s", { _tag: "Say", messageId: "m", content: "hello" }),
      ),
    end: (engine) =>
      Effect.map(conversation.read(engine), ({ events }) => {
        const last = events.at(-1)
        return last?.type === "error" ? last.code : undefined
      }),
  },
  task: {
    asks: (engine) =>
      ask(engine, TaskProtocol, "t1", {
        ...{ _tag: "Open", agent: "far", owner: "ann", context: "c", messageId: "m", text: "hello" },
      } as const),
    end: (engine) => Effect.map(ask(engine, TaskProtocol, "t1", { _tag: "Read" }), ({ code }) => code),
  },
}

/** When and how it ended. */
const ending = Effect.fnUntraced(function* (product: Product, door: Door, engine: EngineShape) {
  const begun = product.time.now
  for (;;) {
    const code = yield* door.end(engine)
    if (code !== undefined) return { code, ms: product.time.now - begun }
    yield* Effect.sleep(250)
  }
})

const test = (body: (product: Product) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
  withProduct(body, "resumed")

describe.each(Object.entries(doors))("a %s whose agent elsewhere hangs", (_, door) => {
  it.each([5_000, 25_000])(
    "ends within 30 s of its node's death after %i ms, and the agent is left",
    (aliveMs) =>
      test((product) =>
        Effect.gen(function* () {
          const service = hangingService()
          const node = yield* begin(product, service)
          yield* door.asks(node.engine)
          yield* Effect.sleep(aliveMs)
          yield* node.crash
          const { engine } = yield* product.start()
          const { code, ms } = yield* ending(product, door, engine)
          expect(code).toBe("AgentSilent")
          expect(ms).toBeGreaterThan(silenceMs - 1_000)
          expect(ms).toBeLessThan(silenceMs + 1_000)
          expect(service.calls.map(({ isOver }) => isOver)).toEqual([true, true])
        }),
      )(),
  )

  it(
    "has its own time where nothing died",
    test((product) =>
      Effect.gen(function* () {
        const { engine } = yield* begin(product, hangingService())
        yield* door.asks(engine)
        const { code, ms } = yield* ending(product, door, engine)
        expect(code).toBe("AgentTimeout")
        expect(ms).toBeGreaterThan(timeoutMs - 1_000)
      }),
    ),
  )
})

it(
  "goes on for as long as the agent is heard, whether by words that were said before or by new ones",
  test((product) =>
    Effect.gen(function* () {
      const llm = scriptedLlm([{ words: ["one", " two", " three", " four"], waitMs: silenceMs - 5_000 }])
      const node = yield* conversation.start(product, llm)
      yield* conversation.register(node.engine, "slow")
      yield* conversation.open(node.engine, "slow")
      yield* ask(node.engine, ChatSessionProtocol, "s", { _tag: "Say", messageId: "m", content: "go" })
      yield* Effect.sleep(2.5 * silenceMs)
      yield* node.crash
      const { engine } = yield* product.start()
      const { events } = yield* conversation.idle(engine)
      expect(conversation.textOf(events)).toBe("one two three four")
      expect(events.at(-1)).toMatchObject({ type: "stream_end" })
      expect(events.filter(({ type }) => type === "stream_restart")).toEqual([])
      expect(llm.asked).toHaveLength(2)
    }),
  ),
)
