/**
 * The agents of a tenant as lists and searches show them: a projection of the agents' journals into
 * Postgres, kept by each agent's own `index` activity. Access is a condition of every query, never a filter afterwards.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { SqlError } from "effect/sql/SqlError"
import type { ChangedBy, Page, PageOf, Refused } from "../../../resources/index.ts"
import type { AgentView, Framework, LifecycleStatus } from "../../../schemas/index.ts"
import type { AgentCaller } from "../access.ts"
import type { IndexRow } from "../index-row.ts"

export interface AgentSearch extends PageOf {
  readonly status?: LifecycleStatus | undefined
  readonly framework?: Framework | undefined
  readonly department?: string | undefined
  readonly owner?: string | undefined
  readonly health?: AgentView["health"]["status"] | undefined
  /** Part of the name, the description or a skill, in any case. */
  readonly search?: string | undefined
  /** Only archived ones; absent: only those that are not. */
  readonly archived?: boolean | undefined
}

export interface AgentIndexService {
  /** Idempotent; an older revision changes nothing. A change of settings is in the audit log in the same transaction. */
  readonly put: (tenant: string, row: IndexRow) => Effect.Effect<void, Refused | SqlError>
  /** Undefined when there is none. Kept per node; a change is seen on all nodes, a check's latency half a minute later. */
  readonly find: (tenant: string, agent: string) => Effect.Effect<AgentView | undefined, Refused | SqlError>
  /** What this caller may use, by name. */
  readonly list: (
    tenant: string,
    caller: AgentCaller,
    search: AgentSearch,
  ) => Effect.Effect<Page<AgentView>, Refused | SqlError>
  /** What the agent's service wants as its credential. */
  readonly credential: (
    tenant: string,
    agent: string,
  ) => Effect.Effect<Redacted.Redacted | undefined, Refused | SqlError>
  readonly hasCredential: (tenant: string, agent: string) => Effect.Effect<boolean, Refused | SqlError>
  /** Undefined removes it. Sealed at rest. */
  readonly setCredential: (
    by: ChangedBy,
    agent: string,
    credential: Redacted.Redacted | undefined,
  ) => Effect.Effect<void, Refused | SqlError>
}

export class AgentIndex extends Context.Service<AgentIndex, AgentIndexService>()(
  "millrace/actors/AgentIndex",
) {}
