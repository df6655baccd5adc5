/** What one lane's evaluator does in this process, without streams: from the bytes of a message to what rules say. */
import { type LaneEvaluator, makeEvaluator, readEvaluator } from "../../actors/index.ts"
import type { RuleDocument } from "../../schemas/index.ts"
import { SampleDecoder } from "../../streams/index.ts"
import { closeMessages, closeRule, type Mix, messagesOf, rulesOf, startAt, tenant } from "./workload.ts"

export type Figures = Readonly<Record<string, number>>

const stepMs = 10_000
const closeSeries = 20
const dayMs = 86_400_000

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
  while (subject.ms < seconds * 1_000) subject.take(messages.next().value)
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

const checkpoint = ({ evaluator }: Subject): Figures => {
  const began = performance.now()
  const bytes = evaluator.encode()
  const encoded = performance.now()
  readEvaluator(bytes, { lane: 0 })
  return {
    checkpointBytes: bytes.length,
    checkpointMs: Math.round(encoded - began),
    recoveryMs: Math.round(performance.now() - encoded),
  }
}

export const throughput = (rules: number, series: number, mix: Mix, seconds: number): Figures => {
  const before = held()
  const subject = new Subject(rulesOf(rules, mix))
  const withRules = held()
  const messages = messagesOf(rules, series, stepMs)
  for (let taken = 0; taken < 2 * series; taken = subject.samples) subject.take(messages.next().value)
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
  while (subject.samples < (fillMs / 1_000) * closeSeries) subject.take(messages.next().value)
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

const sliding = (size: string): Partial<RuleDocument> => ({
  aggregates: {
    mean: { function: "avg", window: { type: "sliding", size } },
    most: { function: "max", window: { type: "sliding", size } },
  },
  condition: "mean > 90.0 && most > 99.0",
})

/** Windows and patterns of a minute and of a day, whose items are a second apart. */
export const lengths: ReadonlyArray<readonly [string, (seconds: number) => Figures]> = [
  ["sliding avg and max over 1m", (seconds) => ofLength(sliding("1m"), 60_000, seconds)],
  ["sliding avg and max over 24h", (seconds) => ofLength(sliding("24h"), dayMs, seconds)],
  ["pattern of 3 stages within 1m", (seconds) => ofLength(within("1m"), 60_000, seconds)],
  ["pattern of 3 stages within 24h", (seconds) => ofLength(within("24h"), dayMs, seconds)],
]
