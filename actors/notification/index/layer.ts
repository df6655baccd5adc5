/** The channels over the tenants' databases. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import {
  type ChangedBy,
  recordChanges,
  refuse,
  Secrets,
  type SecretsService,
  SecretUnreadable,
  Tenancy,
} from "../../../resources/index.ts"
import {
  type Channel,
  ChannelSettings,
  type DeliveryStatus,
  defaultChannel,
  perMinuteMaxDefault,
} from "../../../schemas/index.ts"
import { channelProblems } from "../channel-problems.ts"
import { maskedSettings, unmasked } from "../masked.ts"
import type { Over } from "../state.ts"
import {
  Channels,
  type ChannelsService,
  channelsMax,
  deliveriesKeptMax,
  type ShownChannel,
} from "./channels.ts"
import { channelPlace } from "./sealed.ts"

interface Row {
  readonly id: string
  readonly name: string
  readonly per_minute_max: number
  readonly enabled: boolean
  readonly version: number
  readonly shown: ChannelSettings
  readonly sealed: string
  readonly updated_at: number
  readonly updated_by: string
}

const builtin: ShownChannel = {
  id: defaultChannel,
  name: "Log",
  settings: { type: "log" },
  perMinuteMax: perMinuteMaxDefault,
  enabled: true,
  version: 0,
  updatedAt: undefined,
  updatedBy: undefined,
}

const shownOf = (row: Row): ShownChannel => ({
  id: row.id,
  name: row.name,
  settings: row.shown,
  perMinuteMax: row.per_minute_max,
  enabled: row.enabled,
  version: row.version,
  updatedAt: row.updated_at,
  updatedBy: row.updated_by,
})

const decodeSettings = Schema.decodeUnknownSync(ChannelSettings)

const opened = (secrets: SecretsService, tenant: string, { id, sealed }: Row) =>
  Effect.try({
    try: () => decodeSettings(JSON.parse(secrets.open(sealed, channelPlace(tenant, id)))),
    catch: (cause) =>
      refuse("unavailable", "CEP_CHAN_005", "The channel's settings cannot be opened.", {
        reason: cause instanceof SecretUnreadable ? cause.message : "unreadable",
      }),
  })

const rowOf = (sql: SqlClient, tenant: string, id: string) =>
  Effect.map(sql<Row>`SELECT * FROM cep_channels WHERE tenant = ${tenant} AND id = ${id}`, ([row]) => row)

const audited = ({ version: _1, updatedAt: _2, updatedBy: _3, ...settings }: ShownChannel) => settings

/** What the masks stand for, where there is something to stand for. */
const complete = Effect.fnUntraced(function* (
  secrets: SecretsService,
  tenant: string,
  { settings: given }: Channel,
  before: Row | undefined,
) {
  // What does not open any more can be replaced as a whole.
  const stored = before === undefined ? undefined : yield* Effect.option(opened(secrets, tenant, before))
  const { settings, problems: masked } = unmasked(given, stored?._tag === "Some" ? stored.value : undefined)
  const problems = masked.length > 0 ? masked : channelProblems(settings)
  if (problems.length > 0)
    return yield* Effect.fail(refuse("invalid", "CEP_CHAN_002", "The channel is not valid.", { problems }))
  return settings
})

const stale = (row: Row | undefined) =>
  Effect.fail(
    refuse("stale", "CEP_CHAN_008", "The channel was changed meanwhile.", {
      current: row?.version ?? builtin.version,
      remedy: "read it again, and send the ETag of that answer",
    }),
  )

const put = Effect.fnUntraced(function* (
  sql: SqlClient,
  secrets: SecretsService,
  by: ChangedBy,
  channel: Channel,
  { create = false, expected }: Parameters<ChannelsService["put"]>[2],
) {
  const { tenant } = by
  const { id, name, perMinuteMax, enabled } = channel
  const [before] = yield* sql<Row>`
    SELECT * FROM cep_channels WHERE tenant = ${tenant} AND id = ${id} FOR UPDATE`
  if (before !== undefined && create)
    return yield* Effect.fail(
      refuse("conflict", "CEP_CHAN_004", "There is a channel of this id.", {
        field: "id",
        remedy: "change it with PUT",
      }),
    )
  if (expected !== undefined && expected !== (before?.version ?? builtin.version)) return yield* stale(before)
  if (before === undefined) {
    const [counted] = yield* sql<{ total: number }>`
      SELECT count(*)::int AS total FROM cep_channels WHERE tenant = ${tenant}`
    if ((counted?.total ?? 0) >= channelsMax)
      return yield* Effect.fail(
        refuse("limit", "CEP_CHAN_003", "This tenant has as many channels as it may have.", {
          limit: "channelsMax",
          max: channelsMax,
          remedy: "remove channels that nobody needs",
        }),
      )
  }
  const settings = yield* complete(secrets, tenant, channel, before)
  const sealed = secrets.seal(JSON.stringify(settings), channelPlace(tenant, id))
  const now = yield* Clock.currentTimeMillis
  const [row] = yield* sql<Row>`
    INSERT INTO cep_channels
      (tenant, id, name, per_minute_max, enabled, version, shown, sealed, updated_at, updated_by)
    VALUES (${tenant}, ${id}, ${name}, ${perMinuteMax}::int, ${enabled}, 1,
      ${JSON.stringify(maskedSettings(settings))}::text::jsonb, ${sealed}, ${now}::float8, ${by.user})
    ON CONFLICT (tenant, id) DO UPDATE SET
      (name, per_minute_max, enabled, version, shown, sealed, updated_at, updated_by) =
      ROW (EXCLUDED.name, EXCLUDED.per_minute_max, EXCLUDED.enabled, cep_channels.version + 1, EXCLUDED.shown,
        EXCLUDED.sealed, EXCLUDED.updated_at, EXCLUDED.updated_by)
    RETURNING *`
  const shown = shownOf(row!)
  yield* recordChanges(sql, by, [
    {
      action: `channel.${before === undefined ? "create" : "change"}`,
      objectType: "channel",
      objectId: id,
      ...(before === undefined ? {} : { before: audited(shownOf(before)) }),
      after: audited(shown),
    },
  ])
  return { channel: shown, created: before === undefined }
})

const remove = Effect.fnUntraced(function* (
  sql: SqlClient,
  by: ChangedBy,
  id: string,
  expected: number | undefined,
) {
  const [row] = yield* sql<Row>`
    DELETE FROM cep_channels WHERE tenant = ${by.tenant} AND id = ${id} RETURNING *`
  if (row === undefined) return false
  if (expected !== undefined && expected !== row.version) return yield* stale(row)
  yield* recordChanges(sql, by, [
    { action: "channel.remove", objectType: "channel", objectId: id, before: audited(shownOf(row)) },
  ])
  return true
})

const keep = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  channel: string,
  { rows, last }: { readonly rows: ReadonlyArray<Over>; readonly last: number },
) {
  const values = rows.map(({ traceId, ...row }) => ({ tenant, channel, ...row, trace_id: traceId ?? null }))
  yield* sql`
    INSERT INTO cep_deliveries (tenant, channel, n, revision, id, what, status, attempts, at, detail, trace_id)
    SELECT tenant, channel, n, revision, id, what, status, attempts, at, detail, trace_id
    FROM jsonb_populate_recordset(NULL::cep_deliveries, ${JSON.stringify(values)}::text::jsonb)
    ON CONFLICT (tenant, channel, n) DO UPDATE SET
      (revision, what, status, attempts, at, detail) =
      ROW (EXCLUDED.revision, EXCLUDED.what, EXCLUDED.status, EXCLUDED.attempts, EXCLUDED.at, EXCLUDED.detail)
      WHERE cep_deliveries.revision < EXCLUDED.revision`
  yield* sql`DELETE FROM cep_deliveries
    WHERE tenant = ${tenant} AND channel = ${channel} AND n <= ${last - deliveriesKeptMax}::int`
})

interface DeliveryRow {
  readonly channel: string
  readonly id: string
  readonly what: string
  readonly status: DeliveryStatus
  readonly attempts: number
  readonly at: number
  readonly detail: string | null
  readonly trace_id: string | null
}

const make = Effect.gen(function* () {
  const [{ within }, secrets] = [yield* Tenancy, yield* Secrets]
  const service: ChannelsService = {
    list: (tenant) =>
      within(tenant, (sql) =>
        Effect.map(
          sql<Row>`SELECT * FROM cep_channels WHERE tenant = ${tenant} ORDER BY lower(name), id`,
          (rows) => {
            const listed = rows.map(shownOf)
            return listed.some(({ id }) => id === defaultChannel) ? listed : [builtin, ...listed]
          },
        ),
      ),
    find: (tenant, id) =>
      within(tenant, (sql) =>
        Effect.map(rowOf(sql, tenant, id), (row) => {
          if (row !== undefined) return shownOf(row)
          return id === defaultChannel ? builtin : undefined
        }),
      ),
    open: (tenant, id) =>
      within(
        tenant,
        Effect.fnUntraced(function* (sql) {
          const row = yield* rowOf(sql, tenant, id)
          if (row === undefined) return id === defaultChannel ? builtin : undefined
          return { ...shownOf(row), settings: yield* opened(secrets, tenant, row) }
        }),
      ),
    put: (by, channel, edit) => within(by.tenant, (sql) => put(sql, secrets, by, channel, edit)),
    remove: (by, id, expected) => within(by.tenant, (sql) => remove(sql, by, id, expected)),
    keep: (tenant, channel, deliveries) => within(tenant, (sql) => keep(sql, tenant, channel, deliveries)),
    deliveries: (tenant, { page, limit, channel, status }) =>
      within(
        tenant,
        Effect.fnUntraced(function* (sql) {
          const conditions = sql.and([
            sql`tenant = ${tenant}`,
            ...(channel === undefined ? [] : [sql`channel = ${channel}`]),
            ...(status === undefined ? [] : [sql`status = ${status}`]),
          ])
          const [counted] = yield* sql<{ total: number }>`
            SELECT count(*)::int AS total FROM cep_deliveries WHERE ${conditions}`
          const rows = yield* sql<DeliveryRow>`
            SELECT channel, id, what, status, attempts, at, detail, trace_id FROM cep_deliveries
            WHERE ${conditions} ORDER BY at DESC, channel, n DESC
            LIMIT ${limit}::int OFFSET ${(page - 1) * limit}::int`
          return {
            rows: rows.map(({ detail, trace_id: traceId, ...row }) => ({
              ...row,
              ...(detail === null ? {} : { detail }),
              ...(traceId === null ? {} : { traceId }),
            })),
            total: counted?.total ?? 0,
          }
        }),
      ),
  }
  return Channels.of(service)
})

export const channelsLayer = Layer.effect(Channels, make)
