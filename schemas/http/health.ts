/** What state the node and each of its parts are in, and its counters for Prometheus. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"
import { Timestamp } from "./paging.ts"

const Status = Schema.Literals(["healthy", "degraded", "unhealthy"])

export const healthEndpoints = {
  health: endpoint({
    id: "health.read",
    method: "GET",
    path: "/health",
    summary: "How the node and each of its parts are; 503 when it cannot work.",
    permission: "public",
    answer: Schema.Struct({
      status: Status,
      timestamp: Timestamp,
      components: Schema.Record(
        Schema.String,
        Schema.StructWithRest(Schema.Struct({ status: Status }), [
          Schema.Record(Schema.String, Schema.Unknown),
        ]),
      ),
    }),
    otherStatuses: [503],
  }),
  metrics: endpoint({
    id: "metrics.read",
    method: "GET",
    path: "/metrics",
    summary: "Counters for Prometheus.",
    permission: "platform:read",
    media: "text/plain",
    status: 200,
  }),
} as const
