/** What one lane's evaluator does in this process, without streams: from the bytes of a message to what rules say. */
import { type LaneEvaluator, makeEvaluator, readingOf } from "../../actors/index.ts"
import type { RuleDocument } from "../../schemas/index.ts"
import { SampleDecoder } from "../../streams/index.ts"
import { closeMessages, closeRule, type Mix, messagesOf, rulesOf, startAt, tenant } from "./workload.ts"

export type Figures = Readonly<Record<string, number>>

const stepMs = 10_000
const closeSeries = 20
const dayMs = 86_400_000
/** Before anything is measured, so that what runs is compiled. */
const warmSamples = 300_000
/** As lanes have it. */
const sliceBytes = 64 * 1024

const held = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** An evaluator and its way from bytes to outputs. Counts only the time inside. */
class Subject {
  evaluator: LaneEvaluator = makeEvaluator({ lane: 0 })
  samples = 0
  outputs = 0
  ms = 0
  /** Of the processor, which a busy machine does not make more. */
  cpuMs = 0
  private sequence = 0
  private readonly decoder = new SampleDecoder()

  constructor(rules: ReadonlyArray<RuleDocument>) {
    for (const [index, document] of rules.entries()) {
      this.sequence += 1
      const change = { tenant, rule: `rule-${index}`, number: 1, version: 1, document }
      this.evaluator.change(change, { sequence: this.sequence, at: startAt })
    }
  }

  take(message: Uint8Array): void {
    const [began, cpu] = [performance.now(), process.threadCpuUsage()]
    const columns = this.decoder.read(message)
    if (columns === undefined) throw new Error("a message cannot be read")
    this.sequence += 1
    this.evaluator.samples(tenant, columns, { sequence: this.sequence, at: columns.times.at(-1)! })
    this.outputs += this.evaluator.take().length
    this.ms += performance.now() - began
    const { user, system } = process.threadCpuUsage(cpu)
    this.cpuMs += (user + system) / 1_000
    this.samples += columns.values.length
  }

  forget(): void {
    this.samples = 0
    this.outputs = 0
    this.ms = 0
    this.cpuMs = 0
  }
}

/** Decodes a message, finds what is kept of each series by its text, and adds the value to it. */
const ceilingOf = (messages: Generator<Uint8Array, never>, seconds: number): number => {
  const decoder = new SampleDecoder()
  const sums = new Map<string, { sum: number; at: number }>()
  let [samples, ms] = [0, 0]
  while (ms < seconds * 1_000) {
    const message = messages.next().value
    const began = performance.now()
    const { series, seriesOf, values, times } = decoder.read(message)!
    for (let index = 0; index < values.length; index++) {
      const text = series[seriesOf[index]!]!
      let kept = sums.get(text)
      if (kept === undefined) {
        kept = { sum: 0, at: 0 }
        sums.set(text, kept)
      }
      kept.sum += values[index]!
      kept.at = times[index]!
    }
    ms += performance.now() - began
    samples += values.length
  }
  return Math.round((samples * 1_000) / ms)
}

const run = (subject: Subject, messages: Generator<Uint8Array, never>, seconds: number): Figures => {
  subject.forget()
  while (subject.cpuMs < seconds * 1_000) subject.take(messages.next().value)
  return {
    samplesPerSecond: Math.round((subject.samples * 1_000) / subject.ms),
    perCpuSecond: Math.round((subject.samples * 1_000) / subject.cpuMs),
  }
}

const groupsOf = ({ evaluator }: Subject, rules: number): number => {
  let groups = 0
  for (let rule = 0; rule < rules; rule++) groups += evaluator.figures(tenant, `rule-${rule}`)?.groups ?? 0
  return groups
}

/** Milliseconds of the processor: of all turns, and of the longest but one in a hundred. */
const turns = (step: () => boolean) => {
  const each: Array<number> = []
  for (let isDone = false; !isDone; ) {
    const began = process.threadCpuUsage()
    isDone = step()
    const { user, system } = process.threadCpuUsage(began)
    each.push((user + system) / 1_000)
  }
  const all = Math.round(each.reduce((sum, one) => sum + one, 0))
  each.sort((one, other) => one - other)
  return { all, long: Math.round(each[Math.floor(each.length * 0.99)]! * 10) / 10 }
}

const checkpoint = ({ evaluator }: Subject): Figures => {
  const capture = evaluator.capture()
  const writing = turns(() => capture.step(sliceBytes))
  const bytes = Buffer.concat(capture.parts())
  const reading = readingOf(bytes, { lane: 0 })
  const recovery = turns(() => reading.step(sliceBytes) !== undefined)
  return {
    checkpointBytes: bytes.length,
    checkpointMs: writing.all,
    checkpointTurnMs: writing.long,
    recoveryMs: recovery.all,
    recoveryTurnMs: recovery.long,
  }
}

export const throughput = (rules: number, series: number, mix: Mix, seconds: number): Figures => {
  const before = held()
  const subject = new Subject(rulesOf(rules, mix))
  const withRules = held()
  const messages = messagesOf(rules, series, stepMs)
  while (subject.samples < Math.max(2 * series, warmSamples)) subject.take(messages.next().value)
  run(subject, messages, seconds / 4)
  const rates = run(subject, messages, seconds)
  const { outputs, samples } = subject
  const groups = groupsOf(subject, rules)
  const bytes = held() - withRules
  return {
    ...rates,
    ceiling: ceilingOf(messagesOf(rules, series, stepMs), seconds / 4),
    groups,
    outputsPerThousand: Math.round((outputs * 10_000) / samples) / 10,
    bytesPerGroup: Math.round(bytes / Math.max(1, groups)),
    bytesPerRule: Math.round((withRules - before) / rules),
    ...checkpoint(subject),
  }
}

/** One rule, few series, until what it keeps is full; then measured. */
export const ofLength = (document: Partial<RuleDocument>, fillMs: number, seconds: number): Figures => {
  const before = held()
  const subject = new Subject([closeRule(document)])
  const messages = closeMessages(closeSeries)
  while (subject.samples < Math.max((fillMs / 1_000) * closeSeries, warmSamples))
    subject.take(messages.next().value)
  run(subject, messages, seconds / 4)
  const rates = run(subject, messages, seconds)
  const bytes = held() - before
  return { ...rates, bytesPerGroup: Math.round(bytes / closeSeries), ...checkpoint(subject) }
}

const within = (length: string): Partial<RuleDocument> => ({
  mode: "trigger",
  pattern: {
    stages: [
      { name: "high", condition: "value > 99.0" },
      { name: "higher", condition: "value > 99.5 && value > matched.high[0].value" },
      { name: "low", condition: "value < 1.0" },
    ],
    within: length,
    after_match: { type: "skip_past_last_event" },
  },
})

/** What begins ends soon after, so that as few wait within a day as within a minute. */
const soon = (length: string): Partial<RuleDocument> => ({
  mode: "trigger",
  pattern: {
    stages: [
      { name: "high", condition: "value > 99.0" },
      { name: "less", condition: "value < 50.0 && value < matched.high[0].value" },
      { name: "low", condition: "value < 25.0" },
    ],
    within: length,
    after_match: { type: "skip_past_last_event" },
  },
})

const sliding = (
  size: string,
  more: NonNullable<RuleDocument["aggregates"]> = {},
): Partial<RuleDocument> => ({
  aggregates: {
    mean: { function: "avg", window: { type: "sliding", size } },
    most: { function: "max", window: { type: "sliding", size } },
    ...more,
  },
  condition: "mean > 90.0 && most > 99.0",
})

const four = (size: string) =>
  sliding(size, {
    least: { function: "min", window: { type: "sliding", size } },
    deviation: { function: "stddev", window: { type: "sliding", size } },
  })

/** Windows and patterns of a minute and of a day, whose items are a second apart. */
export const lengths: ReadonlyArray<readonly [string, (seconds: number) => Figures]> = [
  ["sliding avg and max over 1m", (seconds) => ofLength(sliding("1m"), 60_000, seconds)],
  ["sliding avg and max over 24h", (seconds) => ofLength(sliding("24h"), dayMs, seconds)],
  ["sliding avg, max, min and stddev over 1m", (seconds) => ofLength(four("1m"), 60_000, seconds)],
  ["sliding avg, max, min and stddev over 24h", (seconds) => ofLength(four("24h"), dayMs, seconds)],
  ["pattern within 1m, what begins ends soon", (seconds) => ofLength(soon("1m"), 60_000, seconds)],
  ["pattern within 24h, what begins ends soon", (seconds) => ofLength(soon("24h"), dayMs, seconds)],
  ["pattern of 3 stages within 1m", (seconds) => ofLength(within("1m"), 60_000, seconds)],
  ["pattern of 3 stages within 24h", (seconds) => ofLength(within("24h"), dayMs, seconds)],
]
