/** With whom alerts are told, how soon, and how often again: as the routes of an Alertmanager, but for whom, which rules say. */
import * as Schema from "effect/Schema"
import { LabelName } from "../metric.ts"
import { nameOf } from "../text.ts"
import { Matchers } from "./matcher.ts"

export const notificationRoutesMax = 50
/** Labels that alerts of one notification agree in. */
export const groupLabelsMax = 20

const duration = Schema.optionalKey(Schema.Finite)
/** What is absent is as elsewhere: in a route as for all alerts, there as it is by default. */
const manner = {
  /** Alerts that agree in these labels are told together; none: all of them. Absent by default: each alert alone. */
  groupBy: Schema.optionalKey(Schema.Array(LabelName).check(Schema.isMaxLength(groupLabelsMax))),
  /** How long a group that people know nothing of waits for more alerts. */
  groupWaitMs: duration,
  /** Between two notifications of one group. */
  groupIntervalMs: duration,
  /** How often it is said again while it fires; never by default. */
  repeatMs: duration,
}

/** What holds for alerts that fit all matchers. */
export const NotificationRoute = Schema.Struct({ name: nameOf(100), matchers: Matchers, ...manner })
export type NotificationRoute = typeof NotificationRoute.Type

/** The first route that fits an alert is its route. What its rule says of itself goes before all of this. */
export const Grouping = Schema.Struct({
  ...manner,
  /** Of alerts from elsewhere: after how long those are over that do not say when they end, and are not said again. */
  resolveTimeoutMs: duration,
  routes: Schema.Array(NotificationRoute).check(Schema.isMaxLength(notificationRoutesMax)),
})
export type Grouping = typeof Grouping.Type

/** `version` counts its changes; 0: nobody has set anything. */
export const KeptGrouping = Schema.Struct({ ...Grouping.fields, version: Schema.Int })
export type KeptGrouping = typeof KeptGrouping.Type
