/** Rules over HTTP: made, changed, switched, listed, and their versions. */
import * as Schema from "effect/Schema"
import { RuleDocument, Severity } from "../cep/rule-document.ts"
import { RuleRuns } from "../cep-rule.ts"
import { Problem } from "../ops-plan.ts"
import { Id, nameOf, storableTextOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, pageQuery, QueryBoolean, Timestamp } from "./paging.ts"

const area = "/api/cep/rules"
const one = `${area}/:rule`
const params = { rule: ActorKey }
const unknown = ["CEP_RULE_001"] as const
const edited = [...unknown, "CEP_RULE_003", "GTW_MATCH_001", "GTW_HEAD_003"] as const
const written = ["CEP_RULE_002", "CEP_RULE_003", "CEP_RULE_005", "GTW_MATCH_001", "GTW_HEAD_003"] as const

export const exampleRule = {
  name: "CPU is busy",
  trigger: { type: "metric", metric: "host_cpu_usage_percent" },
  group_by: ["host"],
  condition: "value > 90.0",
  for: "30s",
  actions: [{ type: "notify", channel: "ops" }],
} as const

/** A rule as lists show it. `number` is its entity tag. */
export const RuleSummary = Schema.Struct({
  rule_id: Id,
  version: Schema.Int,
  number: Schema.Int,
  document: RuleDocument,
  created_at: Timestamp,
  updated_at: Timestamp,
  updated_by: Schema.optionalKey(Schema.String),
}).annotate({ identifier: "RuleSummary" })

export const RuleBody = Schema.Struct({
  ...RuleSummary.fields,
  /** From here on its newest change decides; absent while that is on its way. */
  live: Schema.optionalKey(Schema.Struct({ since: Timestamp, lane: Schema.Int, sequence: Schema.Int })),
  /** Of a schedule. */
  runs: Schema.optionalKey(
    Schema.Struct({
      next_at: Schema.optionalKey(Timestamp),
      last_at: Schema.optionalKey(Timestamp),
      waiting: RuleRuns.fields.waiting,
      missed: RuleRuns.fields.missed,
    }),
  ),
}).annotate({ identifier: "Rule" })

/** What of a document is legal and will not work as things are now: no such channel, an agent that may not be asked. */
export const RuleWarnings = Schema.Array(Problem)

const SavedRuleBody = Schema.Struct({ ...RuleBody.fields, warnings: RuleWarnings }).annotate({
  identifier: "SavedRule",
})

const bodyRemedy =
  'a rule has a name, a trigger such as {"type":"metric","metric":"cpu"} and a condition such as "value > 90.0"; see GET /api/cep/schema'

export const cepRuleEndpoints = {
  list: endpoint({
    id: "cep.rules.list",
    method: "GET",
    path: area,
    summary: "List the rules, by name.",
    permission: "cep:read",
    query: {
      ...pageQuery,
      enabled: Schema.optionalKey(QueryBoolean),
      trigger: Schema.optionalKey(Schema.Literals(["metric", "event", "schedule"])),
      severity: Schema.optionalKey(Severity),
      owner: Schema.optionalKey(nameOf(200)),
      /** `name=value` */
      label: Schema.optionalKey(storableTextOf(400)),
      /** Part of the id, the name, the description, or what it looks at, in any case. */
      search: Schema.optionalKey(storableTextOf(200)),
    },
    answer: Schema.Struct({
      rules: Schema.Array(RuleSummary),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  define: endpoint({
    id: "cep.rules.define",
    method: "POST",
    path: area,
    summary: "Make a rule, or replace the one of this id; the same document again changes nothing.",
    permission: "cep:write",
    query: { rule_id: Schema.optionalKey(Id) },
    yaml: true,
    body: Schema.Struct({ rule_id: Schema.optionalKey(Id), ...RuleDocument.fields }),
    bodyRemedy,
    example: exampleRule,
    answer: SavedRuleBody,
    status: 201,
    otherStatuses: [200],
    errors: written,
  }),
  read: endpoint({
    id: "cep.rules.read",
    method: "GET",
    path: one,
    summary: "A rule, and since when its newest change decides.",
    permission: "cep:read",
    params,
    answer: RuleBody,
    errors: unknown,
  }),
  replace: endpoint({
    id: "cep.rules.replace",
    method: "PUT",
    path: one,
    summary: "Replace a rule's document, or make the rule.",
    permission: "cep:write",
    params: { rule: Id },
    yaml: true,
    body: RuleDocument,
    bodyRemedy,
    example: exampleRule,
    answer: SavedRuleBody,
    status: 200,
    otherStatuses: [201],
    errors: written,
  }),
  remove: endpoint({
    id: "cep.rules.remove",
    method: "DELETE",
    path: one,
    summary: "Remove a rule; what fires is resolved, and its versions stay for a while.",
    permission: "cep:write",
    params,
    errors: edited,
  }),
  enable: endpoint({
    id: "cep.rules.enable",
    method: "POST",
    path: `${one}/enable`,
    summary: "Let a rule run.",
    permission: "cep:write",
    params,
    answer: RuleBody,
    errors: [...edited, "CEP_RULE_002"],
  }),
  disable: endpoint({
    id: "cep.rules.disable",
    method: "POST",
    path: `${one}/disable`,
    summary: "Stop a rule; what fires is resolved.",
    permission: "cep:write",
    params,
    answer: RuleBody,
    errors: edited,
  }),
  versions: endpoint({
    id: "cep.rules.versions",
    method: "GET",
    path: `${one}/versions`,
    summary: "The documents that a rule had, newest first; of a removed rule as well.",
    permission: "cep:read",
    params,
    answer: Schema.Struct({
      versions: Schema.Array(
        Schema.Struct({
          version: Schema.Int,
          at: Timestamp,
          by: Schema.optionalKey(Schema.String),
          restored: Schema.optionalKey(Schema.Int),
          document: RuleDocument,
        }),
      ),
    }),
    errors: unknown,
  }),
  restore: endpoint({
    id: "cep.rules.restore",
    method: "POST",
    path: `${one}/versions/:version/restore`,
    summary: "Make the document of an older version the newest one, also of a removed rule.",
    permission: "cep:write",
    params: { ...params, version: Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThan(0)) },
    answer: RuleBody,
    errors: [...edited, "CEP_RULE_002", "CEP_RULE_004", "CEP_RULE_005"],
  }),
  schema: endpoint({
    id: "cep.schema",
    method: "GET",
    path: "/api/cep/schema",
    summary: "JSON Schema of a rule's document.",
    permission: "cep:read",
    answer: Schema.Record(Schema.String, Schema.Unknown),
  }),
} as const
