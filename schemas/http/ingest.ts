/** Ways in for samples in the formats of others: Prometheus remote write and OpenTelemetry's protocol. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"

export const ingestEndpoints = {
  remoteWrite: endpoint({
    id: "cep.metrics.remoteWrite",
    method: "POST",
    path: "/api/cep/prometheus/api/v1/write",
    summary: "Samples by Prometheus remote write, 1.0 or 2.0: protobuf, compressed with snappy.",
    permission: "metric:write",
    rate: "ingest",
    protocol: "Prometheus remote write",
    errors: ["CEP_INGEST_001", "CEP_INGEST_002", "CEP_INGEST_003"],
  }),
  otlp: endpoint({
    id: "cep.metrics.otlp",
    method: "POST",
    path: "/api/cep/otlp/v1/metrics",
    summary:
      "Metrics by OpenTelemetry's protocol over HTTP: protobuf or JSON, plain or compressed with gzip.",
    permission: "metric:write",
    rate: "ingest",
    protocol: "OTLP",
    example: {
      resourceMetrics: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] },
          scopeMetrics: [
            {
              metrics: [
                {
                  name: "orders.open",
                  gauge: { dataPoints: [{ asDouble: 12, timeUnixNano: "1767225600000000000" }] },
                },
              ],
            },
          ],
        },
      ],
    },
    answer: Schema.Struct({
      partialSuccess: Schema.optionalKey(
        Schema.Struct({ rejectedDataPoints: Schema.Int, errorMessage: Schema.String }),
      ),
    }),
    status: 200,
    errors: ["CEP_INGEST_001", "CEP_INGEST_003"],
  }),
} as const
