/** Counters of the node besides those of its requests and partitions, as Prometheus text. */
import type { LaneFigures, LaneProblem } from "../actors/index.ts"
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

type NumberOf<A> = { [K in keyof A]-?: A[K] extends number ? K : never }[keyof A]

const laneGauges: ReadonlyArray<readonly [name: string, help: string, of: NumberOf<LaneFigures>]> = [
  ["lag_messages", "Messages of the lane that wait to be evaluated.", "lagMessages"],
  ["lag_milliseconds", "Age of the last message that was evaluated while others wait.", "lagMs"],
  ["outputs_waiting", "Outputs on their way to alert desks and other lanes.", "outputsWaiting"],
  ["state_bytes", "Bytes of the last state that was encoded.", "stateBytes"],
  ["pause_milliseconds", "How long evaluation stood still at most for the last checkpoint.", "pauseMs"],
  ["rules", "Rules of the lane.", "rules"],
  [
    "item_microseconds",
    "Time of this process for one sample or event, over the last minutes.",
    "microsPerItem",
  ],
  ["checkpoint_milliseconds", "How long the last checkpoint took until it was durable.", "checkpointMs"],
]
const laneTotals: typeof laneGauges = [
  ["items_total", "Samples and events that were evaluated.", "items"],
  ["outputs_total", "Transitions and events that are durable with their receivers.", "outputs"],
  ["outputs_lost_total", "Outputs that nobody could take.", "outputsLost"],
  ["missed_total", "Messages that left the stream before they were evaluated.", "missed"],
  ["damaged_total", "Messages that could not be read.", "damaged"],
  ["checkpoints_total", "Checkpoints.", "checkpoints"],
]

/** There is a row only while there is a problem: an alert on it is an alert on any. */
const problemRows = (problems: ReadonlyArray<LaneProblem>): ReadonlyArray<string> => [
  "# HELP millrace_lane_problem_since_seconds Since when a lane cannot be loaded or keeps stopping, by the epoch.",
  "# TYPE millrace_lane_problem_since_seconds gauge",
  ...problems.map(
    ({ lane, state, since }) =>
      `millrace_lane_problem_since_seconds{lane="${lane}",state="${state}"} ${since / 1_000}`,
  ),
]

const detailRows = (lanes: ReadonlyArray<readonly [lane: number, LaneFigures]>): ReadonlyArray<string> => [
  "# HELP millrace_lane_latency_milliseconds From when messages were stored until they were evaluated, over the last minutes.",
  "# TYPE millrace_lane_latency_milliseconds gauge",
  ...lanes.flatMap(([lane, { latency }]) =>
    Object.entries(latency ?? {}).map(
      ([of, ms]) => `millrace_lane_latency_milliseconds{lane="${lane}",of="${of}"} ${ms}`,
    ),
  ),
  "# HELP millrace_lane_held_up Whether evaluation stands still until outputs are taken.",
  "# TYPE millrace_lane_held_up gauge",
  ...lanes.map(([lane, { isHeldUp }]) => `millrace_lane_held_up{lane="${lane}"} ${isHeldUp ? 1 : 0}`),
  "# HELP millrace_lane_receiver_waiting Outputs that wait for the receivers for which the most do.",
  "# TYPE millrace_lane_receiver_waiting gauge",
  ...lanes.flatMap(([lane, { receivers }]) =>
    receivers.map(
      ({ receiver, waiting }) =>
        `millrace_lane_receiver_waiting{lane="${lane}",receiver="${receiver}"} ${waiting}`,
    ),
  ),
]

const laneCounters = ({ lanes }: GatewayServices): ReadonlyArray<string> => {
  if (lanes === undefined) return []
  const figures = [...lanes.figures()]
  const rows = (table: typeof laneGauges, type: string) =>
    table.flatMap(([name, help, of]) => [
      `# HELP millrace_lane_${name} ${help}`,
      `# TYPE millrace_lane_${name} ${type}`,
      ...figures.map(([lane, one]) => `millrace_lane_${name}{lane="${lane}"} ${one[of]}`),
    ])
  return [
    ...rows(laneGauges, "gauge"),
    ...rows(laneTotals, "counter"),
    ...detailRows(figures),
    ...problemRows(lanes.problems()),
  ]
}

/** Source: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const renderNodeCounters = (services: GatewayServices): string =>
  [...rateCounters(services), ...logCounters(services), ...laneCounters(services), ""].join("\n")
