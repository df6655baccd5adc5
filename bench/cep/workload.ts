/** Rules, series and messages of the measurement: the same for the same arguments. */

import type { RuleDocument, Sample } from "../../schemas/index.ts"
import { columnsOf, encodeColumns } from "../../streams/index.ts"

export const tenant = "bench"
export const startAt = 1_700_000_000_000
export const messageSamples = 1_000
const metricNames = 100
/** Groups of a rule are at most so many here; further series feed the same groups. */
const instancesMax = 8_000

/** What a series is looked at for. Every cell has the same rules, and each series is in one cell. */
export type Mix = "thresholds" | "windows"

const base = (cell: number) => ({
  trigger: {
    type: "metric" as const,
    metric: `metric_${cell % metricNames}`,
    where: { team: `team-${Math.floor(cell / metricNames)}` },
  },
  group_by: ["instance"],
})

const kinds: Record<Mix, ReadonlyArray<Omit<RuleDocument, "name" | "trigger">>> = {
  thresholds: [
    { condition: "value > 99.9", for: "1m" },
    { condition: "value < 0.01" },
    { condition: "value > 99.99 && labels.team != 'none'", severity: "critical" },
  ],
  windows: [
    { condition: "value > 99.9", for: "1m" },
    {
      condition: "mean > 90.0",
      aggregates: { mean: { function: "avg", window: { type: "sliding", size: "5m" } } },
    },
    {
      condition: "peak > 99.0 && mean > 90.0",
      aggregates: {
        peak: { function: "max", window: { type: "tumbling", size: "1m" } },
        mean: { function: "avg", window: { type: "tumbling", size: "1m" } },
      },
    },
  ],
}

const cellsOf = (rules: number): number => Math.max(1, Math.floor(rules / kinds.windows.length))

export const rulesOf = (count: number, mix: Mix): ReadonlyArray<RuleDocument> =>
  Array.from({ length: count }, (_, index) => {
    const cell = Math.floor(index / kinds[mix].length) % cellsOf(count)
    return { name: `rule ${index}`, ...base(cell), ...kinds[mix][index % kinds[mix].length]! }
  })

const labelsOf = (series: number, cell: number, cells: number) => ({
  team: `team-${Math.floor(cell / metricNames)}`,
  instance: `instance-${Math.floor(series / cells) % instancesMax}`,
  device: `device-${series}`,
})

/** Deterministic, from 0 to 100. */
export const numbers = () => {
  let state = 12_345
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state / 2 ** 32) * 100
  }
}

/** Messages that go round the series for ever; each round is `stepMs` later. */
export function* messagesOf(rules: number, series: number, stepMs: number): Generator<Uint8Array, never> {
  const cells = cellsOf(rules)
  const next = numbers()
  const owners = Array.from({ length: series }, (_, index) => ({
    name: `metric_${(index % cells) % metricNames}`,
    labels: labelsOf(index, index % cells, cells),
  }))
  const size = Math.min(messageSamples, series)
  const templates = Array.from({ length: Math.ceil(series / size) }, (_, message) =>
    columnsOf(
      owners
        .slice(message * size, (message + 1) * size)
        .map((owner): Sample => ({ ...owner, value: 0, at: startAt })),
    ),
  )
  for (let at = startAt; ; at += stepMs) {
    for (const template of templates) {
      template.times.fill(at)
      for (let index = 0; index < template.values.length; index++) template.values[index] = next()
      yield encodeColumns(template)
    }
  }
}

/** Messages of a few series whose samples are a second apart: many of each in one message. */
export function* closeMessages(series: number): Generator<Uint8Array, never> {
  const next = numbers()
  const samples = Array.from(
    { length: messageSamples },
    (_, index): Sample => ({
      name: "metric_0",
      labels: { instance: `instance-${index % series}` },
      value: 0,
      at: startAt + Math.floor(index / series) * 1_000,
    }),
  )
  const template = columnsOf(samples)
  const spanMs = (messageSamples / series) * 1_000
  for (;;) {
    for (let index = 0; index < messageSamples; index++) template.values[index] = next()
    yield encodeColumns(template)
    for (let index = 0; index < messageSamples; index++) template.times[index]! += spanMs
  }
}

export const closeRule = (more: Partial<RuleDocument>): RuleDocument => ({
  name: "close",
  trigger: { type: "metric", metric: "metric_0" },
  group_by: ["instance"],
  ...more,
})
