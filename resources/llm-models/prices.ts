/** What tokens of a model cost, by when that began: a past price never changes, so that costs can be computed again. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { recordChanges } from "../audit/record.ts"
import { llmModelLimits as limits } from "./limits.ts"
import type { Requester } from "./llm-models.ts"
import type { ModelCaller, Price } from "./model.ts"
import { badSetting, notAllowed, tooMany } from "./refusals.ts"
import { isAdmin, requireRight, seenModel } from "./rights.ts"
import { idOrNull, timeText } from "./rows.ts"

const columns = `input_per_million::float8 AS input_per_million, output_per_million::float8 AS output_per_million,
  currency, ${timeText("valid_from")} AS valid_from`

/** What counts at that time. */
export const priceAt = Effect.fnUntraced(function* (sql: SqlClient, modelId: string, at: number) {
  const [price] = yield* sql<Price>`SELECT ${sql.literal(columns)} FROM llm_model_prices
    WHERE model_id = ${idOrNull(modelId)}::uuid AND valid_from <= ${new Date(at).toISOString()}::text::timestamptz
    ORDER BY llm_model_prices.valid_from DESC LIMIT 1`
  return price
})

/** Newest first. */
export const listPrices = Effect.fnUntraced(function* (sql: SqlClient, caller: ModelCaller, id: string) {
  yield* requireRight(sql, caller, id, "manage")
  return yield* sql<Price>`SELECT ${sql.literal(columns)} FROM llm_model_prices
    WHERE model_id = ${id}::uuid ORDER BY llm_model_prices.valid_from DESC LIMIT ${limits.pricesMax}::int`
})

const amountProblem = (field: string, amount: number) =>
  Number.isFinite(amount) && amount >= 0 && amount <= limits.perMillionMax
    ? undefined
    : badSetting(field, "it is out of range", `send a number from 0 to ${limits.perMillionMax}`)

const startOf = (text: string | undefined, now: number) => {
  const start = text === undefined ? now : Date.parse(text)
  if (Number.isNaN(start)) return badSetting("valid_from", "it is no time", "send ISO 8601 in UTC")
  // A price of the past would change what was already paid.
  return start < now
    ? badSetting("valid_from", "it is in the past", "leave it out, or name a time to come")
    : start
}

/** Prices decide about budgets: who only manages the model does not set them. */
export const setPrice = Effect.fnUntraced(function* (
  sql: SqlClient,
  { by, caller }: Requester,
  id: string,
  given: Omit<Price, "valid_from"> & { readonly valid_from?: string | undefined },
) {
  yield* seenModel(sql, caller, id)
  if (!isAdmin(caller)) return yield* notAllowed(id, "llm-model:admin")
  const now = yield* Clock.currentTimeMillis
  const start = startOf(given.valid_from, now)
  if (typeof start !== "number") return yield* start
  const { input_per_million, output_per_million, currency } = given
  const problem =
    amountProblem("input_per_million", input_per_million) ??
    amountProblem("output_per_million", output_per_million) ??
    (/^[A-Z]{3}$/.test(currency)
      ? undefined
      : badSetting("currency", "it is no currency", 'send such as "USD"'))
  if (problem !== undefined) return yield* problem
  const [counted] = yield* sql<{ count: number }>`
    SELECT count(*)::int AS count FROM llm_model_prices WHERE model_id = ${id}::uuid`
  if (counted!.count >= limits.pricesMax) return yield* tooMany("prices of this model", limits.pricesMax)
  const before = yield* priceAt(sql, id, start)
  const row = { ...given, tenant: by.tenant, model_id: id, valid_from: new Date(start).toISOString() }
  yield* sql`INSERT INTO llm_model_prices
    SELECT * FROM jsonb_populate_record(NULL::llm_model_prices, ${JSON.stringify(row)}::text::jsonb)
    ON CONFLICT (tenant, model_id, valid_from) DO UPDATE SET currency = excluded.currency,
      input_per_million = excluded.input_per_million, output_per_million = excluded.output_per_million`
  const after = (yield* priceAt(sql, id, start))!
  const entry = { action: "llm-model.price", objectType: "llm-model", objectId: id, after }
  yield* recordChanges(sql, by, [before === undefined ? entry : { ...entry, before }])
  return after
})
