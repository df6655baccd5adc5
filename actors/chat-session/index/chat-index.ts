/**
 * The sessions of a tenant as lists show them, and all of their messages: a projection of the sessions' journals into
 * Postgres, kept by each session's own `index` activity. What the journal still has can be put again at any time, from the
 * inputs of that activity: rows are told apart by their revision, messages by their number. What is older than the journal's
 * retention is in the database only.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Page, PageOf, Refused } from "../../../resources/index.ts"
import type { SessionMessage } from "../../../schemas/index.ts"
import type { SessionHead, SessionRow } from "../index-row.ts"

export interface SessionSearch extends PageOf {
  /** Part of the title, in any case. */
  readonly search?: string | undefined
  /** Who has the conversation now. */
  readonly agent?: string | undefined
}

export interface ChatIndexService {
  /**
   * Idempotent; an older revision changes nothing, and nothing comes back to a deleted session. Rows that come while
   * others are written go together. Errors: also refused when too many wait or the database takes too long.
   */
  readonly put: (tenant: string, row: SessionRow) => Effect.Effect<void, Refused | SqlError>
  /** Of one owner, newest activity first. */
  readonly list: (
    tenant: string,
    owner: string,
    search: SessionSearch,
  ) => Effect.Effect<Page<SessionHead>, Refused | SqlError>
  /** Numbers `from` to `to`, both included, oldest first. Whose session it is, the caller has checked. */
  readonly messages: (
    tenant: string,
    session: string,
    from: number,
    to: number,
  ) => Effect.Effect<ReadonlyArray<SessionMessage>, Refused | SqlError>
}

export class ChatIndex extends Context.Service<ChatIndex, ChatIndexService>()("millrace/actors/ChatIndex") {}
