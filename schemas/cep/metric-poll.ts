/** Fetching of samples for a rule: one actor for each rule that polls, under the rule's id. */
import * as Schema from "effect/Schema"
import { MetricName } from "../metric.ts"
import { command, protocol } from "../protocol.ts"
import { Poll } from "./rule-document.ts"

export const PollResult = Schema.Struct({
  at: Schema.Finite,
  latencyMs: Schema.Finite,
  /** Samples that were stored; 0 when it failed. */
  samples: Schema.Int,
  /** Why it failed. */
  detail: Schema.optionalKey(Schema.String),
})
export type PollResult = typeof PollResult.Type

export const MetricPollView = Schema.Struct({
  poll: Schema.optionalKey(Poll),
  /** One that goes with the poll's address; nobody is told more of it. */
  hasCredential: Schema.Boolean,
  polls: Schema.Int,
  failures: Schema.Int,
  consecutiveFailures: Schema.Int,
  /** Times that were due while the fetch before was still under way, or while nothing ran: not made up for. */
  skipped: Schema.Int,
  last: Schema.optionalKey(PollResult),
  nextAt: Schema.optionalKey(Schema.Finite),
})
export type MetricPollView = typeof MetricPollView.Type

const sealedCredential = { number: Schema.Int, origin: Schema.String, sealed: Schema.String }

export const MetricPollProtocol = protocol({
  kind: "metric-poll",
  version: 1,
  commands: {
    /** Idempotent by `number`, which grows with each change of the rule. Without `poll`: ends it. */
    Follow: command({
      number: Schema.Int,
      poll: Schema.optionalKey(Poll),
      /** Of the address that the rule names, whether it runs or not. A credential for another one is dropped. */
      origin: Schema.optionalKey(Schema.String),
      /** The metric that `json` gives; and the names that are kept of `prometheus`. */
      metric: MetricName,
      names: Schema.Array(MetricName),
    }),
    /**
     * `sealed` for the rule and the origin. Not kept when the rule polls another origin since `number`, nor when another one
     * than `replaces` is there.
     */
    SetCredential: command(
      { ...sealedCredential, replaces: Schema.optionalKey(Schema.String) },
      Schema.Struct({ kept: Schema.Boolean }),
    ),
    RemoveCredential: command({}, Schema.Struct({ removed: Schema.Boolean })),
    Read: command({}, MetricPollView),
    /** As it is sealed. */
    ReadCredential: command(
      {},
      Schema.Struct({ credential: Schema.optionalKey(Schema.Struct(sealedCredential)) }),
    ),
  },
})

/** 1 when a poll succeeded and 0 when it failed, with the label `rule`: rules can watch whether polls work. */
export const pollUpMetric = "millrace_poll_up"
