/** Channels over which people are told of alerts, and what became of what was to be told and done. */
import * as Schema from "effect/Schema"
import { DurationText } from "../cep/duration.ts"
import { NotificationRoute, notificationRoutesMax } from "../cep/grouping.ts"
import { Matchers } from "../cep/matcher.ts"
import {
  Channel,
  ChannelId,
  ChannelSettings,
  DeliveryAttempt,
  DeliveryStatus,
  deliveryLogMax,
} from "../cep/notification.ts"
import { storableTextOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, pageQuery, queryNumber, Timestamp, TraceId } from "./paging.ts"

const area = "/api/cep/notifications"
const one = `${area}/channels/:channel`
const params = { channel: ActorKey }
const unknown = ["CEP_CHAN_001"] as const
const written = ["CEP_CHAN_002", "CEP_CHAN_003"] as const
const edited = ["CEP_CHAN_008", "GTW_MATCH_001", "GTW_HEAD_003"] as const

/** `waiting`: for its first attempt; `failed`: for another one; `logged`: there was nobody to send it to. */
const delivery = {
  id: Schema.String,
  what: Schema.String,
  status: DeliveryStatus,
  attempts: DeliveryAttempt.fields.attempts,
  at: Timestamp,
  detail: Schema.optionalKey(Schema.String),
  trace_id: Schema.optionalKey(TraceId),
}
export const DeliveryBody = Schema.Struct(delivery).annotate({ identifier: "Delivery" })

/** In place of its secrets there is a mask; sent back it keeps them, as long as the channel leads to the same host. */
export const ChannelBody = Schema.Struct({
  channel_id: ChannelId,
  name: Schema.String,
  settings: ChannelSettings,
  per_minute_max: Schema.Int,
  enabled: Schema.Boolean,
  version: Schema.Int,
  updated_at: Schema.optionalKey(Timestamp),
  updated_by: Schema.optionalKey(Schema.String),
}).annotate({ identifier: "Channel" })

const settable = {
  name: Channel.fields.name,
  settings: ChannelSettings,
  per_minute_max: Schema.optionalKey(Channel.fields.perMinuteMax),
  enabled: Schema.optionalKey(Schema.Boolean),
}
const bodyRemedy =
  'a channel has a name and settings such as {"type":"slack","url":"https://hooks.slack.com/services/…"}; the types are slack, webhook, alertmanager, email, sms and log'
const example = {
  name: "On call",
  settings: { type: "webhook", url: "https://on-call.example/alerts", secret: "a long one" },
} as const

/** What is absent is as elsewhere: in a route as for all alerts, there as it is by default. */
const manner = {
  /** Alerts that agree in these labels are told together; with none of them all. By default each alert is told alone. */
  group_by: NotificationRoute.fields.groupBy,
  /** How long a group that people know nothing of waits for more alerts: 1s by default, 1h at most. */
  group_wait: Schema.optionalKey(DurationText),
  /** Between two notifications of one group: 10s by default, from 1s to 1d. */
  group_interval: Schema.optionalKey(DurationText),
  /** How often it is said again while it fires: never by default, from 1m to 31d. */
  repeat_interval: Schema.optionalKey(DurationText),
}
const overall = {
  ...manner,
  /** After how long alerts that others post without an end are over unless they are said again: 5m by default, from 1s to 7d. */
  resolve_timeout: Schema.optionalKey(DurationText),
}
const Route = Schema.Struct({
  name: NotificationRoute.fields.name,
  matchers: Matchers,
  ...manner,
}).annotate({ identifier: "NotificationRoute" })
/** The first route whose matchers all fit an alert is its route. What its rule says of itself goes before all of this. */
const routes = Schema.Array(Route).check(Schema.isMaxLength(notificationRoutesMax))
const GroupingBody = Schema.Struct({ ...overall, routes, version: Schema.Int }).annotate({
  identifier: "Grouping",
})

export const cepNotificationEndpoints = {
  readGrouping: endpoint({
    id: "cep.grouping.read",
    method: "GET",
    path: `${area}/grouping`,
    summary: "With whom alerts are told, how soon, and how often again: for all, and by routes.",
    permission: "cep:read",
    answer: GroupingBody,
  }),
  replaceGrouping: endpoint({
    id: "cep.grouping.replace",
    method: "PUT",
    path: `${area}/grouping`,
    summary:
      "Set with whom alerts are told, how soon, and how often again; alerts that are there follow at once.",
    permission: "cep:write",
    body: Schema.Struct({ ...overall, routes: Schema.optionalKey(routes) }),
    example: {
      group_by: ["alertname", "cluster"],
      group_wait: "30s",
      group_interval: "5m",
      repeat_interval: "4h",
      routes: [
        {
          name: "pages",
          matchers: [{ name: "severity", value: "critical", operator: "=" }],
          group_wait: "5s",
          repeat_interval: "30m",
        },
      ],
    },
    answer: GroupingBody,
    errors: ["CEP_GROUP_001", "CEP_GROUP_002", "CEP_LIM_001", "GTW_MATCH_001", "GTW_HEAD_003"],
  }),
  deliveries: endpoint({
    id: "cep.notifications.list",
    method: "GET",
    path: area,
    summary: "What became of notifications and actions, over all channels, newest first.",
    permission: "cep:read",
    query: {
      ...pageQuery,
      /** A channel's id, or `actions:<rule>` for what else a rule does. */
      channel: Schema.optionalKey(storableTextOf(256)),
      status: Schema.optionalKey(DeliveryStatus),
    },
    answer: Schema.Struct({
      deliveries: Schema.Array(Schema.Struct({ channel: Schema.String, ...delivery })),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  channels: endpoint({
    id: "cep.channels.list",
    method: "GET",
    path: `${area}/channels`,
    summary:
      "All channels, by name. The channel `default` is always there, and only writes its log unless it is changed.",
    permission: "cep:read",
    answer: Schema.Struct({ channels: Schema.Array(ChannelBody) }),
  }),
  create: endpoint({
    id: "cep.channels.create",
    method: "POST",
    path: `${area}/channels`,
    summary: "Make a channel.",
    permission: "cep:write",
    body: Schema.Struct({ channel_id: Schema.optionalKey(ChannelId), ...settable }),
    bodyRemedy,
    example,
    answer: ChannelBody,
    status: 201,
    errors: [...written, "CEP_CHAN_004"],
  }),
  read: endpoint({
    id: "cep.channels.read",
    method: "GET",
    path: one,
    summary: "A channel.",
    permission: "cep:read",
    params,
    answer: ChannelBody,
    errors: unknown,
  }),
  replace: endpoint({
    id: "cep.channels.replace",
    method: "PUT",
    path: one,
    summary: "Replace a channel's settings, or make the channel; what waits there goes where it leads now.",
    permission: "cep:write",
    params: { channel: ChannelId },
    body: Schema.Struct(settable),
    bodyRemedy,
    example,
    answer: ChannelBody,
    status: 200,
    otherStatuses: [201],
    errors: [...written, ...edited],
  }),
  remove: endpoint({
    id: "cep.channels.remove",
    method: "DELETE",
    path: one,
    summary:
      "Remove a channel; what waits there is given up. The channel `default` becomes what it was at first.",
    permission: "cep:write",
    params,
    errors: [...unknown, ...edited],
  }),
  test: endpoint({
    id: "cep.channels.test",
    method: "POST",
    path: `${one}/test`,
    summary: "Send a test notification over the channel now, once, and answer how it went.",
    permission: "cep:write",
    params,
    timeLimit: "own",
    answer: DeliveryBody,
    errors: [...unknown, "CEP_CHAN_006"],
  }),
  log: endpoint({
    id: "cep.channels.log",
    method: "GET",
    path: `${one}/log`,
    summary:
      "What waits in the channel and what became of its newest deliveries; what changed last comes first.",
    permission: "cep:read",
    params,
    query: { limit: Schema.optionalKey(queryNumber(1, deliveryLogMax)) },
    answer: Schema.Struct({ deliveries: Schema.Array(DeliveryBody) }),
    errors: unknown,
  }),
} as const
