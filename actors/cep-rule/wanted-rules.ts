/**
 * Which rules of a tenant want which metric, as its index said last: read when its first sample comes, when the index says
 * that it changed, and now and then in any case. Bounded: the tenant whose samples are the oldest leaves.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { EngineShape } from "../../engine/index.ts"
import { RuleIndexProtocol, type RuleIndexView, ruleIndexKey, ruleIndexTopic } from "../../schemas/index.ts"

/** Tenants whose rules a node keeps in mind. */
export const feedTenantsMax = 1_000

type Rules = RuleIndexView["rules"]

interface Known {
  rules: Rules
  readAt: number
  /** Of the listener to the tenant's index. */
  readonly scope: Scope.Closeable
}

/** `refreshMs`: what was read is read again after this time. */
export const makeWantedRules = Effect.fnUntraced(function* (
  engine: EngineShape,
  refreshMs: number,
  tenantsMax = feedTenantsMax,
): Effect.fn.Return<(tenant: string) => Effect.Effect<Rules>, never, Scope.Scope> {
  const parent = yield* Effect.scope
  /** In the order of their last samples. */
  const tenants = new Map<string, Known>()

  const meet = Effect.fnUntraced(function* (tenant: string) {
    const oldest = tenants.size >= tenantsMax ? tenants.entries().next().value : undefined
    if (oldest !== undefined) {
      tenants.delete(oldest[0])
      yield* Scope.close(oldest[1].scope, Exit.void)
    }
    const known: Known = { rules: [], readAt: Number.NEGATIVE_INFINITY, scope: yield* Scope.fork(parent) }
    const forget = () => {
      known.readAt = Number.NEGATIVE_INFINITY
    }
    yield* engine.listen(ruleIndexTopic(tenant), forget).pipe(Effect.provideService(Scope.Scope, known.scope))
    return known
  })

  const read = Effect.fnUntraced(function* (tenant: string, known: Known) {
    const now = yield* Clock.currentTimeMillis
    if (now - known.readAt < refreshMs) return
    known.readAt = now
    const index = yield* engine.ask(RuleIndexProtocol, ruleIndexKey, { _tag: "Read" }, { tenant })
    known.rules = (index as RuleIndexView).rules
  })

  return Effect.fnUntraced(function* (tenant) {
    const known = tenants.get(tenant) ?? (yield* meet(tenant))
    tenants.delete(tenant)
    tenants.set(tenant, known)
    // What was read before still serves; the next message tries again.
    yield* Effect.catch(read(tenant, known), (error) =>
      Effect.logWarning(`the rule index of ${tenant} was not read: ${error.message}`),
    )
    return known.rules
  })
})
