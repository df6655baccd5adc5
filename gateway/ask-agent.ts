/** A question to one agent, as protocols ask it that want the answer of one turn: hand-overs are followed here. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { AgentIndex } from "../actors/index.ts"
import type { EngineError, Rejected } from "../engine/index.ts"
import type { Refused } from "../resources/index.ts"
import { AgentProtocol, type AnswerBlock, type TokenUsage } from "../schemas/index.ts"
import { usableAgentOf } from "./agent-access.ts"
import type { GatewayError } from "./errors.ts"
import type { GatewayRequest } from "./route.ts"
import type { GatewayServices } from "./services.ts"

/** Agents that a question may be handed to, one after another. */
const handoversMax = 5
/** A task may take as long as a question to OPS. */
const answerMs = 60_000

export interface AgentQuestion {
  readonly agent: string
  readonly text: string
  /** The same for each attempt: makes one task of them. */
  readonly id: string | undefined
  /** Told what the agent says while it says it. */
  readonly said: ((text: string) => Promise<void>) | undefined
}

export interface AgentReply {
  /** The one that answered in the end. */
  readonly agent: string
  readonly status: "completed" | "failed" | "canceled" | "input-required"
  readonly text: string
  readonly blocks: ReadonlyArray<AnswerBlock>
  readonly plan?: string
  readonly code?: string
  readonly usage?: TokenUsage
}

export const askAgent = (
  { engine }: GatewayServices,
  { identity }: GatewayRequest,
  question: AgentQuestion,
): Effect.Effect<AgentReply, GatewayError | Refused | SqlError | EngineError | Rejected, AgentIndex> =>
  Effect.gen(function* () {
    let { agent } = question
    for (let hop = 0; ; hop++) {
      yield* usableAgentOf(identity, agent)
      const command = { _tag: "Execute", task: question.text } as const
      const call = { tenant: identity.tenant, principal: identity.user, timeoutMs: answerMs }
      const done = yield* engine.ask(AgentProtocol, agent, command, call)
      if (done.status === "handover" && done.toAgent !== undefined && hop < handoversMax) {
        agent = done.toAgent
        continue
      }
      const { text, blocks, plan, code, usage } = done
      return {
        agent,
        status: done.status === "success" ? "completed" : "failed",
        text,
        blocks,
        ...(plan === undefined ? {} : { plan }),
        ...(code === undefined ? {} : { code }),
        ...(usage === undefined ? {} : { usage }),
      }
    }
  })
