/** A session whose agents answer by a script that their names say, and the calls that tests make of it. */
import * as Effect from "effect/Effect"
import type { Answered, Piece, Question } from "../../../actors/agent/question.ts"
import { ChatSession } from "../../../actors/chat-session/session.ts"
import {
  ActivityFailure,
  type ActivityRun,
  type AnyKind,
  type EngineShape,
  type Implementation,
} from "../../../engine/index.ts"
import { ChatSessionProtocol, type SessionEvent } from "../../../schemas/index.ts"
import { makeMemoryChatIndex } from "../../support/chat-index.ts"
import { ask, tenant } from "../../support/product.ts"

type Run = ActivityRun<Piece>
export const ended = (tokens: number, more: object = {}): Answered => ({
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
export const usage = { input: 100, output: 2, estimated: false }

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

export const implemented = (put: Implementation["activities"][string]): ReadonlyArray<Implementation> => [
  { kind: ChatSession as unknown as AnyKind, activities: { answer: script as never, index: put } },
]
export const indexed = () => {
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
export const scripted = implemented(indexed().put)

export const open = (engine: EngineShape, agentId: string) =>
  ask(engine, ChatSessionProtocol, "s", { _tag: "Open", agentId, title: "talk", owner: "ann" })
export const say = (engine: EngineShape, messageId: string, content = "hello") =>
  ask(engine, ChatSessionProtocol, "s", { _tag: "Say", messageId, content })
export const read = (engine: EngineShape, after?: number, limit?: number) =>
  ask(engine, ChatSessionProtocol, "s", {
    _tag: "Read",
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
  })
/** The session between turns, with all of its events, page by page. */
export const idle = Effect.fnUntraced(function* (engine: EngineShape) {
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
export const kinds = (events: ReadonlyArray<SessionEvent>) => events.map(({ type }) => type)
export const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
