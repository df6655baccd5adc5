/** Rules, series and messages of the measurement: the same for the same arguments. */

import type { RuleDocument, Sample } from "../../schemas/index.ts"
import { columnsOf, encodeColumns } from "../../streams/index.ts"

export const tenant = "bench"
export const startAt = 1_700_000_000_000
export const messageSamples = 1_000
const metricNames = 100
/** Groups of a rule are at most so many here; further series feed the same groups. */
const instancesMax = 8_000

/**
 * What a series is looked at for. Every cell has the same kinds of rules, and each series is in one cell. `unlike`: as
 * `windows`, but no cell's windows are as long as another's.
 */
export type Mix = "thresholds" | "windows" | "unlike"
export const mixes: ReadonlyArray<Mix> = ["thresholds", "windows", "unlike"]

const base = (cell: number) => ({
  trigger: {
    type: "metric" as const,
    metric: `metric_${cell % metricNames}`,
    where: { team: `team-${Math.floor(cell / metricNames)}` },
  },
  group_by: ["instance"],
})

type Kind = (index: number, cell: number) => Omit<RuleDocument, "name" | "trigger">

/** A limit of a rule's own: real rules differ in theirs. */
const above = (least: number, index: number): string => (least + (index % 997) / 100_000).toFixed(5)

const windowed = (slidingSeconds: (cell: number) => number, tumblingSeconds: (cell: number) => number) => [
  (index: number) => ({ condition: `value > ${above(99.9, index)}`, for: "1m" }),
  (index: number, cell: number) => ({
    condition: `mean > ${above(90, index)}`,
    aggregates: {
      mean: {
        function: "avg" as const,
        window: { type: "sliding" as const, size: `${slidingSeconds(cell)}s` },
      },
    },
  }),
  (index: number, cell: number) => {
    const window = { type: "tumbling" as const, size: `${tumblingSeconds(cell)}s` }
    return {
      condition: `peak > ${above(99, index)} && mean > ${above(90, index)}`,
      aggregates: { peak: { function: "max" as const, window }, mean: { function: "avg" as const, window } },
    }
  },
]

const kinds: Record<Mix, ReadonlyArray<Kind>> = {
  thresholds: [
    (index) => ({ condition: `value > ${above(99.9, index)}`, for: "1m" }),
    (index) => ({ condition: `value < ${above(0.01, index)}` }),
    (index) => ({
      condition: `value > ${above(99.98, index)} && labels.team != 'none'`,
      severity: "critical",
    }),
  ],
  windows: windowed(
    () => 300,
    () => 60,
  ),
  unlike: windowed(
    (cell) => 300 + cell,
    (cell) => 60 + cell,
  ),
}

const cellsOf = (rules: number): number => Math.max(1, Math.floor(rules / kinds.windows.length))

export const rulesOf = (count: number, mix: Mix): ReadonlyArray<RuleDocument> =>
  Array.from({ length: count }, (_, index) => {
    const cell = Math.floor(index / kinds[mix].length) % cellsOf(count)
    return { name: `rule ${index}`, ...base(cell), ...kinds[mix][index % kinds[mix].length]!(index, cell) }
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
