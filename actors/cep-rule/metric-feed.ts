/**
 * Hands the samples of the metric stream to the rules that want them, message by message, in stream order per rule. A
 * message goes to rules of its own tenant only.
 * Every hand-over carries the message's sequence as its idempotency key, so several nodes may run the feed and it may
 * start again from a position that is a little old: a rule sees each message once.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { Engine, type EngineError, KeyValue } from "../../engine/index.ts"
import { CepRuleProtocol } from "../../schemas/index.ts"
import {
  MetricStream,
  metricsOfAll,
  SampleDecoder,
  type StoredEvent,
  samplesOfColumns,
  tenantOfMetric,
} from "../../streams/index.ts"
import { makeWantedRules } from "./wanted-rules.ts"

export interface MetricFeedOptions {
  /** A tenant's index is read again after this time even when nobody said that it changed. */
  readonly refreshMs?: number
  /** How often the position is kept. Must stay well below the time in which a rule forgets idempotency keys. */
  readonly saveEveryMs?: number
}

const retryMs = 500
const defaultRefreshMs = 10_000
const defaultSaveEveryMs = 5_000
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Until it succeeds or can never succeed. */
const persist = <A, R>(effect: Effect.Effect<A, EngineError, R>) =>
  Effect.retry(effect, { while: ({ kind }) => kind === "retryable", schedule: Schedule.spaced(retryMs) })

const key = "metric-feed"

const makePosition = Effect.fnUntraced(function* () {
  const store = yield* KeyValue.KeyValue
  const load = Effect.map(store.getMany([key]), ([stored]) => ({
    revision: stored?.revision ?? 0,
    sequence: stored === undefined ? undefined : Number(decoder.decode(stored.value)),
  }))
  /** Another node may be ahead: its position then stays. A lost write only makes the next start older. */
  const save = (sequence: number) =>
    load.pipe(
      Effect.flatMap((stored) =>
        (stored.sequence ?? 0) >= sequence
          ? Effect.void
          : store.putMany([
              { key, value: encoder.encode(String(sequence)), expectedRevision: stored.revision },
            ]),
      ),
      Effect.ignore,
    )
  return { load, save }
})

const run = Effect.fnUntraced(function* (
  options: MetricFeedOptions,
): Effect.fn.Return<never, never, Engine | KeyValue.KeyValue | MetricStream | Scope.Scope> {
  const [engine, stream, position] = [yield* Engine, yield* MetricStream, yield* makePosition()]
  const rulesOf = yield* makeWantedRules(engine, options.refreshMs ?? defaultRefreshMs)
  const samplesIn = new SampleDecoder()
  let savedAt = 0
  let next: number | undefined

  const handOver = Effect.fnUntraced(function* ({ token, sequence, data }: StoredEvent) {
    const tenant = tenantOfMetric(token)
    if (tenant === undefined) return
    const rules = yield* rulesOf(tenant)
    if (rules.length === 0) return
    const columns = samplesIn.read(data)
    if (columns === undefined) return
    const batch = samplesOfColumns(columns)
    const given = rules.flatMap(({ rule, metric }) => {
      const samples = batch.filter(({ name }) => name === metric)
      return samples.length === 0 ? [] : [{ rule, samples }]
    })
    yield* Effect.forEach(
      given,
      ({ rule, samples }) =>
        persist(
          engine.tell(
            CepRuleProtocol,
            rule,
            { _tag: "Observe", samples },
            {
              tenant,
              idempotencyKey: `metric:${sequence}`,
            },
          ),
        ).pipe(Effect.catch((error) => Effect.logError(`rule ${rule} missed ${sequence}: ${error.message}`))),
      { concurrency: 64, discard: true },
    )
  })

  const feed = Effect.gen(function* () {
    const stored = yield* position.load
    const from = next ?? (stored.sequence === undefined ? undefined : stored.sequence + 1)
    const start = from === undefined ? { timeMs: yield* Clock.currentTimeMillis } : { sequence: from }
    const reader = yield* stream.tail(metricsOfAll, start)
    for (;;) {
      const events = yield* reader.take
      for (const event of events) {
        yield* handOver(event)
        next = event.sequence + 1
      }
      const now = yield* Clock.currentTimeMillis
      if (next === undefined || now - savedAt < (options.saveEveryMs ?? defaultSaveEveryMs)) continue
      savedAt = now
      yield* position.save(next - 1)
    }
  }).pipe(Effect.scoped)

  for (;;) {
    yield* Effect.catch(feed, ({ detail }) => Effect.logWarning(`the metric feed starts again: ${detail}`))
    yield* Effect.sleep(retryMs)
  }
})

/** Runs until it is interrupted. The first run of a deployment starts with what is measured from now on. */
export const runMetricFeed = (
  options: MetricFeedOptions = {},
): Effect.Effect<never, never, Engine | KeyValue.KeyValue | MetricStream> => Effect.scoped(run(options))
