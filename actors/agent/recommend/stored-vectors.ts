/** The rows of `agent_embeddings`: read in the order of nearness, written, and found missing. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { vector } from "../../../resources/index.ts"
import type { AgentView } from "../../../schemas/index.ts"
import type { AgentCaller } from "../access.ts"
import { accessCondition } from "../index/access-condition.ts"
import type { Vector } from "./embedding-model.ts"
import type { RecommendFilters } from "./recommendations.ts"

export interface Scope {
  readonly tenant: string
  readonly caller: AgentCaller
  readonly filters: RecommendFilters
  /** The key. */
  readonly model: string
}

/** Of the table `a`: what may be recommended. */
const inScope = (sql: SqlClient, { tenant, caller, filters }: Scope) => {
  const { status = "PRODUCTION", framework, department } = filters
  return sql.and([
    sql`a.tenant = ${tenant}`,
    sql`NOT a.archived`,
    sql`a.status = ${status}`,
    ...(framework === undefined ? [] : [sql`a.framework = ${framework}`]),
    ...(department === undefined ? [] : [sql`a.department = ${department}`]),
    accessCondition(sql, caller),
  ])
}

export interface Near {
  readonly view: AgentView
  readonly score: number
}

/** Exact. Order: nearest first, then by id. A vector of zeros, of a text that says nothing, is near to none. */
export const nearest = (
  sql: SqlClient,
  scope: Scope,
  { place, k, minimumScore }: { readonly place: Vector; readonly k: number; readonly minimumScore: number },
) =>
  sql<Near>`
    SELECT a.view, 1 - near.distance AS score
    FROM (
      SELECT e.tenant, e.agent, e.embedding <=> ${vector(place)}::vector AS distance
      FROM agent_embeddings e JOIN agents a ON a.tenant = e.tenant AND a.id = e.agent
      WHERE e.model = ${scope.model} AND e.dimensions = ${place.length}::int AND ${inScope(sql, scope)}
      ORDER BY distance, e.agent LIMIT ${k}::int
    ) near JOIN agents a ON a.tenant = near.tenant AND a.id = near.agent
    WHERE near.distance <= 1 - ${minimumScore}::float8
    ORDER BY near.distance, a.id`

/** How many in the scope have no vector of the model. */
export const countMissing = (sql: SqlClient, scope: Scope) =>
  Effect.map(
    sql<{ missing: number }>`
      SELECT count(*)::int AS missing
      FROM agents a LEFT JOIN agent_embeddings e
        ON e.tenant = a.tenant AND e.agent = a.id AND e.model = ${scope.model}
      WHERE ${inScope(sql, scope)} AND e.agent IS NULL`,
    ([found]) => found?.missing ?? 0,
  )

const isStale = (sql: SqlClient, tenant: string, model: string) => sql`
  FROM agents a LEFT JOIN agent_embeddings e ON e.tenant = a.tenant AND e.agent = a.id
  WHERE a.tenant = ${tenant} AND NOT a.archived
    AND (e.agent IS NULL OR e.model <> ${model} OR e.version < a.version)`

export const countStale = (sql: SqlClient, tenant: string, model: string) =>
  Effect.map(
    sql<{ stale: number }>`SELECT count(*)::int AS stale ${isStale(sql, tenant, model)}`,
    ([found]) => found?.stale ?? 0,
  )

/** Order: by id. */
export const readStale = (
  sql: SqlClient,
  { tenant, model, after, limit }: { tenant: string; model: string; after: string; limit: number },
) =>
  Effect.map(
    sql<{ view: AgentView }>`
      SELECT a.view ${isStale(sql, tenant, model)} AND a.id > ${after} ORDER BY a.id LIMIT ${limit}::int`,
    (rows) => rows.map(({ view }) => view),
  )

export interface Embedded {
  readonly view: AgentView
  readonly textHash: string
  readonly place: Vector
}

/** Says of which agents the vector is still right, and marks it as of this version. */
export const confirm = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  model: string,
  agents: ReadonlyArray<Omit<Embedded, "place">>,
) {
  const asked = agents.map(({ view, textHash }) => ({
    agent: view.agent,
    version: view.version,
    text_hash: textHash,
  }))
  const rows = yield* sql<{ agent: string }>`
    UPDATE agent_embeddings e SET version = greatest(e.version, asked.version)
    FROM jsonb_to_recordset(${JSON.stringify(asked)}::text::jsonb)
      AS asked (agent text, version int, text_hash text)
    WHERE e.tenant = ${tenant} AND e.agent = asked.agent AND e.model = ${model}
      AND e.text_hash = asked.text_hash
    RETURNING e.agent`
  return new Set(rows.map(({ agent }) => agent))
})

/** What was made from an older version changes nothing. */
export const store = (
  sql: SqlClient,
  tenant: string,
  model: string,
  { view, textHash, place }: Embedded,
) => sql`
  INSERT INTO agent_embeddings (tenant, agent, version, model, dimensions, text_hash, embedding)
  VALUES (${tenant}, ${view.agent}, ${view.version}::int, ${model}, ${place.length}::int, ${textHash}, ${vector(place)}::vector)
  ON CONFLICT (tenant, agent) DO UPDATE SET version = EXCLUDED.version, model = EXCLUDED.model,
    dimensions = EXCLUDED.dimensions, text_hash = EXCLUDED.text_hash, embedding = EXCLUDED.embedding, updated_at = now()
  WHERE agent_embeddings.version <= EXCLUDED.version`
