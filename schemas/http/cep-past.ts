/** Rules over the past: what a rule would have done, and why it did or did not. Nothing is sent by any of these. */
import * as Schema from "effect/Schema"
import { DurationText } from "../cep/duration.ts"
import { EventAttributes, EventType, eventsInBatchMax } from "../cep/event.ts"
import { RuleDocument, Severity } from "../cep/rule-document.ts"
import { AlertState } from "../cep/transition.ts"
import { batchSamplesMax, Labels, MetricName } from "../metric.ts"
import { textOf } from "../text.ts"
import { exampleRule, RuleWarnings } from "./cep-rules.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, Timestamp } from "./paging.ts"

const one = "/api/cep/rules/:rule"
const shared = {
  method: "POST",
  permission: "cep:read",
  timeLimit: "own",
} as const
/** A look at an hour, or at what is given. */
const quick = { ...shared, rate: "explain" } as const
/** Through all that the stream has. */
const long = { ...shared, rate: "batch" } as const
const errors = ["CEP_RULE_002", "CEP_PAST_001", "CEP_PAST_002"] as const

/** Characters of a CSV file; a request's body has a limit besides. */
const csvCharactersMax = 240_000
/** The last moment that has four digits for its year. */
const timeMax = 253_402_300_799_999
const at = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: timeMax }))
const Values = Schema.Record(Schema.String, Schema.Finite)

const range = {
  /** By the time at which messages were stored. A day ago if absent; of a CSV file its first time. */
  from: Schema.optionalKey(Timestamp),
  /** Now if absent; of a CSV file its last time. */
  to: Schema.optionalKey(Timestamp),
  /** `timestamp,value` and a column for each label, instead of the stream. */
  csv: Schema.optionalKey(textOf(csvCharactersMax)),
  /** Of the samples in the file; the trigger's when absent. */
  metric: Schema.optionalKey(MetricName),
} as const

const Firing = Schema.Struct({
  fingerprint: Schema.String,
  labels: Labels,
  fired_at: Timestamp,
  /** Absent: it still fired at the end. */
  resolved_at: Schema.optionalKey(Timestamp),
  severity: Severity,
  value: Schema.optionalKey(Schema.Finite),
  values: Values,
  annotations: Schema.Record(Schema.String, Schema.String),
  /** Of a pattern: by stage the items that matched, the first ten of each; of later firings left out where it is too much. */
  matched: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Array(
        Schema.Struct({
          name: Schema.String,
          at: Timestamp,
          value: Schema.optionalKey(Schema.Finite),
          labels: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
          attributes: Schema.optionalKey(EventAttributes),
        }),
      ),
    ),
  ),
})

const PastTransition = Schema.Struct({
  fingerprint: Schema.String,
  number: Schema.Int,
  to: AlertState,
  cause: Schema.String,
  severity: Severity,
  labels: Labels,
  value: Schema.optionalKey(Schema.Finite),
  values: Values,
  /** Since when it is in its state, and of this transition; by the samples' own time. */
  since: Timestamp,
  at: Timestamp,
  detail: Schema.optionalKey(Schema.String),
})

export const PastOfRule = Schema.Struct({
  from: Timestamp,
  to: Timestamp,
  /** A bound was reached: it ended at `to`, or not everything that was found is told. */
  truncated: Schema.Boolean,
  /** Samples and events that were read, in the range and as far before it as the rule reaches back. */
  items: Schema.Int,
  counts: Schema.Record(Schema.String, Schema.Int),
  /** How long something fired, of all groups together. */
  firing_ms: Schema.Finite,
  firings: Schema.Array(Firing),
  transitions: Schema.Array(PastTransition),
  /** Events that the rule would have published. */
  events: Schema.Array(Schema.Struct({ type: Schema.String, at: Timestamp, attributes: EventAttributes })),
  per_day: Schema.Array(Schema.Struct({ day: Schema.String, firings: Schema.Int, transitions: Schema.Int })),
  evaluations: Schema.Int,
  errors: Schema.Int,
  last_error: Schema.optionalKey(Schema.String),
}).annotate({ identifier: "PastOfRule" })

const Findings = Schema.Array(
  Schema.Struct({
    source: Schema.String,
    /** `unknown`: a value is not there yet. */
    result: Schema.Union([Schema.Boolean, Schema.Literals(["unknown", "error"])]),
    left: Schema.optionalKey(Schema.Unknown),
    right: Schema.optionalKey(Schema.Unknown),
    short: Schema.optionalKey(Schema.Finite),
    detail: Schema.optionalKey(Schema.String),
  }),
)

const ExplainedStep = Schema.Struct({
  at: Timestamp,
  /** Of the document that counted when its message was stored. */
  version: Schema.Int,
  before: AlertState,
  after: AlertState,
  passed_filter: Schema.Boolean,
  /** It came when its group was at `watermark` already. `counted`: a window took it all the same. */
  late: Schema.optionalKey(
    Schema.Struct({ by_ms: Schema.Finite, watermark: Timestamp, counted: Schema.Boolean }),
  ),
  value: Schema.optionalKey(Schema.Finite),
  values: Values,
  /** Each comparison, with both sides and by how much it failed; of a pattern those of its matches. */
  findings: Findings,
  /** Of a pattern: what the item came to for each stage that could take it. */
  stages: Schema.Array(
    Schema.Struct({
      stage: Schema.String,
      /** It must not come. */
      not: Schema.Boolean,
      takes: Schema.Boolean,
      /** Partial matches that waited for it, and when the first of them began; 0: a match begins with it. */
      waiting: Schema.Int,
      started_at: Schema.optionalKey(Timestamp),
      findings: Findings,
    }),
  ),
  /** Partial matches that ended without a match: where, why, and by the samples' time since when and when. */
  deaths: Schema.Array(
    Schema.Struct({
      reason: Schema.Literals(["within", "strict", "not", "until", "skipped", "limit"]),
      /** That it had taken last, and those that it waited for. */
      stage: Schema.String,
      waited_for: Schema.Array(Schema.String),
      started_at: Timestamp,
      at: Timestamp,
    }),
  ),
  partial_matches: Schema.Int,
  /** How many of them wait for any of these stages; for none: that time passes. */
  waiting: Schema.Array(Schema.Struct({ stages: Schema.Array(Schema.String), count: Schema.Int })),
  sentences: Schema.Array(Schema.String),
  detail: Schema.optionalKey(Schema.String),
})

export const cepPastEndpoints = {
  test: endpoint({
    ...quick,
    id: "cep.rules.test",
    path: `${one}/test`,
    summary: "What a rule says of samples and events that are given, each taken at its own time.",
    params: { rule: ActorKey },
    body: Schema.Struct({
      /** Instead of the rule's own. */
      document: Schema.optionalKey(RuleDocument),
      samples: Schema.optionalKey(
        Schema.Array(
          Schema.Struct({
            name: MetricName,
            labels: Schema.optionalKey(Labels),
            value: Schema.Finite,
            at,
          }),
        ).check(Schema.isMaxLength(batchSamplesMax)),
      ),
      events: Schema.optionalKey(
        Schema.Array(
          Schema.Struct({ type: EventType, at, attributes: Schema.optionalKey(EventAttributes) }),
        ).check(Schema.isMaxLength(eventsInBatchMax)),
      ),
      /** How much time passes after the last of them. */
      wait: Schema.optionalKey(DurationText),
    }),
    example: {
      samples: [
        { name: "queue_length", labels: { queue: "mail" }, value: 250, at: 1_767_225_600_000 },
        { name: "queue_length", labels: { queue: "mail" }, value: 20, at: 1_767_225_660_000 },
      ],
    },
    answer: Schema.Struct({ ...PastOfRule.fields, warnings: RuleWarnings }),
    errors: ["CEP_RULE_001", ...errors],
  }),
  backtest: endpoint({
    ...long,
    id: "cep.rules.backtest",
    path: `${one}/backtest`,
    summary: "What a rule would have done over a range of the past, or over a CSV file.",
    params: { rule: ActorKey },
    body: Schema.Struct({
      ...range,
      /** Instead of the rule's own. */
      document: Schema.optionalKey(RuleDocument),
    }),
    example: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" },
    answer: PastOfRule,
    errors: ["CEP_RULE_001", ...errors],
  }),
  backtestDocument: endpoint({
    ...long,
    id: "cep.backtest",
    path: "/api/cep/backtest",
    summary: "The same for a document that is not saved.",
    body: Schema.Struct({ ...range, document: RuleDocument }),
    example: { document: exampleRule },
    answer: PastOfRule,
    errors,
  }),
  explain: endpoint({
    ...quick,
    id: "cep.rules.explain",
    path: `${one}/explain`,
    summary: "Why a rule fired at a time, or why it did not.",
    params: { rule: ActorKey },
    body: Schema.Struct({
      /** By the time of samples and events. */
      at: Timestamp,
      /** Only groups that have these labels. */
      group: Schema.optionalKey(Labels),
    }),
    example: { at: "2026-01-01T12:00:00Z", group: { host: "web-1" } },
    answer: Schema.Struct({
      /** The one that the rule had at that time, if it is kept; else the oldest that is. */
      version: Schema.Int,
      at: Timestamp,
      summary: Schema.String,
      groups: Schema.Array(
        Schema.Struct({
          fingerprint: Schema.String,
          labels: Labels,
          /** As the messages make it that were read. */
          state: AlertState,
          since: Schema.optionalKey(Timestamp),
          /** What the alert desk recorded of that time, and whether the messages that were read come to the same. */
          desk: Schema.optionalKey(
            Schema.Struct({
              state: AlertState,
              since: Timestamp,
              cause: Schema.String,
              by: Schema.optionalKey(Schema.String),
              agrees: Schema.Boolean,
            }),
          ),
          /** Changes of the rule up to that time, and into what they brought the alert. */
          versions: Schema.Array(
            Schema.Struct({ version: Schema.Int, at: Timestamp, to: Schema.optionalKey(AlertState) }),
          ),
          summary: Schema.String,
          steps: Schema.Array(ExplainedStep),
        }),
      ),
      /** Groups that were there and are not told. */
      other_groups: Schema.Int,
      /** A bound was reached before everything was read that belongs to it. */
      truncated: Schema.Boolean,
    }),
    errors: ["CEP_RULE_001", "CEP_PAST_001"],
  }),
} as const
