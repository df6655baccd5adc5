/** How many agents one user may have: each that runs elsewhere is asked every minute whether it is there. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { AgentIndex } from "../../actors/index.ts"
import type { Refused } from "../../resources/index.ts"
import { agentCallerOf } from "../agent-access.ts"
import type { Identity } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"

/** Archived ones are not asked, and do not count. */
export const ownedAgentsMax = 1_000

/** Counted in the index: several that are registered at the same moment may go over it by their number. Errors: 409 `AGT_REG_009`. */
export const requireRoom = Effect.fnUntraced(function* (
  identity: Identity,
  owner: string,
): Effect.fn.Return<void, GatewayError | Refused | SqlError, AgentIndex> {
  const { list } = yield* AgentIndex
  const { total } = yield* list(identity.tenant, agentCallerOf(identity), { owner, page: 1, limit: 1 })
  if (total < ownedAgentsMax) return
  return yield* Effect.fail(
    new GatewayError(409, "AGT_REG_009", "This user has as many agents as one may have.", {
      limit: "ownedAgentsMax",
      agents: total,
      remedy: "archive agents that nobody needs any more",
    }),
  )
})
