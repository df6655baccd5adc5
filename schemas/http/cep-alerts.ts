/** Alerts over HTTP: what fires and what did, what people do about it, and alerts of others. */
import * as Schema from "effect/Schema"
import { AlertRecord } from "../cep/alert.ts"
import { DurationText } from "../cep/duration.ts"
import { Severity } from "../cep/rule-document.ts"
import { AlertState } from "../cep/transition.ts"
import { storableTextOf, textOf } from "../text.ts"
import { SilenceBody } from "./cep-quiet.ts"
import { endpoint } from "./endpoint.ts"
import { pageQuery, QueryBoolean, queryNumber, Timestamp } from "./paging.ts"

const { fingerprint, rule, version, name, severity, labels, annotations, value, values, fired, flapping } =
  AlertRecord.fields

export const AlertBody = Schema.Struct({
  fingerprint,
  rule,
  version,
  name,
  state: AlertState,
  severity,
  labels,
  annotations,
  /** The sample's value at its last change, and each aggregate's. */
  value,
  values,
  /** Since when it is in its state, and when it changed last; by the samples' own time. */
  since: Timestamp,
  at: Timestamp,
  /** When it began to fire the last time, and when that was over. */
  fired_at: Schema.optionalKey(Timestamp),
  resolved_at: Schema.optionalKey(Timestamp),
  /** How often it fired. */
  fired,
  flapping,
  acknowledged: Schema.optionalKey(
    Schema.Struct({ by: Schema.String, at: Timestamp, comment: Schema.optionalKey(Schema.String) }),
  ),
  /** Whether silences, planned work or inhibitions keep it quiet, and which. */
  silenced: Schema.Boolean,
  quiet_by: Schema.Array(Schema.String),
  group_key: Schema.String,
  detail: Schema.optionalKey(Schema.String),
  source: AlertRecord.fields.source,
}).annotate({ identifier: "Alert" })

export const AlertHistoryBody = Schema.Struct({
  number: Schema.Int,
  from: Schema.optionalKey(Schema.String),
  to: Schema.String,
  cause: Schema.String,
  severity: Schema.optionalKey(Severity),
  value: Schema.optionalKey(Schema.Finite),
  /** By the samples' own time, and by the clock. */
  at: Timestamp,
  taken_at: Timestamp,
  by: Schema.optionalKey(Schema.String),
  detail: Schema.optionalKey(Schema.String),
  /** What was said with an acknowledgement. */
  comment: Schema.optionalKey(Schema.String),
}).annotate({ identifier: "AlertHistoryEntry" })

const params = { fingerprint: textOf(64).check(Schema.isMinLength(1)) }
const ofOne = { params, answer: AlertBody, errors: ["CEP_ALERT_001", "CEP_ALERT_002"] } as const
const comment = Schema.optionalKey(storableTextOf(1_000))

export const alertEndpoints = {
  list: endpoint({
    id: "cep.alerts.list",
    method: "GET",
    path: "/api/cep/alerts",
    summary:
      "Alerts, the newest change first. Those that never fired are left out unless their state is asked for.",
    permission: "cep:read",
    query: {
      ...pageQuery,
      state: Schema.optionalKey(AlertState),
      /** Whether they are over: `true` for those that are not. */
      active: Schema.optionalKey(QueryBoolean),
      severity: Schema.optionalKey(Severity),
      rule: Schema.optionalKey(textOf(128)),
      /** `name=value`, several of them with commas in between. */
      label: Schema.optionalKey(textOf(1_000).check(Schema.isPattern(/^[^=,]+=[^,]*(?:,[^=,]+=[^,]*)*$/u))),
      silenced: Schema.optionalKey(QueryBoolean),
      acknowledged: Schema.optionalKey(QueryBoolean),
      /** Part of the name, a label's value or an annotation. */
      search: Schema.optionalKey(textOf(200)),
    },
    answer: Schema.Struct({
      alerts: Schema.Array(AlertBody),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  stream: endpoint({
    id: "cep.alerts.stream",
    method: "GET",
    path: "/api/cep/alerts/stream",
    summary: "Each change of an alert from now on, as an event. What was missed is in the list.",
    permission: "cep:read",
    rate: "stream",
    media: "text/event-stream",
    status: 200,
  }),
  get: endpoint({
    id: "cep.alerts.get",
    method: "GET",
    path: "/api/cep/alerts/:fingerprint",
    summary: "An alert and its history, newest first; `before` goes on from the number of an older page.",
    permission: "cep:read",
    params,
    query: {
      before: Schema.optionalKey(queryNumber(1, Number.MAX_SAFE_INTEGER)),
      limit: Schema.optionalKey(queryNumber(1, 100)),
    },
    answer: Schema.Struct({ alert: AlertBody, history: Schema.Array(AlertHistoryBody) }),
    errors: ["CEP_ALERT_001"],
  }),
  acknowledge: endpoint({
    id: "cep.alerts.acknowledge",
    method: "POST",
    path: "/api/cep/alerts/:fingerprint/ack",
    summary: "Somebody is at it: nothing of it is repeated until it is resolved.",
    permission: "cep:write",
    body: Schema.Struct({ comment }),
    ...ofOne,
  }),
  unacknowledge: endpoint({
    id: "cep.alerts.unacknowledge",
    method: "DELETE",
    path: "/api/cep/alerts/:fingerprint/ack",
    summary: "Nobody is at it any more.",
    permission: "cep:write",
    ...ofOne,
  }),
  resolve: endpoint({
    id: "cep.alerts.resolve",
    method: "POST",
    path: "/api/cep/alerts/:fingerprint/resolve",
    summary: "Take it for resolved; its rule raises it again when it fires the next time.",
    permission: "cep:write",
    ...ofOne,
  }),
  silence: endpoint({
    id: "cep.alerts.silence",
    method: "POST",
    path: "/api/cep/alerts/:fingerprint/silence",
    summary: "Keep this alert quiet for a while: a silence that matches its rule and all of its labels.",
    permission: "cep:write",
    params,
    body: Schema.Struct({ duration: DurationText, comment }),
    example: { duration: "2h", comment: "we know" },
    answer: SilenceBody,
    status: 201,
    errors: ["CEP_ALERT_001", "CEP_QUIET_002", "CEP_LIM_001"],
  }),
} as const
