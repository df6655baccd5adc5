/** What state the node and each of its parts are in, and its counters for Prometheus. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"
import { Timestamp } from "./paging.ts"

const Status = Schema.Literals(["healthy", "degraded", "unhealthy"])

const Health = Schema.Struct({
  status: Status,
  timestamp: Timestamp,
  components: Schema.Record(
    Schema.String,
    Schema.StructWithRest(Schema.Struct({ status: Status }), [Schema.Record(Schema.String, Schema.Unknown)]),
  ),
})

export const healthEndpoints = {
  health: endpoint({
    id: "health.read",
    method: "GET",
    path: "/health",
    summary: "How the node and each of its parts are; in production only that. 503 when it cannot work.",
    permission: "public",
    answer: Health,
    otherStatuses: [503],
  }),
  details: endpoint({
    id: "health.readDetails",
    method: "GET",
    path: "/api/admin/health",
    summary: "How the node and each of its parts are, with addresses, versions and positions.",
    permission: "platform:read",
    answer: Health,
    otherStatuses: [503],
    errors: ["GTW_METRICS_001"],
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
