/**
 * What model calls took and what they may take: the ledger, its sums and the budgets. An entry that the database cannot
 * take at the moment waits here, bounded, is tried again, and once more at the end; a crash loses at most the entries of
 * calls that were under way and those that waited.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { SqlError } from "effect/sql/SqlError"
import { type ChangedBy, recordChanges } from "../audit/record.ts"
import { Refused } from "../refusal.ts"
import { Tenancy, type TenancyService } from "../tenants/tenancy.ts"
import { type Reservation, reserve } from "./budget.ts"
import { type Budget, type BudgetLimit, readBudgets, writeBudget } from "./budgets.ts"
import { type LedgerEntry, recomputeSums, writeEntry } from "./ledger.ts"
import { llmLimits } from "./limits.ts"
import { pruneLedger } from "./prune.ts"
import { type UsageRow, type UsageSearch, usageBy } from "./usage-report.ts"

export interface LlmUsageService {
  /** Atomic. Answers whether something is reserved. Errors: `LLM_BUDGET_001`; `LLM_CALL_007` when entries cannot be written. */
  readonly reserve: (wanted: Reservation) => Effect.Effect<boolean, Refused | SqlError>
  /** For a call that was never sent. */
  readonly release: (tenant: string, id: string) => Effect.Effect<void>
  /** Never fails and is never interrupted: what cannot be written now is written later. Settles the reservation. */
  readonly record: (entry: LedgerEntry) => Effect.Effect<void>
  readonly report: (tenant: string, search: UsageSearch) => Effect.Effect<ReadonlyArray<UsageRow>, SqlError>
  /** Makes the tenant's sums again from its ledger. */
  readonly recompute: (tenant: string) => Effect.Effect<void, SqlError>
  /** Takes rows out of the ledger that are older than these days; sums stay. Answers how many went. */
  readonly prune: (tenant: string, days: number) => Effect.Effect<number, SqlError>
  readonly budgets: (tenant: string) => Effect.Effect<ReadonlyArray<Budget>, SqlError>
  /** Audited. Without any limit the budget goes away. */
  readonly setBudget: (by: ChangedBy, limit: BudgetLimit) => Effect.Effect<Budget, Refused | SqlError>
  /** Entries that wait for the database. */
  readonly waiting: () => number
}

const unwritable = () =>
  new Refused({
    reason: "unavailable",
    code: "LLM_CALL_007",
    text: "What calls take cannot be written down now; try again later.",
    details: { limit: "pendingEntriesMax" },
    retryAfterSeconds: 5,
  })

/** Writes at once where it can, and keeps what it cannot. */
const makeWriter = ({ within }: TenancyService) => {
  const waiting = new Map<string, LedgerEntry>()
  const write = (entry: LedgerEntry) => within(entry.tenant, (sql) => writeEntry(sql, entry))
  const record = (entry: LedgerEntry) =>
    write(entry).pipe(
      Effect.catchCause((cause) =>
        Effect.suspend(() => {
          waiting.set(`${entry.tenant}/${entry.id}`, entry)
          return Effect.logWarning("a model call's entry waits for the database", cause)
        }),
      ),
      Effect.uninterruptible,
    )
  /** A tenant whose database does not answer is left for the next time, and keeps no other one waiting. */
  const flush = Effect.gen(function* () {
    const failing = new Set<string>()
    for (const [key, entry] of [...waiting]) {
      if (failing.has(entry.tenant)) continue
      const exit = yield* Effect.exit(write(entry))
      if (Exit.isSuccess(exit)) waiting.delete(key)
      else failing.add(entry.tenant)
    }
    if (failing.size > 0)
      yield* Effect.logWarning(
        `${waiting.size} entries of model calls wait for ${failing.size} tenants' databases`,
      )
  })
  return { waiting, record, flush }
}

export class LlmUsage extends Context.Service<LlmUsage, LlmUsageService>()("millrace/LlmUsage") {
  static readonly layer = Layer.effect(
    LlmUsage,
    Effect.gen(function* () {
      const tenancy = yield* Tenancy
      const { within } = tenancy
      const { waiting, record, flush } = makeWriter(tenancy)
      yield* Effect.addFinalizer(() => flush)
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(llmLimits.pendingRetryMs), flush)))
      return LlmUsage.of({
        record,
        waiting: () => waiting.size,
        reserve: (wanted) =>
          Effect.suspend(() =>
            waiting.size >= llmLimits.pendingEntriesMax
              ? Effect.fail(unwritable())
              : within(wanted.tenant, (sql) => reserve(sql, wanted)),
          ),
        release: (tenant, id) =>
          within(
            tenant,
            (sql) => sql`DELETE FROM llm_reservations WHERE tenant = ${tenant} AND id = ${id}::text::uuid`,
          ).pipe(Effect.ignore),
        report: (tenant, search) => within(tenant, (sql) => usageBy(sql, tenant, search)),
        recompute: (tenant) => within(tenant, (sql) => recomputeSums(sql, tenant)),
        prune: (tenant, days) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => pruneLedger(tenancy, tenant, days, now)),
        budgets: (tenant) => within(tenant, (sql) => readBudgets(sql, tenant)),
        setBudget: (by, limit) =>
          within(
            by.tenant,
            Effect.fnUntraced(function* (sql) {
              const { before, after } = yield* writeBudget(sql, by.tenant, limit)
              const objectId = limit.scope_id === "" ? limit.scope : `${limit.scope}/${limit.scope_id}`
              yield* recordChanges(sql, by, [
                { action: "llm-budget.set", objectType: "llm-budget", objectId, before, after },
              ])
              return after
            }),
          ),
      })
    }),
  )
}
