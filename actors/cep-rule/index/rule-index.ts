/**
 * The rules of a tenant as lists show them: a projection of the rules' journals into Postgres, kept by each rule's own
 * `index` activity. Also what checks need that concern several rules.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Page, PageOf, Refused } from "../../../resources/index.ts"
import type { RuleDocument, Severity, Trigger } from "../../../schemas/index.ts"
import type { EventFlow } from "../event-flow.ts"
import type { IndexRow } from "../follow.ts"

export interface RuleSearch extends PageOf {
  readonly enabled?: boolean | undefined
  readonly trigger?: Trigger["type"] | undefined
  readonly severity?: Severity | undefined
  readonly owner?: string | undefined
  /** `name=value`: rules that have this label. */
  readonly label?: string | undefined
  /** Part of the name, the description, the id, or of what it looks at, in any case. */
  readonly search?: string | undefined
}

export interface ListedRule extends Omit<IndexRow, "document"> {
  readonly rule: string
  readonly document: RuleDocument
}

export interface RuleIndexService {
  /** Idempotent; an older change changes nothing. The change is in the audit log in the same transaction. */
  readonly put: (tenant: string, rule: string, row: IndexRow) => Effect.Effect<void, Refused | SqlError>
  /** By name. */
  readonly list: (tenant: string, search: RuleSearch) => Effect.Effect<Page<ListedRule>, Refused | SqlError>
  /** Some that are not removed, by id, from the one after `after` on. */
  readonly page: (
    tenant: string,
    after: string,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<Pick<ListedRule, "rule" | "document">>, Refused | SqlError>
  readonly count: (tenant: string) => Effect.Effect<number, Refused | SqlError>
  /** Of all rules that run and publish events. */
  readonly flows: (tenant: string) => Effect.Effect<ReadonlyArray<EventFlow>, Refused | SqlError>
}

export class RuleIndex extends Context.Service<RuleIndex, RuleIndexService>()("millrace/actors/RuleIndex") {}
