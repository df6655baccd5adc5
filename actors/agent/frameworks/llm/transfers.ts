/** Tools by which a model hands the conversation to another agent, or back to the one that it came from. */
import * as Effect from "effect/Effect"
import { type AgentView, HandoverContext, type HandoverTerms } from "../../../../schemas/index.ts"
import { mayUseAgent } from "../../access.ts"
import type { AnswerCall } from "../../framework.ts"
import { usableAgent } from "../../usable.ts"
import { asData } from "./data.ts"
import type { Argument, Tool } from "./tool.ts"

const nameCharactersMax = 64
const descriptionCharactersMax = 500

const terms: Readonly<Record<string, Argument>> = {
  reason: { description: "Why the other agent is the right one; the person reads it.", charactersMax: 500 },
  summary: {
    description: "What the other agent has to know of the conversation until now.",
    charactersMax: 4_000,
    isOptional: true,
  },
  context: {
    description:
      "What goes along: the whole conversation (the default), your summary of it, or its last messages.",
    charactersMax: 16,
    oneOf: HandoverContext.literals,
    isOptional: true,
  },
}

/** Ids may hold what names of tools may not, and be longer. */
export const transferNameOf = (agent: string, taken: ReadonlySet<string>): string => {
  const name = `transfer_to_${agent.replaceAll(/[^a-zA-Z0-9_-]/g, "_")}`.slice(0, nameCharactersMax)
  if (!taken.has(name)) return name
  for (let number = 2; ; number++) {
    const numbered = `${name.slice(0, nameCharactersMax - 4)}_${number}`
    if (!taken.has(numbered)) return numbered
  }
}

/** The right to the other agent is checked when the model calls it, not only when it is offered. */
const handOver =
  ({ engine, tenant, caller }: AnswerCall, toAgent: string): Tool["run"] =>
  ({ reason = "", summary, context = "full" }) =>
    Effect.as(usableAgent(engine, tenant, toAgent, caller), {
      _tag: "HandOver",
      toAgent,
      reason,
      context: context as HandoverTerms["context"],
      ...(summary === undefined ? {} : { summary }),
    })

const offered = Effect.fnUntraced(function* ({ platform, tenant, caller }: AnswerCall, agent: string) {
  // An index that does not answer offers nobody: the agent answers as well as it can.
  const view = yield* platform.agents.find(tenant, agent).pipe(Effect.orElseSucceed(() => undefined))
  return view === undefined || view.archived || (caller !== undefined && !mayUseAgent(view, caller))
    ? undefined
    : view
})

/** None when the turn may not move on. */
export const transfersFor = Effect.fnUntraced(function* (
  call: AnswerCall,
): Effect.fn.Return<ReadonlyArray<Tool>> {
  const { question, view } = call
  if (!question.mayHandOver) return []
  const hadIt = new Set([...question.agents, view.agent])
  const previous = question.handover?.from
  const back = previous === undefined || hadIt.has(previous) ? undefined : yield* offered(call, previous)
  const wanted = [...new Set(view.llm?.transferTo ?? [])].filter(
    (agent) => !hadIt.has(agent) && agent !== back?.agent,
  )
  const targets = (yield* Effect.forEach(wanted, (agent) => offered(call, agent), { concurrency: 4 })).filter(
    (target): target is AgentView => target !== undefined,
  )
  const names = new Set<string>()
  const tools = targets.map(({ agent, name, description }): Tool => {
    const toolName = transferNameOf(agent, names)
    names.add(toolName)
    const about = asData(`agent ${agent}`, `${name}: ${description.slice(0, descriptionCharactersMax)}`)
    return {
      name: toolName,
      description: `Hands the conversation over to another agent, which answers instead of you. What it says of itself: ${about}`,
      arguments: terms,
      run: handOver(call, agent),
    }
  })
  if (back === undefined) return tools
  const returning: Tool = {
    name: "transfer_back",
    description: `Hands the conversation back to the agent ${back.agent}, from which it came.`,
    arguments: terms,
    run: handOver(call, back.agent),
  }
  return [...tools, returning]
})
