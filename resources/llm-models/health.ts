/**
 * Whether models answer: asked through the port, outside of any transaction, and kept with the model. A turn for the
 * better or the worse is audited as `system`; the time of a check alone is not.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import { recordChanges } from "../audit/record.ts"
import type { SecretsService } from "../secrets/secrets.ts"
import { maskText } from "../tracing/masking.ts"
import type { ModelCheckerService } from "./checker.ts"
import { openKey } from "./keys.ts"
import { llmModelLimits as limits } from "./limits.ts"
import type { Health, HealthStatus, Model } from "./model.ts"
import { modelColumns } from "./rows.ts"

export type Checkable = Model & { readonly sealed_key: string | null }

/** What was found, and of which version of the model: of any without. */
export interface Found {
  readonly id: string
  readonly version?: number
  readonly health: Health
}

/** Those that were checked longest ago first, so that a round that is cut short is made up for by the next. */
export const checkableModels = (sql: SqlClient, condition: ReturnType<SqlClient["literal"]>) =>
  sql<Checkable>`SELECT ${sql.literal(modelColumns)}, m.sealed_key FROM llm_models m
    WHERE ${condition} ORDER BY m.last_health_check NULLS FIRST, m.id LIMIT ${limits.modelsMax}::int`

/** Nothing of a key gets out, whatever a provider wrote into its answer. */
const withoutKey = (detail: string, key: Redacted.Redacted | undefined): string => {
  const cleaned = key === undefined ? detail : detail.replaceAll(Redacted.value(key), "[secret]")
  return maskText(cleaned).slice(0, limits.healthDetailMax)
}

/** Never fails and always ends: what goes wrong is what was found. */
export const checkOne = Effect.fnUntraced(function* (
  checker: ModelCheckerService,
  secrets: SecretsService,
  { sealed_key: stored, ...model }: Checkable,
) {
  const { id, version, tenant } = model
  const unhealthy = (detail: string): Health => ({ status: "unhealthy", detail })
  const health = yield* openKey(secrets, tenant, id, stored).pipe(
    Effect.flatMap((key) =>
      checker.check(model, key).pipe(
        Effect.timeoutOrElse({
          duration: limits.checkMs,
          orElse: () => Effect.succeed(unhealthy(`no answer within ${limits.checkMs} ms`)),
        }),
        Effect.map((found) =>
          found.detail === undefined ? found : { ...found, detail: withoutKey(found.detail, key) },
        ),
      ),
    ),
    Effect.catchTag("Refused", ({ text }) => Effect.succeed(unhealthy(text))),
    Effect.catchDefect(() => Effect.succeed(unhealthy("the check itself failed"))),
  )
  return { id, version, health } satisfies Found
})

interface Row {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly health_status: HealthStatus
}

/** In the order of ids, so that two writers wait for each other and never in a circle. Answers whether any turned. */
export const keepHealth = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  found: ReadonlyArray<Found>,
) {
  const at = new Date(yield* Clock.currentTimeMillis).toISOString()
  const rows = yield* sql<Row>`SELECT id::text AS id, name, version, health_status FROM llm_models
    WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text(
      ${JSON.stringify(found.map(({ id }) => id))}::text::jsonb)) ORDER BY llm_models.id FOR UPDATE`
  const byId = new Map(rows.map((row) => [row.id, row]))
  // A model that changed meanwhile was not the one that was asked.
  const current = found.filter(({ id, version }) => {
    const row = byId.get(id)
    return row !== undefined && (version === undefined || version === row.version)
  })
  const kept = current.map(({ id, health }) => ({
    id,
    status: health.status,
    detail:
      health.status === "healthy" ? null : maskText(health.detail ?? "").slice(0, limits.healthDetailMax),
  }))
  yield* sql`UPDATE llm_models m SET health_status = r.status, health_detail = r.detail,
      last_health_check = ${at}::text::timestamptz
    FROM jsonb_to_recordset(${JSON.stringify(kept)}::text::jsonb) AS r(id uuid, status text, detail text)
    WHERE m.id = r.id`
  const turned = kept.filter(({ id, status }) => byId.get(id)!.health_status !== status)
  const changes = turned.map(({ id, status, detail }) => ({
    action: "llm-model.health",
    objectType: "llm-model",
    objectId: id,
    before: { health_status: byId.get(id)!.health_status },
    after: { health_status: status, health_detail: detail },
  }))
  yield* recordChanges(sql, { tenant, user: "system" }, changes)
  return turned.length > 0
})
