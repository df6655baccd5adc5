/** Which tools a caller has: what there is for everybody with the right to it, and the agents that it may use. */
import * as Effect from "effect/Effect"
import { AgentIndex } from "../../actors/index.ts"
import type { Permission } from "../../schemas/index.ts"
import { agentCallerOf, usableAgentOf } from "../agent-access.ts"
import { authorize, holds, type Identity } from "../auth/identity.ts"
import { JsonRpcFailure, jsonRpcCodes } from "../json-rpc-failure.ts"
import { agentOfTool, agentTool, agentTools, toolNameOf } from "./agent-tools.ts"
import { opsTools } from "./ops-tools.ts"
import type { DescribedTool, Tool } from "./tool.ts"

/** Agents in one page of the list. */
const pageAgents = 50
/** Of all agents; whoever may use more finds the others by `list_agents`. */
const pagesMax = 20

const fixed: ReadonlyMap<string, Tool> = new Map(
  [...agentTools, ...opsTools].map((tool) => [tool.described.name, tool]),
)

/** The right that a tool takes. */
export const permissionOf = (name: string): Permission => fixed.get(name)?.permission ?? "agent:execute"

const cursorPattern = /^agents:([1-9]\d{0,4})$/

const pageOf = (cursor: string | undefined): number => {
  if (cursor === undefined) return 1
  const [, page] = cursorPattern.exec(Buffer.from(cursor, "base64url").toString("utf8")) ?? []
  if (page !== undefined && Number(page) <= pagesMax) return Number(page)
  throw new JsonRpcFailure(jsonRpcCodes.invalidParams, "Invalid params", {
    field: "cursor",
    reason: "it is not one that a list gave",
  })
}

const cursorOf = (page: number): string => Buffer.from(`agents:${page}`).toString("base64url")

/** One page; those for everybody are on the first. */
export const listTools = (identity: Identity, cursor: string | undefined) =>
  Effect.gen(function* () {
    const page = pageOf(cursor)
    const tools: Array<DescribedTool> = []
    if (page === 1)
      for (const { permission, described } of fixed.values())
        if (holds(identity, permission)) tools.push(described)
    if (!holds(identity, "agent:execute")) return { tools }
    const index = yield* AgentIndex
    const search = { page, limit: pageAgents }
    const { rows, total } = yield* index.list(identity.tenant, agentCallerOf(identity), search)
    for (const view of rows) {
      const name = toolNameOf(view.agent)
      if (name !== undefined) tools.push(agentTool(name, view).described)
    }
    const more = page < pagesMax && page * pageAgents < total
    return { tools, ...(more ? { nextCursor: cursorOf(page + 1) } : {}) }
  })

/** Fails as the routes over agents do: what one may not use is refused here too. */
export const findTool = (identity: Identity, name: string) =>
  Effect.gen(function* () {
    const tool = fixed.get(name)
    if (tool !== undefined) {
      authorize(identity, tool.permission)
      return tool
    }
    const agent = agentOfTool(name)
    if (agent === undefined) return undefined
    authorize(identity, "agent:execute")
    return agentTool(name, yield* usableAgentOf(identity, agent))
  })
