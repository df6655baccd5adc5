/** The way in for samples and events. */
import * as Schema from "effect/Schema"
import { EventAttributes, EventType, eventAttributesMax, eventsInBatchMax } from "../cep/event.ts"
import { batchSamplesMax, Labels, MetricName } from "../metric.ts"
import { textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"

/** The last moment that has four digits for its year: what is later cannot be shown as a time. */
const timeMax = 253_402_300_799_999
const at = Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: timeMax })))

/** How far ahead of this node's clock the time of a sample or an event may be: it decides what is late. */
export const aheadMsMax = 5 * 60_000

export const cepEndpoints = {
  ingest: endpoint({
    id: "cep.metrics.ingest",
    method: "POST",
    path: "/api/cep/metrics",
    summary: "Send samples of metrics.",
    permission: "metric:write",
    rate: "ingest",
    body: Schema.Struct({
      samples: Schema.Array(
        Schema.Struct({
          name: MetricName,
          labels: Schema.optionalKey(Labels),
          value: Schema.Finite,
          /** Milliseconds since the epoch; when it arrives, if absent. At most five minutes ahead. */
          at,
        }),
      ).check(Schema.isMinLength(1), Schema.isMaxLength(batchSamplesMax)),
    }),
    example: { samples: [{ name: "queue_length", labels: { host: "web-1" }, value: 3 }] },
    answer: Schema.Struct({ accepted: Schema.Int }),
    status: 202,
  }),
  events: endpoint({
    id: "cep.events.ingest",
    method: "POST",
    path: "/api/cep/events",
    summary: "Send events; the same event again within a day, by its id and type, is one event.",
    permission: "metric:write",
    rate: "ingest",
    body: Schema.Struct({
      events: Schema.Array(
        Schema.Struct({
          /** Made up if absent. */
          id: Schema.optionalKey(textOf(200).check(Schema.isMinLength(1))),
          type: EventType,
          at,
          attributes: Schema.optionalKey(EventAttributes.check(Schema.isMaxProperties(eventAttributesMax))),
        }),
      ).check(Schema.isMinLength(1), Schema.isMaxLength(eventsInBatchMax)),
    }),
    example: { events: [{ type: "deploy.finished", attributes: { service: "shop", ok: true } }] },
    answer: Schema.Struct({ accepted: Schema.Int, ids: Schema.Array(Schema.String) }),
    status: 202,
  }),
} as const
