/**
 * The alerts of a tenant as lists show them, and their history: a projection of the alert desk's journal into Postgres, kept
 * by the desk's own `index` activity. An alert that left the desk is here as long as the tenant's setting says.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Page, PageOf, Refused } from "../../../resources/index.ts"
import type { AlertRecord, AlertState, Severity } from "../../../schemas/index.ts"
import type { AlertRows } from "../index-row.ts"
import type { HistoryEntry } from "../state.ts"

export interface AlertSearch extends PageOf {
  /** Any of these; absent: all. */
  readonly states?: ReadonlyArray<AlertState> | undefined
  readonly severity?: Severity | undefined
  readonly rule?: string | undefined
  /** All of these labels. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Whether a silence, planned work or an inhibition keeps it quiet. */
  readonly silenced?: boolean | undefined
  readonly acknowledged?: boolean | undefined
  /** Part of the name, a label or an annotation, in any case. */
  readonly search?: string | undefined
}

export interface AlertIndexService {
  /** Idempotent; an older revision changes nothing. What was done to silences and the like is audited in the same transaction. */
  readonly put: (tenant: string, rows: AlertRows) => Effect.Effect<void, Refused | SqlError>
  /** The newest change by the alerts' own time first. */
  readonly list: (tenant: string, search: AlertSearch) => Effect.Effect<Page<AlertRecord>, Refused | SqlError>
  readonly find: (
    tenant: string,
    fingerprint: string,
  ) => Effect.Effect<AlertRecord | undefined, Refused | SqlError>
  /** Newest first, below number `before`. */
  readonly history: (
    tenant: string,
    of: { readonly fingerprint: string; readonly before?: number | undefined; readonly limit: number },
  ) => Effect.Effect<ReadonlyArray<HistoryEntry>, Refused | SqlError>
  /** Drops what is older than so many days: history, and alerts that are over. */
  readonly prune: (tenant: string, days: number) => Effect.Effect<void, Refused | SqlError>
}

export class AlertIndex extends Context.Service<AlertIndex, AlertIndexService>()(
  "millrace/actors/AlertIndex",
) {}
