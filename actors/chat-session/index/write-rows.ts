/** Puts many sessions' rows into the tables at once. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { rowsJson } from "../../trace/rows.ts"
import type { SessionRow } from "../index-row.ts"

/** In the order of their ids, in which every transaction locks them. */
const sessionsOf = (tenant: string, rows: ReadonlyArray<SessionRow>) =>
  rows
    .map(({ head, revision, deleted }) => ({
      tenant,
      id: head.session,
      revision,
      deleted,
      owner: head.owner,
      agent: head.agent,
      search_text: head.title.toLowerCase(),
      last_activity: Math.floor(head.lastActivity),
      head,
    }))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))

const messagesOf = (tenant: string, rows: ReadonlyArray<SessionRow>) =>
  rows.flatMap(({ head: { session }, messages }) =>
    messages.map((message) => ({ tenant, session, number: message.number, message })),
  )

/** Inside a transaction. Each session at most once. A session's row is locked also where it is newer already. */
export const writeRows = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  rows: ReadonlyArray<SessionRow>,
): Effect.fn.Return<void, SqlError> {
  yield* sql`
    INSERT INTO chat_sessions
    SELECT * FROM jsonb_populate_recordset(NULL::chat_sessions, ${rowsJson(sessionsOf(tenant, rows))}::text::jsonb)
    ON CONFLICT (tenant, id) DO UPDATE SET
      (revision, deleted, owner, agent, search_text, last_activity, head) =
      ROW (EXCLUDED.revision, EXCLUDED.deleted, EXCLUDED.owner, EXCLUDED.agent, EXCLUDED.search_text,
        EXCLUDED.last_activity, EXCLUDED.head)
      WHERE chat_sessions.revision < EXCLUDED.revision`
  const messages = messagesOf(tenant, rows)
  if (messages.length > 0)
    yield* sql`
      INSERT INTO chat_messages
      SELECT m.* FROM jsonb_populate_recordset(NULL::chat_messages, ${rowsJson(messages)}::text::jsonb) m
      WHERE NOT EXISTS (SELECT 1 FROM chat_sessions s
        WHERE s.tenant = m.tenant AND s.id = m.session AND s.deleted)
      ON CONFLICT DO NOTHING`
  const deleted = rows.flatMap((row) => (row.deleted ? [row.head.session] : []))
  if (deleted.length > 0)
    yield* sql`
      DELETE FROM chat_messages WHERE tenant = ${tenant}
        AND session IN (SELECT jsonb_array_elements_text(${JSON.stringify(deleted)}::text::jsonb))`
})
