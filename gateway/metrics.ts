/** Counts of the gateway's requests, as Prometheus text. Updated per request, so that it allocates nothing there. */
import type { NodeStatus } from "../engine/index.ts"
import type { Route } from "./route.ts"

/** Upper bounds in milliseconds. */
const latencyBounds = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const

interface RouteCounts {
  readonly byStatus: Map<number, number>
  readonly buckets: Array<number>
  sumMs: number
  total: number
}

export class RequestMetrics {
  readonly #routes = new Map<Route, RouteCounts>()

  count(route: Route, status: number, elapsedMs: number): void {
    let counts = this.#routes.get(route)
    if (counts === undefined) {
      counts = { byStatus: new Map(), buckets: latencyBounds.map(() => 0), sumMs: 0, total: 0 }
      this.#routes.set(route, counts)
    }
    counts.byStatus.set(status, (counts.byStatus.get(status) ?? 0) + 1)
    counts.sumMs += elapsedMs
    counts.total += 1
    for (let index = 0; index < latencyBounds.length; index++) {
      if (elapsedMs <= latencyBounds[index]!) {
        counts.buckets[index]! += 1
        break
      }
    }
  }

  /** Source: https://prometheus.io/docs/instrumenting/exposition_formats/ */
  render(status: NodeStatus, openStreams: number): string {
    const lines: Array<string> = [
      "# HELP millrace_http_requests_total Requests answered.",
      "# TYPE millrace_http_requests_total counter",
    ]
    for (const [route, { byStatus }] of this.#routes)
      for (const [code, count] of byStatus)
        lines.push(`millrace_http_requests_total{${labels(route)},status="${code}"} ${count}`)
    lines.push(
      "# HELP millrace_http_request_duration_seconds Time to the answer's headers.",
      "# TYPE millrace_http_request_duration_seconds histogram",
    )
    for (const [route, counts] of this.#routes) lines.push(...histogram(route, counts))
    lines.push(...gauges(status, openStreams), "")
    return lines.join("\n")
  }
}

const labels = ({ endpoint }: Route): string => `method="${endpoint.method}",route="${endpoint.path}"`

const histogram = (route: Route, { buckets, sumMs, total }: RouteCounts): ReadonlyArray<string> => {
  const name = "millrace_http_request_duration_seconds"
  let below = 0
  const lines = latencyBounds.map((bound, index) => {
    below += buckets[index]!
    return `${name}_bucket{${labels(route)},le="${bound / 1_000}"} ${below}`
  })
  return [
    ...lines,
    `${name}_bucket{${labels(route)},le="+Inf"} ${total}`,
    `${name}_sum{${labels(route)}} ${sumMs / 1_000}`,
    `${name}_count{${labels(route)}} ${total}`,
  ]
}

const gauges = (status: NodeStatus, openStreams: number): ReadonlyArray<string> => {
  const count = (tag: string) => status.partitions.filter((partition) => partition._tag === tag).length
  const gauge = (name: string, help: string, ...samples: ReadonlyArray<string>) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...samples.map((sample) => `${name}${sample}`),
  ]
  return [
    ...gauge(
      "millrace_partitions",
      "Partitions by their state on this node.",
      ...["Live", "Elsewhere", "Starting", "Draining", "Halted"].map(
        (tag) => `{state="${tag.toLowerCase()}"} ${count(tag)}`,
      ),
    ),
    ...gauge("millrace_members", "Live nodes.", ` ${status.members.length}`),
    ...gauge("millrace_pending_asks", "Asks of this node waiting for an answer.", ` ${status.pendingAsks}`),
    ...gauge("millrace_waiting_commands", "Commands not stored yet.", ` ${status.waitingCommands}`),
    ...gauge("millrace_open_streams", "Open WebSockets and event streams.", ` ${openStreams}`),
  ]
}
