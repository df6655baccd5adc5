/** A lane with all kinds of state, and what comes of it after it was stored: written by each format that there was. */
import { join } from "node:path"
import type { Output } from "../../../../../actors/cep/evaluator.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"
import { cpuRule, RuleLane, readEvaluator, stateOf } from "./rule-lane.ts"

export { formatVersion as laneStateFormat } from "../../../../../actors/cep/lane-state.ts"

export const laneStatesFolder = join(import.meta.dirname, "../../../../golden/lane-states")

const by = { group_by: ["host"] } as const

const rules: Readonly<Record<string, RuleDocument>> = {
  threshold: cpuRule({ ...by, for: "20s", keep_firing_for: "10s" }),
  windows: cpuRule({
    ...by,
    aggregates: {
      mean: { function: "avg", window: { type: "sliding", size: "1m" } },
      high: { function: "percentile", percentile: 90, window: { type: "sliding", size: "1m" } },
      peak: { function: "max", window: { type: "tumbling", size: "30s" } },
      spread: { function: "stddev", window: { type: "hopping", size: "1m", slide: "10s" } },
      grows: { function: "rate", window: { type: "sliding", size: "2m" } },
    },
    condition: "mean > 48.0 && peak > 60.0",
    annotations: { summary: "{{ mean }} {{ high }} {{ peak }} {{ spread }} {{ grows }}" },
  }),
  sessions: cpuRule({
    aggregates: {
      hosts: { function: "distinct", field: "host", window: { type: "session", gap: "15s", size: "10m" } },
      items: { function: "count", window: { type: "count", count: 10 } },
    },
    condition: "hosts == 3.0 || items < 10",
  }),
  missing: cpuRule({ ...by, missing_data: { after: "30s", state: "no_data" } }),
  pattern: {
    name: "high, then higher",
    mode: "trigger",
    trigger: { type: "metric", metric: "cpu" },
    ...by,
    pattern: {
      stages: [
        { name: "high", condition: "value > 60" },
        { name: "higher", condition: "value > 65 && value > matched.high[0].value", times: { min: 2 } },
        { name: "end", event: "deploy.finished" },
      ],
      within: "45s",
    },
    actions: [{ type: "publish_event", event: "seen" }],
  },
}

const hosts = ["a", "b", "c"]
const valueAt = (second: number, host: number): number => (second * 37 + host * 53) % 101

/** `from` and `to` in seconds. */
const part = (lane: RuleLane, from: number, to: number): void => {
  for (let second = from; second < to; second++) {
    for (const [index, host] of hosts.entries()) {
      const isQuiet = second % 60 >= 40 || (index === 2 && second > 100)
      if (second % (index + 2) === 0 && !isQuiet) lane.sample(valueAt(second, index), second, { host })
    }
    if (second % 20 === 19) lane.event("deploy.finished", second, { host: "a" })
    lane.tick(second)
  }
}

const firstHalf = (): RuleLane => {
  const lane = new RuleLane()
  for (const [name, document] of Object.entries(rules)) lane.rule(name, document)
  lane.rule("refused", cpuRule({ condition: "value >" }))
  part(lane, 0, 120)
  return lane
}

/** What a state is held to: who says what of whom, in which order and with which numbers. */
const shortOf = (output: Output): ReadonlyArray<unknown> =>
  output.type === "transition"
    ? [output.transition.id, output.transition.to, output.transition.at, output.transition.values]
    : [output.type, output.type === "event" ? output.event.id : ""]

const outcomeOf = (lane: RuleLane): ReadonlyArray<unknown> => {
  lane.outputs = []
  part(lane, 120, 300)
  return JSON.parse(JSON.stringify(lane.outputs.map(shortOf))) as ReadonlyArray<unknown>
}

export interface LaneFixture {
  readonly state: string
  /** Of the last message before it was stored. */
  readonly sequence: number
  readonly outcome: ReadonlyArray<unknown>
}

export const laneFixture = (): LaneFixture => {
  const lane = firstHalf()
  const { sequence } = lane
  const state = Buffer.from(stateOf(lane.evaluator)).toString("base64")
  return { state, sequence, outcome: outcomeOf(lane) }
}

/** What comes of a state that was stored once. */
export const outcomeAfter = ({ state, sequence }: LaneFixture): ReadonlyArray<unknown> => {
  const lane = new RuleLane()
  lane.evaluator = readEvaluator(Buffer.from(state, "base64"), { lane: 3 })
  lane.sequence = sequence
  return outcomeOf(lane)
}
