/** Questions about infrastructure: the plan that a question becomes, its stages, and the blocks of the answer. */
import * as Schema from "effect/Schema"
import { LabelName, Labels } from "./metric.ts"
import { command, protocol } from "./protocol.ts"
import { Id, Time, textOf } from "./text.ts"

export const questionCharactersMax = 4_000

export const Route = Schema.Literals(["LOOKUP", "AGGREGATE", "GRAPH", "DIRECT", "REJECT"])
export type Route = typeof Route.Type

export const Aggregation = Schema.Literals(["last", "avg", "min", "max", "percentile"])
export type Aggregation = typeof Aggregation.Type

/** A read of the metric stream. Loose on purpose: the validator says what is wrong with it, field by field. */
export const MetricQuery = Schema.Struct({
  metric: Schema.String,
  aggregation: Aggregation,
  /** 0 to 100; only with aggregation `percentile`. */
  percentile: Schema.optionalKey(Schema.Finite),
  /** Event time, both ends included. */
  from: Time,
  to: Time,
  where: Labels,
  groupBy: Schema.optionalKey(LabelName),
  /** Points per group of the series for the chart; 0 for none. */
  buckets: Schema.Int,
  rowsMax: Schema.Int,
})
export type MetricQuery = typeof MetricQuery.Type

export const DirectTopic = Schema.Literals(["time", "metrics", "help"])

export const Plan = Schema.Union([
  Schema.Struct({ route: Schema.Literal("LOOKUP"), query: MetricQuery }),
  Schema.Struct({ route: Schema.Literal("AGGREGATE"), query: MetricQuery }),
  Schema.Struct({ route: Schema.Literal("GRAPH"), reason: Schema.String }),
  Schema.Struct({ route: Schema.Literal("DIRECT"), topic: DirectTopic }),
  Schema.Struct({ route: Schema.Literal("REJECT"), reason: Schema.String, remedy: Schema.String }),
])
export type Plan = typeof Plan.Type

/** What is wrong with one field of a plan or rule, and what to do about it. */
export const Problem = Schema.Struct({
  field: Schema.String,
  problem: Schema.String,
  remedy: Schema.String,
})
export type Problem = typeof Problem.Type

export const Cell = Schema.Union([Schema.String, Schema.Finite, Schema.Null])

export const AnswerBlock = Schema.Union([
  Schema.Struct({ type: Schema.Literal("text"), text: Schema.String }),
  Schema.Struct({
    type: Schema.Literal("table"),
    title: Schema.String,
    columns: Schema.Array(Schema.Struct({ name: Schema.String, unit: Schema.optionalKey(Schema.String) })),
    rows: Schema.Array(Schema.Array(Cell)),
  }),
  Schema.Struct({
    type: Schema.Literal("chart"),
    title: Schema.String,
    unit: Schema.String,
    series: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        points: Schema.Array(Schema.Struct({ t: Time, v: Schema.Finite })),
      }),
    ),
  }),
  /** What was run, so that a person can check it: the query as text, and which part of the stream it read. */
  Schema.Struct({
    type: Schema.Literal("reference"),
    title: Schema.String,
    language: Schema.String,
    text: Schema.String,
    stream: Schema.optionalKey(Schema.Struct({ name: Schema.String, first: Schema.Int, last: Schema.Int })),
  }),
  /** A file that an agent elsewhere gives along: where it is, or a small one itself. */
  Schema.Struct({
    type: Schema.Literal("file"),
    title: Schema.String,
    mediaType: Schema.optionalKey(Schema.String),
    url: Schema.optionalKey(Schema.String),
    base64: Schema.optionalKey(Schema.String),
  }),
]).annotate({ identifier: "AnswerBlock" })
export type AnswerBlock = typeof AnswerBlock.Type

export const stageNames = ["route_plan", "validate", "execute", "compose", "present"] as const
export const StageName = Schema.Literals(stageNames)
export type StageName = typeof StageName.Type

export const Stage = Schema.Struct({
  name: StageName,
  status: Schema.Literals(["running", "done", "failed"]),
  startedAt: Time,
  endedAt: Schema.optionalKey(Time),
  detail: Schema.optionalKey(Schema.String),
})
export type Stage = typeof Stage.Type

export const PlanStatus = Schema.Literals(["running", "answered", "rejected", "failed"])

/** There are always blocks: a plan that was rejected or failed says why in a text. */
export const PlanAnswer = Schema.Struct({
  plan: Id,
  status: Schema.Literals(["answered", "rejected", "failed"]),
  route: Schema.optionalKey(Route),
  blocks: Schema.Array(AnswerBlock),
})
export type PlanAnswer = typeof PlanAnswer.Type

export const PlanView = Schema.Struct({
  plan: Id,
  question: Schema.String,
  status: PlanStatus,
  askedAt: Time,
  /** Who asked; nobody in particular where an agent did. */
  owner: Schema.optionalKey(Schema.String),
  decided: Schema.optionalKey(Plan),
  stages: Schema.Array(Stage),
  blocks: Schema.Array(AnswerBlock),
  traceId: Schema.String,
})
export type PlanView = typeof PlanView.Type

/** One actor per question; its key is the plan's id. */
export const OpsPlanProtocol = protocol({
  kind: "ops-plan",
  version: 1,
  commands: {
    /** Answered when the plan has ended. Asking the same again gives the same answer. */
    Ask: command({ question: textOf(questionCharactersMax).check(Schema.isMinLength(1)) }, PlanAnswer),
    Read: command({}, PlanView),
  },
  rejections: {
    PlanUnknown: {},
    /** This plan has another question: choose another id. */
    PlanTaken: { question: Schema.String },
    TooManyWaiting: { limit: Schema.Int },
  },
})
