/** Conversations with agents that have a language model, over an engine in memory: what suites about them share. */
import * as Effect from "effect/Effect"
import { seedBuiltins } from "../../actors/index.ts"
import type { EngineShape } from "../../engine/index.ts"
import {
  type AgentDescriptor,
  AgentProtocol,
  ChatSessionProtocol,
  type LlmSettings,
  type SessionEvent,
} from "../../schemas/index.ts"
import { scriptedPlatform } from "./platform.ts"
import { ask, type Product, tenant } from "./product.ts"
import type { scriptedLlm } from "./scripted-llm.ts"

export type Llm = ReturnType<typeof scriptedLlm>

/** A node whose platform outlives it, with the model of the suite. */
export const start = Effect.fnUntraced(function* (
  product: Product,
  llm: Llm,
  more: Partial<Product["platform"]> = {},
) {
  product.platform = { ...scriptedPlatform(), llm: llm.llm, models: llm.models, ...more }
  const node = yield* product.start()
  yield* seedBuiltins(node.engine, tenant)
  return node
})

export const register = (
  engine: EngineShape,
  id: string,
  llm: LlmSettings = {},
  more: Partial<AgentDescriptor> = {},
) =>
  ask(engine, AgentProtocol, id, {
    _tag: "Register",
    name: `Agent ${id}`,
    framework: "llm",
    description: `knows ${id}`,
    skills: [],
    llm,
    ...more,
  })

export const open = (engine: EngineShape, agentId: string) =>
  ask(engine, ChatSessionProtocol, "s", { _tag: "Open", agentId, title: "talk", owner: "ann" })
export const read = (engine: EngineShape) => ask(engine, ChatSessionProtocol, "s", { _tag: "Read", after: 0 })

export const idle = Effect.fnUntraced(function* (engine: EngineShape) {
  for (;;) {
    const view = yield* read(engine)
    if (view.activeTurn === undefined) return view
    yield* Effect.sleep(500)
  }
})

let messages = 0
/** The events of the turn that this question begins. */
export const turn = Effect.fnUntraced(function* (engine: EngineShape, content: string) {
  const messageId = `m${++messages}`
  const { turn: number } = yield* ask(engine, ChatSessionProtocol, "s", { _tag: "Say", messageId, content })
  const { events, agent } = yield* idle(engine)
  const own = events.filter((event) => event.turn === number)
  return { events: own, agent, text: textOf(own), end: own.at(-1)! }
})

export const textOf = (events: ReadonlyArray<SessionEvent>): string => {
  const restart = events.findLastIndex(({ type }) => type === "stream_restart")
  return events
    .slice(restart + 1)
    .map((event) => (event.type === "token" ? event.content : ""))
    .join("")
}
export const transfersOf = (events: ReadonlyArray<SessionEvent>) =>
  events.flatMap((event) =>
    event.type === "agent_transfer" ? [`${event.from_agent} → ${event.to_agent}`] : [],
  )

export const callOf = (name: string, given: unknown = {}) => ({ calls: [{ name, arguments: given }] })
export const toB = callOf("transfer_to_b", { reason: "b knows more" })
