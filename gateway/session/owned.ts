/** How many conversations one user may keep: each stays, with all that was said, until its user deletes it. */
import * as Effect from "effect/Effect"
import { ChatIndex } from "../../actors/index.ts"
import type { Identity } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"

/** Deleted ones do not count. */
export const ownedSessionsMax = 10_000
/** A database that is away or late keeps nobody from beginning a conversation. */
const countMs = 1_000

/** Counted in the index: several that begin at the same moment may go over it by their number. Errors: 409 `CHT_SES_007`. */
export const requireRoom = Effect.fnUntraced(function* ({
  tenant,
  user,
}: Identity): Effect.fn.Return<void, GatewayError, ChatIndex> {
  const { list } = yield* ChatIndex
  const total = yield* list(tenant, user, { page: 1, limit: 1 }).pipe(
    Effect.map((found) => found.total),
    Effect.timeout(countMs),
    Effect.orElseSucceed(() => 0),
  )
  if (total < ownedSessionsMax) return
  return yield* Effect.fail(
    new GatewayError(409, "CHT_SES_007", "You have as many conversations as you may keep.", {
      limit: "ownedSessionsMax",
      sessions: total,
      remedy: "delete conversations that you no longer need",
    }),
  )
})
