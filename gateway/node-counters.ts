/** Counters of the node besides those of its requests and partitions, as Prometheus text. */
import type { GatewayServices } from "./services.ts"

const counter = (name: string, help: string, value: number) => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} counter`,
  `${name} ${value}`,
]

const rateCounters = ({ rates }: GatewayServices): ReadonlyArray<string> => {
  if (rates === undefined) return []
  const { granted, refused, alone, exchanges, conflicts, failures, identities } = rates.limits.figures()
  return [
    ...counter("millrace_rate_limit_granted_total", "Requests that rate limits let through.", granted),
    ...counter("millrace_rate_limit_refused_total", "Requests that rate limits refused.", refused),
    ...counter("millrace_rate_limit_alone_total", "Grants given without the shared counters.", alone),
    ...counter("millrace_rate_limit_exchanges_total", "Blocks taken from shared counters.", exchanges),
    ...counter("millrace_rate_limit_conflicts_total", "Rounds lost against other nodes.", conflicts),
    ...counter("millrace_rate_limit_failures_total", "Times the shared counters did not answer.", failures),
    "# HELP millrace_rate_limit_identities Identities known to this node's rate limits.",
    "# TYPE millrace_rate_limit_identities gauge",
    `millrace_rate_limit_identities ${identities}`,
  ]
}

const logCounters = ({ log }: GatewayServices): ReadonlyArray<string> => {
  if (log === undefined) return []
  const { lines, lost } = log.figures()
  return [
    ...counter("millrace_log_lines_total", "Lines logged.", lines),
    ...counter("millrace_log_lines_lost_total", "Lines that the log's file has lost.", lost),
  ]
}

/** Source: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const renderNodeCounters = (services: GatewayServices): string =>
  [...rateCounters(services), ...logCounters(services), ""].join("\n")
