/** Counts what journal entries say happened. Exactly once: in the transaction that moves the projection past them. */
import type * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { EntryRow } from "../trace/rows.ts"
import { addDaily, type Daily } from "./daily.ts"

/** Of milliseconds since the epoch, in UTC. */
export const dayOf = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10)

const has = ({ events }: EntryRow, tag: string): boolean =>
  (events ?? []).some((event) => (event as { readonly _tag?: unknown } | null)?._tag === tag)

/** Pure. An address that could not be read belongs to nobody. */
const countsOf = (entries: ReadonlyArray<EntryRow>): ReadonlyArray<Daily> => {
  const sessions = new Map<string, Daily>()
  for (const entry of entries) {
    const { tenant, kind, start_ms } = entry
    if (tenant === "") continue
    if (kind !== "chat-session" || !has(entry, "Opened")) continue
    const day = dayOf(start_ms)
    const place = `${day}/${tenant}`
    const value = (sessions.get(place)?.value ?? 0) + 1
    sessions.set(place, { tenant, day, metric: "sessions", dimension: "", value })
  }
  return [...sessions.values()]
}

/** Inside the transaction of the projection. */
export const countEntries = (
  sql: SqlClient,
  entries: ReadonlyArray<EntryRow>,
): Effect.Effect<void, SqlError> => addDaily(sql, countsOf(entries))
