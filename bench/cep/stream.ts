/**
 * `node --expose-gc --max-semi-space-size=64 bench/cep/stream.ts [seconds]`: samples through JetStream to what rules say, with
 * checkpoints, in one node process; how long it takes from publishing to the alert desk; and how long a start after a kill.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LaneFigures } from "../../actors/index.ts"
import type { RuleDocument, Sample } from "../../schemas/index.ts"
import {
  columnsOf,
  encodeColumns,
  type MetricStreamService,
  metricsOfLane,
  metricToken,
  SampleDecoder,
  samplesOfColumns,
} from "../../streams/index.ts"
import { server } from "../engine/deployment.ts"
import { type Node, partitions, type Server, startNode, takenTopic } from "./stream-node.ts"
import { type Mix, messagesOf, rulesOf, startAt, tenant } from "./workload.ts"

export type StreamFigures = Readonly<Record<string, number>>

const lane = 0
const stepMs = 10_000
const publishesInFlight = 64
/** Before latencies count: every group has been there, and the code is compiled. */
const warmMs = 5_000

/** Messages made before, whose times move on with each round. */
class Ring {
  readonly samples: number
  private readonly messages: ReadonlyArray<Uint8Array>
  private at = 0
  private round = 0

  constructor(rules: number, series: number, batch: number) {
    const whole = messagesOf(rules, series, stepMs)
    const decoder = new SampleDecoder()
    this.samples = batch
    this.messages = Array.from({ length: Math.ceil(series / 1_000) }).flatMap(() => {
      const samples = samplesOfColumns(decoder.read(whole.next().value)!)
      return Array.from({ length: Math.ceil(samples.length / batch) }, (_, part) =>
        encodeColumns(columnsOf(samples.slice(part * batch, (part + 1) * batch))),
      )
    })
  }

  next(): Uint8Array {
    if (this.at === this.messages.length) {
      this.at = 0
      this.round += 1
    }
    const message = this.messages[this.at]!
    this.at += 1
    // Where the codec has the base of the times.
    new DataView(message.buffer, message.byteOffset).setFloat64(16, startAt + this.round * stepMs, true)
    return message.slice()
  }
}

/** As fast as the server acknowledges, until `seconds` are over or the count is reached; answers how many messages. */
const publish = (stream: MetricStreamService, ring: Ring, seconds: number, most = Number.POSITIVE_INFINITY) =>
  Effect.callback<{ readonly messages: number; readonly last: number }>((resume) => {
    const until = performance.now() + seconds * 1_000
    let [open, messages, last, ended] = [0, 0, 0, false]
    const more = () => {
      while (open < publishesInFlight && messages < most && performance.now() < until) {
        open += 1
        messages += 1
        stream.appendWith(metricToken(tenant, lane, "bench"), ring.next(), (failure, sequence) => {
          if (failure !== undefined) throw new Error(failure.kind)
          open -= 1
          last = Math.max(last, sequence)
          more()
        })
      }
      if (open === 0 && !ended) {
        ended = true
        resume(Effect.succeed({ messages, last }))
      }
    }
    more()
  })

const figuresOf = ({ lanes }: Node): LaneFigures | undefined => lanes.figures().get(lane)

const until = Effect.fnUntraced(function* (node: Node, holds: (figures: LaneFigures) => boolean) {
  for (;;) {
    const figures = figuresOf(node)
    if (figures !== undefined && holds(figures)) return figures
    yield* Effect.sleep(2)
  }
})

const defineRules = Effect.fnUntraced(function* (node: Node, documents: ReadonlyArray<RuleDocument>) {
  const append = (document: RuleDocument, index: number) =>
    Effect.gen(function* () {
      const message = { _tag: "RuleChanged", rule: `rule-${index}`, number: 1, version: 1, document }
      const data = new TextEncoder().encode(JSON.stringify(message))
      return yield* node.stream.append(metricToken(tenant, lane, "rule"), data)
    })
  const sequences = yield* Effect.forEach(documents, append, { concurrency: 64 })
  yield* until(node, ({ sequence, filling }) => sequence >= Math.max(...sequences) && filling === 0)
})

/** What the server hands out when nothing is done with it but decoding. */
const ceiling = (stream: MetricStreamService, from: number, messages: number, samples: number) =>
  Effect.gen(function* () {
    const decoder = new SampleDecoder()
    const began = performance.now()
    const tail = yield* stream.tail(metricsOfLane(lane), { sequence: from })
    let taken = 0
    while (taken < messages) {
      for (const { data } of yield* tail.take) if (decoder.read(data) !== undefined) taken += 1
    }
    return Math.round((taken * samples * 1_000) / (performance.now() - began))
  }).pipe(Effect.scoped)

const throughput = Effect.fnUntraced(function* (
  nats: Server,
  rules: number,
  series: number,
  batch: number,
  mix: Mix,
  seconds: number,
) {
  const node: Node = yield* startNode(nats)
  yield* defineRules(node, rulesOf(rules, mix))
  const ring = new Ring(rules, series, batch)
  // Once round first, so that every group is there.
  const warm = yield* publish(node.stream, ring, 60, Math.ceil((2 * series) / batch))
  yield* until(node, ({ sequence }) => sequence >= warm.last)
  const began = performance.now()
  const { messages, last } = yield* publish(node.stream, ring, seconds)
  const caughtUp = yield* until(node, ({ sequence }) => sequence >= last)
  const tookMs = performance.now() - began
  const covered = yield* until(node, ({ checkpoint }) => checkpoint >= last).pipe(
    Effect.timeoutOrElse({ duration: 15_000, orElse: () => Effect.succeed(caughtUp) }),
  )
  const raw = yield* ceiling(node.stream, warm.last + 1, messages, batch)
  // What came after the last checkpoint has to be read again.
  const behind = yield* publish(node.stream, ring, 2)
  yield* until(node, ({ sequence }) => sequence >= behind.last)
  const before = figuresOf(node)!
  yield* node.kill
  const restarting = performance.now()
  const next: Node = yield* startNode(nats)
  const engineMs = performance.now() - restarting
  yield* until(next, ({ sequence }) => sequence >= behind.last)
  const recoveryMs = performance.now() - restarting
  yield* next.kill
  return {
    samplesPerSecond: Math.round((messages * batch * 1_000) / tookMs),
    rawConsumePerSecond: raw,
    checkpoints: covered.checkpoints,
    stateBytes: covered.stateBytes,
    pauseMs: Math.round(covered.pauseMs),
    checkpointMs: Math.round(covered.checkpointMs),
    recoveryMs: Math.round(recoveryMs),
    ofItEngineMs: Math.round(engineMs),
    readAgain: (behind.last - before.checkpoint) * batch,
  } satisfies StreamFigures
})

const percentile = (sorted: ReadonlyArray<number>, share: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10

/** Reads all that is stored before it counts. */
const newcomer: RuleDocument = {
  name: "newcomer",
  trigger: { type: "metric", metric: "metric_0" },
  group_by: ["instance"],
  condition: "mean > 1000.0",
  aggregates: { mean: { function: "avg", window: { type: "sliding", size: "1h" } } },
}

/**
 * 20,000 samples a second, among which twenty messages make an alert fire that did not. `past`: so many messages are stored
 * before, and a rule that depends on them comes when latencies begin to count.
 */
const latency = Effect.fnUntraced(function* (nats: Server, rules: number, seconds: number, past = 0) {
  const perSecond = 20_000
  const batch = 100
  const node: Node = yield* startNode(nats)
  const probe: RuleDocument = {
    name: "probe",
    trigger: { type: "metric", metric: "probe" },
    group_by: ["probe"],
    condition: "value > 0",
  }
  yield* defineRules(node, [probe, ...rulesOf(rules, "windows")])
  const ring = new Ring(rules, 1_000, batch)
  const before = yield* publish(node.stream, ring, 60, past)
  yield* until(node, ({ sequence }) => sequence >= before.last)
  let [filledAfter, asked] = [0, 0]
  const sent = new Map<string, number>()
  const tookMs: Array<number> = []
  const began = performance.now()
  const warmAt = began + warmMs
  yield* node.engine.listen(takenTopic, (body) => {
    const now = performance.now()
    for (const labels of body as ReadonlyArray<{ readonly probe?: string }>) {
      const at = labels.probe === undefined ? undefined : sent.get(labels.probe)
      if (at === undefined) continue
      sent.delete(labels.probe!)
      if (at >= warmAt) tookMs.push(now - at)
    }
  })
  let count = 0
  while (performance.now() - began < seconds * 1_000 + warmMs) {
    const due = Math.floor(((performance.now() - began) / 1_000) * (perSecond / batch))
    for (; count < due; count++) {
      const isProbe = count % 10 === 0
      const name = `p${count}`
      const one: Sample = { name: "probe", labels: { probe: name }, value: 1, at: Date.now() }
      const data = isProbe ? encodeColumns(columnsOf([one])) : ring.next()
      if (isProbe) sent.set(name, performance.now())
      node.stream.appendWith(metricToken(tenant, lane, "bench"), data, () => undefined)
    }
    if (past > 0 && asked === 0 && performance.now() >= warmAt) {
      asked = performance.now()
      const message = { _tag: "RuleChanged", rule: "newcomer", number: 1, version: 1, document: newcomer }
      const data = new TextEncoder().encode(JSON.stringify(message))
      yield* node.stream.append(metricToken(tenant, lane, "rule"), data)
      yield* until(node, ({ filling }) => filling > 0)
    }
    if (asked > 0 && filledAfter === 0 && figuresOf(node)?.filling === 0)
      filledAfter = performance.now() - asked
    yield* Effect.sleep(1)
  }
  if (past > 0) {
    yield* until(node, ({ filling }) => filling === 0)
    if (filledAfter === 0) filledAfter = performance.now() - asked
  }
  const giveUpAt = performance.now() + 10_000
  while (sent.size > 0 && performance.now() < giveUpAt) yield* Effect.sleep(10)
  const { checkpoints = 0, pauseMs = 0 } = figuresOf(node) ?? {}
  yield* node.kill
  const sorted = tookMs.toSorted((one, other) => one - other)
  return {
    alerts: sorted.length,
    missing: sent.size,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    mostMs: percentile(sorted, 1),
    ...(past === 0 ? {} : { filledAfterMs: Math.round(filledAfter), pastSamples: past * batch }),
    checkpoints,
    pauseMs,
  } satisfies StreamFigures
})

/** Each measurement has a server of its own. */
const measured = (body: (nats: Server) => Effect.Effect<StreamFigures, unknown, Scope.Scope>) => () =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(server("default", partitions), body)) as never,
  ) as Promise<StreamFigures>

export const streamed: ReadonlyArray<
  readonly [what: string, figuresOf: (seconds: number) => Promise<StreamFigures>]
> = [
  ...(
    [
      [10, 1_000, 1_000, "thresholds"],
      [1_000, 1_000, 1_000, "windows"],
      [1_000, 1_000, 100, "windows"],
      [10_000, 100_000, 1_000, "thresholds"],
      [1_000, 100_000, 1_000, "windows"],
    ] as const
  ).map(
    ([rules, series, batch, mix]) =>
      [
        `stream, ${mix}: ${rules} rules, ${series} series, batches of ${batch}`,
        (seconds: number) => measured((nats) => throughput(nats, rules, series, batch, mix, seconds))(),
      ] as const,
  ),
  [
    "stream: publish to alert at 20,000 samples/s, 1,000 rules",
    (seconds) => measured((nats) => latency(nats, 1_000, seconds * 2))(),
  ],
  [
    "stream: the same, while a rule is filled with 5,000,000 samples",
    (seconds) => measured((nats) => latency(nats, 1_000, seconds * 2, 50_000))(),
  ],
]

if (import.meta.main) {
  const seconds = Number(process.argv[2] ?? 5)
  const only = process.argv[3]
  for (const [what, figuresOf] of streamed) {
    if (only !== undefined && !what.includes(only)) continue
    const cells = Object.entries(await figuresOf(seconds)).map(
      ([name, value]) => `${name} ${value.toLocaleString("en")}`,
    )
    console.log(`${what.padEnd(64)} ${cells.join(", ")}`)
  }
  process.exit()
}
