/** The index of alerts over the tenants' databases. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { recordChanges, Tenancy } from "../../../resources/index.ts"
import type { AlertRecord } from "../../../schemas/index.ts"
import { rowsJson } from "../../trace/rows.ts"
import type { AlertRows } from "../index-row.ts"
import type { HistoryEntry } from "../state.ts"
import { isOver } from "../turning.ts"
import { AlertIndex, type AlertIndexService, type AlertSearch } from "./alert-index.ts"

const dayMs = 24 * 60 * 60_000

const searchText = ({ name, labels, annotations }: AlertRecord): string =>
  [name, ...Object.values(labels), ...Object.values(annotations)].join("\n").toLowerCase()

const alertRow = (tenant: string, { revision, alert }: AlertRows["alerts"][number]) => ({
  tenant,
  fingerprint: alert.fingerprint,
  revision,
  state: alert.state,
  severity: alert.severity,
  rule: alert.rule,
  labels: alert.labels,
  quiet: alert.quietBy.length > 0 && !isOver(alert.state),
  acknowledged: alert.acknowledged !== undefined,
  at: alert.at,
  search_text: searchText(alert),
  record: alert,
})

const historyRow = (tenant: string, entry: HistoryEntry) => ({
  tenant,
  number: entry.number,
  fingerprint: entry.fingerprint,
  taken_at: entry.takenAt,
  entry,
})

/** What people did to silences, planned work and inhibitions; what became of alerts has its history. */
const audited = ({ cause, to, rule, name }: HistoryEntry) => ({
  action: `${cause}.${to}`,
  objectType: cause,
  objectId: rule,
  after: { name },
})

const put = Effect.fnUntraced(function* (sql: SqlClient, tenant: string, { alerts, history }: AlertRows) {
  if (alerts.length > 0) {
    const rows = alerts
      .map((alert) => alertRow(tenant, alert))
      .toSorted((one, other) => (one.fingerprint < other.fingerprint ? -1 : 1))
    yield* sql`
      INSERT INTO alerts
      SELECT * FROM jsonb_populate_recordset(NULL::alerts, ${rowsJson(rows)}::text::jsonb)
      ON CONFLICT (tenant, fingerprint) DO UPDATE SET
        (revision, state, severity, rule, labels, quiet, acknowledged, at, search_text, record) =
        ROW (EXCLUDED.revision, EXCLUDED.state, EXCLUDED.severity, EXCLUDED.rule, EXCLUDED.labels, EXCLUDED.quiet,
          EXCLUDED.acknowledged, EXCLUDED.at, EXCLUDED.search_text, EXCLUDED.record)
        WHERE alerts.revision < EXCLUDED.revision`
  }
  if (history.length === 0) return
  const rows = history.map((entry) => historyRow(tenant, entry))
  const added = yield* sql<{ readonly number: number }>`
    INSERT INTO alert_history
    SELECT * FROM jsonb_populate_recordset(NULL::alert_history, ${rowsJson(rows)}::text::jsonb)
    ON CONFLICT DO NOTHING RETURNING number::float8 AS number`
  const fresh = new Set(added.map(({ number }) => number))
  for (const entry of history) {
    const { fingerprint, by, number } = entry
    if (fingerprint !== "" || by === undefined || !fresh.has(number)) continue
    yield* recordChanges(sql, { tenant, user: by }, [audited(entry)])
  }
})

const conditionsOf = (sql: SqlClient, tenant: string, search: AlertSearch) => {
  const { states, severity, rule, labels, silenced, acknowledged, search: text } = search
  return [
    sql`tenant = ${tenant}`,
    ...(states === undefined ? [] : [sql`state IN ${sql.in(states)}`]),
    ...(severity === undefined ? [] : [sql`severity = ${severity}`]),
    ...(rule === undefined ? [] : [sql`rule = ${rule}`]),
    ...(labels === undefined ? [] : [sql`labels @> ${JSON.stringify(labels)}::text::jsonb`]),
    ...(silenced === undefined ? [] : [sql`quiet = ${silenced}`]),
    ...(acknowledged === undefined ? [] : [sql`acknowledged = ${acknowledged}`]),
    ...(text === undefined ? [] : [sql`strpos(search_text, ${text.toLowerCase()}) > 0`]),
  ]
}

const make = Effect.gen(function* () {
  const { within } = yield* Tenancy
  const service: AlertIndexService = {
    put: (tenant, rows) => within(tenant, (sql) => put(sql, tenant, rows)),
    list: (tenant, search) =>
      within(
        tenant,
        Effect.fnUntraced(function* (sql) {
          const { page, limit } = search
          const conditions = conditionsOf(sql, tenant, search)
          const [counted] = yield* sql<{ total: number }>`
            SELECT count(*)::int AS total FROM alerts WHERE ${sql.and(conditions)}`
          const rows = yield* sql<{ record: AlertRecord }>`
            SELECT record FROM alerts WHERE ${sql.and(conditions)}
            ORDER BY at DESC, fingerprint LIMIT ${limit}::int OFFSET ${(page - 1) * limit}::int`
          return { rows: rows.map(({ record }) => record), total: counted?.total ?? 0 }
        }),
      ),
    find: (tenant, fingerprint) =>
      within(tenant, (sql) =>
        Effect.map(
          sql<{ record: AlertRecord }>`
            SELECT record FROM alerts WHERE tenant = ${tenant} AND fingerprint = ${fingerprint}`,
          ([found]) => found?.record,
        ),
      ),
    history: (tenant, { fingerprint, before, limit }) =>
      within(tenant, (sql) =>
        Effect.map(
          sql<{ entry: HistoryEntry }>`
            SELECT entry FROM alert_history
            WHERE tenant = ${tenant} AND fingerprint = ${fingerprint}
              AND number < ${before ?? Number.MAX_SAFE_INTEGER}::float8
            ORDER BY number DESC LIMIT ${limit}::int`,
          (rows) => rows.map(({ entry }) => entry),
        ),
      ),
    prune: Effect.fnUntraced(function* (tenant, days) {
      const oldest = (yield* Clock.currentTimeMillis) - days * dayMs
      yield* within(
        tenant,
        Effect.fnUntraced(function* (sql) {
          yield* sql`DELETE FROM alert_history WHERE tenant = ${tenant} AND taken_at < ${oldest}::float8`
          yield* sql`DELETE FROM alerts WHERE tenant = ${tenant} AND at < ${oldest}::float8
            AND state IN ('resolved', 'inactive')`
        }),
      )
    }),
  }
  return AlertIndex.of(service)
})

export const alertIndexLayer = Layer.effect(AlertIndex, make)
