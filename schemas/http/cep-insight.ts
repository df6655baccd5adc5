/** Looking at rules over HTTP: how they run, what an edit would do, and templates to begin with. */
import * as Schema from "effect/Schema"
import { RuleDocument } from "../cep/rule-document.ts"
import { AlertState } from "../cep/transition.ts"
import { Labels } from "../metric.ts"
import { Problem } from "../ops-plan.ts"
import { Id, textOf } from "../text.ts"
import { PollFigures } from "./cep-polls.ts"
import { exampleRule, RuleWarnings } from "./cep-rules.ts"
import { endpoint } from "./endpoint.ts"
import { LaneLatency } from "./lanes.ts"
import { ActorKey, pageQuery, Timestamp } from "./paging.ts"

const one = "/api/cep/rules/:rule"
const params = { rule: ActorKey }
const unknown = ["CEP_RULE_001"] as const

/** What a rule did in its lane since the lane was first evaluated, and how far behind it is. */
export const RuleMonitor = Schema.Struct({
  rule_id: Id,
  name: Schema.String,
  /**
   * `starting`: its lane does not know its newest change yet, or nobody answered for the lane in time. `filling`: its past is
   * read from the stream before it counts. `stopped`: its lane cannot be evaluated, which whoever runs the platform has to mend.
   */
  status: Schema.Literals(["running", "filling", "disabled", "starting", "stopped"]),
  lane: Schema.optionalKey(Schema.Int),
  node: Schema.optionalKey(Schema.String),
  /** How far the evaluation is behind the end of its lane. */
  lag_messages: Schema.optionalKey(Schema.Int),
  lag_ms: Schema.optionalKey(Schema.Finite),
  /** Of its lane over the last minutes: from when a message was stored until the lane's rules had evaluated it. */
  latency_ms: Schema.optionalKey(LaneLatency),
  /** Of its lane: time of the process for one sample or event, with all rules that it concerns. */
  micros_per_item: Schema.optionalKey(Schema.Finite),
  figures: Schema.optionalKey(
    Schema.Struct({
      version: Schema.Int,
      /** A newer version counts as soon as its past is read. */
      filling: Schema.Boolean,
      evaluations: Schema.Int,
      matches: Schema.Int,
      errors: Schema.Int,
      /** Items that came too late to count. */
      late: Schema.Int,
      /** Items of groups beyond the bound. */
      refused: Schema.Int,
      transitions: Schema.Int,
      groups: Schema.Int,
      partial_matches: Schema.Int,
      /** Partial matches that ended since there were too many of them, of the groups that are there. */
      partial_matches_dropped: Schema.Int,
      state_bytes: Schema.Int,
      /** Items that left windows before their time, or that those passed over, since they or the rule had no room. */
      crowded_out: Schema.Int,
      last_error: Schema.optionalKey(Schema.Struct({ at: Timestamp, detail: Schema.String })),
      /** Event time of the newest item, and when the last one was stored. */
      newest_at: Schema.optionalKey(Timestamp),
      last_item_at: Schema.optionalKey(Timestamp),
    }),
  ),
}).annotate({ identifier: "RuleMonitor" })

const GroupMonitor = Schema.Struct({
  fingerprint: Schema.String,
  labels: Labels,
  state: AlertState,
  since: Timestamp,
  at: Timestamp,
  value: Schema.optionalKey(Schema.Finite),
  values: Schema.Record(Schema.String, Schema.Finite),
})

const Template = Schema.Struct({
  id: Schema.String,
  title: Schema.String,
  description: Schema.String,
  parameters: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      type: Schema.Literals(["text", "number", "duration"]),
      default: Schema.Union([Schema.String, Schema.Finite]),
      description: Schema.String,
    }),
  ),
})

export const cepInsightEndpoints = {
  monitor: endpoint({
    id: "cep.rules.monitor",
    method: "GET",
    path: `${one}/monitor`,
    summary: "How a rule runs, with the state of each of its groups, up to a bound.",
    permission: "cep:read",
    params,
    answer: Schema.Struct({
      ...RuleMonitor.fields,
      groups: Schema.Array(GroupMonitor),
      /** Groups that this answer has no room for. */
      groups_left_out: Schema.Int,
      /** Of a rule that polls. */
      poll: Schema.optionalKey(PollFigures),
    }),
    errors: unknown,
  }),
  monitorAll: endpoint({
    id: "cep.monitor",
    method: "GET",
    path: "/api/cep/monitor",
    summary: "How rules run, by name.",
    permission: "cep:read",
    query: pageQuery,
    answer: Schema.Struct({
      rules: Schema.Array(RuleMonitor),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  compare: endpoint({
    id: "cep.rules.compare",
    method: "POST",
    path: `${one}/compare`,
    summary: "What an edit of a rule would keep, and what it would rebuild; changes nothing.",
    permission: "cep:read",
    params,
    yaml: true,
    body: RuleDocument,
    example: exampleRule,
    answer: Schema.Struct({
      /** False: the document says the same as the rule's. */
      changes: Schema.Boolean,
      /** Windows, partial matches and states of groups stay as they are. Else they are made again from the stream. */
      keeps_state: Schema.Boolean,
      differences: Schema.Array(Schema.Struct({ field: Schema.String, effect: Schema.String })),
      /** Why the document would be refused. */
      problems: Schema.Array(Problem),
      warnings: RuleWarnings,
    }),
    errors: unknown,
  }),
  templates: endpoint({
    id: "cep.templates.list",
    method: "GET",
    path: "/api/cep/templates",
    summary: "Templates of rules, with their parameters.",
    permission: "cep:read",
    answer: Schema.Struct({ templates: Schema.Array(Template) }),
  }),
  makeFromTemplate: endpoint({
    id: "cep.templates.make",
    method: "POST",
    path: "/api/cep/templates/:template",
    summary: "The document that a template makes of values; it is not saved.",
    permission: "cep:read",
    params: { template: ActorKey },
    body: Schema.Struct({
      /** By the parameter's name; of what is not named, its default is taken. */
      values: Schema.optionalKey(
        Schema.Record(textOf(64), Schema.Union([textOf(1_000), Schema.Finite])).check(
          Schema.isMaxProperties(32),
        ),
      ),
    }),
    example: { values: { metric: "host_cpu_usage_percent", threshold: 95 } },
    answer: Schema.Struct({ document: RuleDocument }),
    errors: ["CEP_RULE_002", "CEP_RULE_006"],
  }),
} as const
