/** Whoever asks for an agent over any protocol passes here: the agent is there, takes questions, and is theirs to use. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import {
  type AgentCaller,
  AgentIndex,
  mayChangeAgent,
  mayUseAgent,
  missingPermission,
} from "../actors/index.ts"
import type { Refused } from "../resources/index.ts"
import type { AgentView } from "../schemas/index.ts"
import { holds, type Identity } from "./auth/identity.ts"
import { GatewayError, rejectionError } from "./errors.ts"

export const agentCallerOf = (identity: Identity): AgentCaller => ({
  user: identity.user,
  department: identity.department,
  groups: identity.groups,
  permissions: identity.permissions,
  isAdministrator: holds(identity, "agent:admin"),
})

const forbidden = (agent: string, right: "use" | "change") =>
  new GatewayError(403, "AGT_AUTH_001", `You may not ${right} this agent.`, {
    agent_id: agent,
    remedy: "ask its owner to let you",
  })

const mayNotUse = (view: AgentView, caller: AgentCaller) => {
  const permission = missingPermission(view, caller)
  return permission === undefined
    ? forbidden(view.agent, "use")
    : new GatewayError(
        403,
        "AGT_AUTH_001",
        `You may not use this agent without the permission "${permission}".`,
        {
          agent_id: view.agent,
          permission,
          remedy: "use a login or an API key that holds this permission",
        },
      )
}

/** The agent, archived or not. Errors: 404 `AGT_REG_001`, 403 `AGT_AUTH_001`. */
export const seenAgent = Effect.fnUntraced(function* (
  identity: Identity,
  agent: string,
): Effect.fn.Return<AgentView, GatewayError | Refused | SqlError, AgentIndex> {
  const view = yield* (yield* AgentIndex).find(identity.tenant, agent)
  if (view === undefined) return yield* Effect.fail(rejectionError("agent", { _tag: "AgentUnknown" }))
  const caller = agentCallerOf(identity)
  if (!mayUseAgent(view, caller)) return yield* Effect.fail(mayNotUse(view, caller))
  return view
})

/** The same, for questions: an archived one takes none. Errors: also 422 `AGT_REG_004`. */
export const usableAgentOf = Effect.fnUntraced(function* (
  identity: Identity,
  agent: string,
): Effect.fn.Return<AgentView, GatewayError | Refused | SqlError, AgentIndex> {
  const view = yield* seenAgent(identity, agent)
  if (view.archived) return yield* Effect.fail(rejectionError("agent", { _tag: "AgentArchived" }))
  return view
})

/** The same, for changes. Errors: as `seenAgent`. */
export const changeableAgent = Effect.fnUntraced(function* (
  identity: Identity,
  agent: string,
): Effect.fn.Return<AgentView, GatewayError | Refused | SqlError, AgentIndex> {
  const view = yield* seenAgent(identity, agent)
  if (!mayChangeAgent(view, agentCallerOf(identity))) return yield* Effect.fail(forbidden(agent, "change"))
  return view
})
