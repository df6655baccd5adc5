/** The index over the tenants' databases. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import { recordChanges, Tenancy } from "../../../resources/index.ts"
import type { RuleDocument } from "../../../schemas/index.ts"
import { consumedEvents, type EventFlow, publishedEvents } from "../event-flow.ts"
import type { IndexRow } from "../follow.ts"
import { type ListedRule, RuleIndex, type RuleIndexService } from "./rule-index.ts"

const sourceOf = ({ trigger }: RuleDocument): string =>
  trigger.type === "metric" ? trigger.metric : trigger.type === "event" ? trigger.event : ""

const labelsOf = ({ labels = {} }: RuleDocument): ReadonlyArray<string> =>
  Object.entries(labels).map(([name, value]) => `${name}=${value}`)

interface View extends Omit<IndexRow, "document"> {
  readonly document?: RuleDocument
}

/** Postgres stores neither a zero character nor half of a surrogate pair, wherever it is in a document. */
const stored = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/gi, "$1\\ufffd")

const rowOf = (tenant: string, rule: string, row: View, before: RuleDocument | undefined) => {
  const document = row.document ?? before
  return {
    tenant,
    id: rule,
    number: row.number,
    version: row.version,
    removed: row.document === undefined,
    name: document?.name ?? "",
    enabled: row.document !== undefined && row.document.enabled !== false,
    trigger_type: document?.trigger.type ?? "",
    severity: document?.severity ?? "warning",
    owner: document?.owner ?? null,
    labels: document === undefined ? [] : labelsOf(document),
    consumes: document === undefined ? [] : consumedEvents(document),
    publishes: document === undefined ? [] : publishedEvents(document),
    search_text:
      document === undefined
        ? ""
        : [rule, document.name, document.description ?? "", sourceOf(document)].join("\n").toLowerCase(),
    view: row,
  }
}

const verbOf = (before: View | undefined, after: View): string => {
  if (after.document === undefined) return "remove"
  if (before?.document === undefined) return "create"
  if (before.version !== after.version) return "change"
  return after.document.enabled === false ? "disable" : "enable"
}

const put = Effect.fnUntraced(function* (sql: SqlClient, tenant: string, rule: string, row: IndexRow) {
  const [known] = yield* sql<{ view: View }>`
    SELECT view FROM cep_rules WHERE tenant = ${tenant} AND id = ${rule} FOR UPDATE`
  const before = known?.view
  const text = stored(rowOf(tenant, rule, row, before?.document))
  const taken = yield* sql`
    INSERT INTO cep_rules SELECT * FROM jsonb_populate_record(NULL::cep_rules, ${text}::text::jsonb)
    ON CONFLICT (tenant, id) DO UPDATE SET
      (number, version, removed, name, enabled, trigger_type, severity, owner, labels, consumes, publishes,
        search_text, view) =
      ROW (EXCLUDED.number, EXCLUDED.version, EXCLUDED.removed, EXCLUDED.name, EXCLUDED.enabled,
        EXCLUDED.trigger_type, EXCLUDED.severity, EXCLUDED.owner, EXCLUDED.labels, EXCLUDED.consumes,
        EXCLUDED.publishes, EXCLUDED.search_text, EXCLUDED.view)
      WHERE cep_rules.number < EXCLUDED.number
    RETURNING id`
  if (taken.length === 0) return
  yield* recordChanges(sql, { tenant, user: row.updatedBy ?? "system" }, [
    {
      action: `rule.${verbOf(before, row)}`,
      objectType: "rule",
      objectId: rule,
      ...(before?.document === undefined ? {} : { before: before.document }),
      ...(row.document === undefined ? {} : { after: row.document }),
    },
  ])
})

const make = Effect.gen(function* () {
  const { within } = yield* Tenancy
  const service: RuleIndexService = {
    put: (tenant, rule, row) => within(tenant, (sql) => put(sql, tenant, rule, row)),
    list: (tenant, search) =>
      within(
        tenant,
        Effect.fnUntraced(function* (sql) {
          const { page, limit, enabled, trigger, severity, owner, label } = search
          const conditions = [
            sql`tenant = ${tenant}`,
            sql`NOT removed`,
            ...(enabled === undefined ? [] : [sql`enabled = ${enabled}`]),
            ...(trigger === undefined ? [] : [sql`trigger_type = ${trigger}`]),
            ...(severity === undefined ? [] : [sql`severity = ${severity}`]),
            ...(owner === undefined ? [] : [sql`owner = ${owner}`]),
            ...(label === undefined ? [] : [sql`${label} = ANY (labels)`]),
            ...(search.search === undefined
              ? []
              : [sql`strpos(search_text, ${search.search.toLowerCase()}) > 0`]),
          ]
          const [counted] = yield* sql<{ total: number }>`
            SELECT count(*)::int AS total FROM cep_rules WHERE ${sql.and(conditions)}`
          const rows = yield* sql<{ id: string; view: Omit<ListedRule, "rule"> }>`
            SELECT id, view FROM cep_rules WHERE ${sql.and(conditions)}
            ORDER BY lower(name), id LIMIT ${limit}::int OFFSET ${(page - 1) * limit}::int`
          return { rows: rows.map(({ id, view }) => ({ rule: id, ...view })), total: counted?.total ?? 0 }
        }),
      ),
    page: (tenant, after, limit) =>
      within(
        tenant,
        (sql) => sql<Pick<ListedRule, "rule" | "document">>`
          SELECT id AS rule, view -> 'document' AS document FROM cep_rules
          WHERE tenant = ${tenant} AND NOT removed AND id > ${after} COLLATE "C"
          ORDER BY id COLLATE "C" LIMIT ${limit}::int`,
      ),
    count: (tenant) =>
      within(tenant, (sql) =>
        Effect.map(
          sql<{ total: number }>`
            SELECT count(*)::int AS total FROM cep_rules WHERE tenant = ${tenant} AND NOT removed`,
          ([counted]) => counted?.total ?? 0,
        ),
      ),
    flows: (tenant) =>
      within(
        tenant,
        (sql) => sql<EventFlow>`
          SELECT id AS rule, consumes, publishes FROM cep_rules
          WHERE tenant = ${tenant} AND publishes <> '{}' AND enabled AND NOT removed`,
      ),
  }
  return RuleIndex.of(service)
})

export const ruleIndexLayer = Layer.effect(RuleIndex, make)
