/** Does something once for every active tenant: for those that there are, and soon for those that come. */
import * as Effect from "effect/Effect"
import { Tenants } from "../resources/index.ts"

export interface EveryTenantOptions {
  /** How often new tenants are looked for. */
  readonly lookEveryMs: number
}

const pageTenants = 100
/** Tenants worked for at a time: one whose database does not answer holds up few others. */
const tenantsAtATime = 4
/** Of so many tenants this node remembers that it did it; beyond, it does it again, which changes nothing. */
const rememberedMax = 10_000

const tenantsOf = Effect.fnUntraced(function* (search: { readonly state?: "active" }) {
  const tenants = yield* Tenants
  const found: Array<string> = []
  for (let page = 1; ; page++) {
    const { rows, total } = yield* tenants.list({ page, limit: pageTenants, ...search })
    found.push(...rows.map(({ id }) => id))
    if (rows.length === 0 || page * pageTenants >= total) return found
  }
})

/** Suspended ones as well. */
export const allTenants = tenantsOf({})

/**
 * Runs until it is interrupted. `work` is idempotent: several nodes may run this, and a tenant for which it failed has it
 * done again the next time. `what` says in logs what is not done yet.
 */
export const forEveryTenant = Effect.fnUntraced(function* <E extends Error>(
  what: string,
  work: (tenant: string) => Effect.Effect<unknown, E>,
  { lookEveryMs }: EveryTenantOptions,
): Effect.fn.Return<never, never, Tenants> {
  const done = new Set<string>()
  const notYet = (of: string) => (error: { readonly message: string }) =>
    Effect.logWarning(`${what} of ${of}: not yet: ${error.message}`)
  const workFor = (tenant: string) =>
    work(tenant).pipe(Effect.andThen(Effect.sync(() => done.add(tenant))), Effect.catch(notYet(tenant)))
  const look = Effect.gen(function* () {
    if (done.size >= rememberedMax) done.clear()
    const waiting = (yield* tenantsOf({ state: "active" })).filter((tenant) => !done.has(tenant))
    yield* Effect.forEach(waiting, workFor, { concurrency: tenantsAtATime, discard: true })
  }).pipe(Effect.catch(notYet("new tenants")))
  for (;;) {
    yield* look
    yield* Effect.sleep(lookEveryMs)
  }
})
