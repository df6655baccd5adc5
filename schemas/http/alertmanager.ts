/**
 * Alerts of others: the body of Alertmanager's web hook, and what Prometheus itself sends to an Alertmanager. Fields that
 * are not named here are passed over.
 * Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, Alertmanager's API v2.
 */
import * as Schema from "effect/Schema"
import { LabelName } from "../metric.ts"
import { textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"

export const alertmanagerAlertsMax = 1_000
const foreignLabelsMax = 64

/** RFC 3339, with any offset. */
const ForeignTime = textOf(64).check(
  Schema.makeFilter((text: string) => !Number.isNaN(Date.parse(text)), {
    expected: "a time as RFC 3339 has it",
  }),
)
const ForeignLabels = Schema.Record(LabelName, textOf(8_000)).check(Schema.isMaxProperties(foreignLabelsMax))

/** What Prometheus sends; Alertmanager's alerts have a status besides. */
const posted = {
  labels: ForeignLabels.check(Schema.isMinProperties(1)),
  annotations: Schema.optionalKey(ForeignLabels),
  startsAt: Schema.optionalKey(ForeignTime),
  endsAt: Schema.optionalKey(ForeignTime),
  generatorURL: Schema.optionalKey(textOf(8_000)),
}
export const PostedAlerts = Schema.Array(Schema.Struct(posted)).check(
  Schema.isMaxLength(alertmanagerAlertsMax),
)
export type PostedAlert = (typeof PostedAlerts.Type)[number]

export const AlertmanagerHook = Schema.Struct({
  version: Schema.Literal("4"),
  status: Schema.Literals(["firing", "resolved"]),
  alerts: Schema.Array(Schema.Struct({ ...posted, status: Schema.Literals(["firing", "resolved"]) })).check(
    Schema.isMaxLength(alertmanagerAlertsMax),
  ),
})

/** Channels that hear of them; those of the setting `alerts.foreign_channels` when absent. */
const query = { notify: Schema.optionalKey(textOf(1_000)) }

export const alertmanagerEndpoints = {
  hook: endpoint({
    id: "cep.alertmanager.hook",
    method: "POST",
    path: "/api/cep/alertmanager",
    summary: "Take in alerts of an Alertmanager, in the body of its web hook, version 4.",
    permission: "metric:write",
    rate: "ingest",
    query,
    protocol: "Alertmanager web hook",
    answer: Schema.Struct({ accepted: Schema.Int }),
    status: 202,
  }),
  post: endpoint({
    id: "cep.alertmanager.post",
    method: "POST",
    path: "/api/cep/alertmanager/api/v2/alerts",
    summary: "Take in alerts of a Prometheus server, as Alertmanager's API v2 does.",
    permission: "metric:write",
    rate: "ingest",
    query,
    protocol: "Alertmanager API v2",
    answer: Schema.Struct({ accepted: Schema.Int }),
  }),
} as const
