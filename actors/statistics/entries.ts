/** Counts what journal entries say happened. Exactly once: in the transaction that moves the projection past them. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { EntryRow } from "../trace/rows.ts"
import { addDaily, type Daily } from "./daily.ts"

interface Agent {
  readonly tenant: string
  readonly agent: string
  readonly since: string
}

/** Of milliseconds since the epoch, in UTC. */
export const dayOf = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10)

const has = ({ events }: EntryRow, tag: string): boolean =>
  (events ?? []).some((event) => (event as { readonly _tag?: unknown } | null)?._tag === tag)

/** Pure. An address that could not be read belongs to nobody. */
export const countsOf = (entries: ReadonlyArray<EntryRow>) => {
  const sessions = new Map<string, Daily>()
  const agents: Array<Agent> = []
  for (const entry of entries) {
    const { tenant, kind, key, start_ms } = entry
    if (tenant === "") continue
    const day = dayOf(start_ms)
    if (kind === "agent" && has(entry, "Registered")) agents.push({ tenant, agent: key, since: day })
    if (kind !== "chat-session" || !has(entry, "Opened")) continue
    const place = `${day}/${tenant}`
    const value = (sessions.get(place)?.value ?? 0) + 1
    sessions.set(place, { tenant, day, metric: "sessions", dimension: "", value })
  }
  return { daily: [...sessions.values()], agents }
}

/** Inside the transaction of the projection. */
export const countEntries = Effect.fnUntraced(function* (
  sql: SqlClient,
  entries: ReadonlyArray<EntryRow>,
): Effect.fn.Return<void, SqlError> {
  const { daily, agents } = countsOf(entries)
  yield* addDaily(sql, daily)
  // Registering again is a change of the same agent.
  if (agents.length > 0)
    yield* sql`INSERT INTO statistics_agents SELECT tenant, agent, min(since)
      FROM jsonb_populate_recordset(NULL::statistics_agents, ${JSON.stringify(agents)}::text::jsonb)
      GROUP BY tenant, agent ON CONFLICT DO NOTHING`
})
