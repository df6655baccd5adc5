/** Rules over metrics, the alerts that they raised, and the way in for samples. */
import * as Schema from "effect/Schema"
import { alertsKeptMax } from "../agent.ts"
import { Alert, GroupState, Rule, RuleView } from "../cep-rule.ts"
import { batchSamplesMax, LabelName, Labels, MetricName } from "../metric.ts"
import { Id } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, queryNumber, Timestamp } from "./paging.ts"

/** The last moment that has four digits for its year: what is later cannot be shown as a time. */
const sampleTimeMax = 253_402_300_799_999

export const AlertBody = Schema.Struct({ ...Alert.fields, since: Timestamp, at: Timestamp }).annotate({
  identifier: "Alert",
})

export const cepEndpoints = {
  define: endpoint({
    id: "cep.rules.define",
    method: "POST",
    path: "/api/cep/rules",
    summary: "Make a rule, or replace the one with this id; the same definition again changes nothing.",
    permission: "cep:write",
    body: Schema.Struct({
      ...Rule.fields,
      /** Names the rule that is made or replaced. */
      rule_id: Schema.optionalKey(Id),
      group_by: Schema.optionalKey(Schema.Array(LabelName)),
      for_ms: Schema.optionalKey(Rule.fields.for_ms),
      severity: Schema.optionalKey(Rule.fields.severity),
      notify: Schema.optionalKey(Rule.fields.notify),
      enabled: Schema.optionalKey(Schema.Boolean),
    }),
    example: { name: "CPU is busy", metric: "host_cpu_usage_percent", operator: ">", threshold: 90 },
    answer: Schema.Struct({ rule_id: Id, changed: Schema.Boolean, definition: Rule }),
    status: 201,
    otherStatuses: [200],
    errors: ["CEP_RULE_002"],
  }),
  read: endpoint({
    id: "cep.rules.read",
    method: "GET",
    path: "/api/cep/rules/:rule",
    summary: "A rule, and the state of each of its groups.",
    permission: "cep:read",
    params: { rule: ActorKey },
    answer: Schema.Struct({
      rule_id: Id,
      definition: Rule,
      groups: Schema.Array(GroupState),
      evaluations: RuleView.fields.evaluations,
      matches: RuleView.fields.matches,
      ignored: RuleView.fields.ignored,
    }),
    errors: ["CEP_RULE_001"],
  }),
  alerts: endpoint({
    id: "cep.alerts.list",
    method: "GET",
    path: "/api/cep/alerts",
    summary: "The latest alerts, newest first.",
    permission: "cep:read",
    query: { limit: Schema.optionalKey(queryNumber(1, alertsKeptMax)) },
    answer: Schema.Struct({ alerts: Schema.Array(AlertBody), total: Schema.Int }),
  }),
  ingest: endpoint({
    id: "cep.metrics.ingest",
    method: "POST",
    path: "/api/cep/metrics",
    summary: "Send samples of metrics.",
    permission: "metric:write",
    rate: "batch",
    body: Schema.Struct({
      samples: Schema.Array(
        Schema.Struct({
          name: MetricName,
          labels: Schema.optionalKey(Labels),
          value: Schema.Finite,
          /** Milliseconds since the epoch; when it arrives, if absent. */
          at: Schema.optionalKey(
            Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: sampleTimeMax })),
          ),
        }),
      ).check(Schema.isMinLength(1), Schema.isMaxLength(batchSamplesMax)),
    }),
    example: { samples: [{ name: "queue_length", labels: { host: "web-1" }, value: 3 }] },
    answer: Schema.Struct({ accepted: Schema.Int }),
    status: 202,
  }),
} as const
