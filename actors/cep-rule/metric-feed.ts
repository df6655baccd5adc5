/**
 * Hands the samples of the metric stream to the rules that want them, message by message, in stream order per rule.
 * Every hand-over carries the message's sequence as its idempotency key, so several nodes may run the feed and it may
 * start again from a position that is a little old: a rule sees each message once.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Engine, type EngineError, KeyValue } from "../../engine/index.ts"
import {
  CepRuleProtocol,
  RuleIndexProtocol,
  type RuleIndexView,
  ruleIndexKey,
  ruleIndexTopic,
  SampleBatch,
} from "../../schemas/index.ts"
import { MetricStream, type StoredEvent } from "../../streams/index.ts"

export interface MetricFeedOptions {
  /** Whose rules see the samples. */
  readonly tenant: string
  /** The index is read again after this time even when nobody said that it changed. */
  readonly refreshMs?: number
  /** How often the position is kept. Must stay well below the time in which a rule forgets idempotency keys. */
  readonly saveEveryMs?: number
}

const retryMs = 500
const defaultRefreshMs = 10_000
const defaultSaveEveryMs = 5_000
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const decodeBatch = Schema.decodeUnknownOption(Schema.fromJsonString(SampleBatch))

/** Until it succeeds or can never succeed. */
const persist = <A, R>(effect: Effect.Effect<A, EngineError, R>) =>
  Effect.retry(effect, { while: ({ kind }) => kind === "retryable", schedule: Schedule.spaced(retryMs) })

const makePosition = Effect.fnUntraced(function* (tenant: string) {
  const store = yield* KeyValue.KeyValue
  const key = `metric-feed/${tenant}`
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

/** Runs until it is interrupted. The first run of a deployment starts with what is measured from now on. */
export const runMetricFeed = Effect.fnUntraced(function* (
  options: MetricFeedOptions,
): Effect.fn.Return<never, never, Engine | KeyValue.KeyValue | MetricStream> {
  const { tenant } = options
  const [engine, stream, position] = [yield* Engine, yield* MetricStream, yield* makePosition(tenant)]
  let rules: RuleIndexView["rules"] = []
  let readAt = Number.NEGATIVE_INFINITY
  let savedAt = 0
  let next: number | undefined

  const refresh = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (now - readAt < (options.refreshMs ?? defaultRefreshMs)) return
    readAt = now
    const index: RuleIndexView = yield* engine.ask(
      RuleIndexProtocol,
      ruleIndexKey,
      { _tag: "Read" as const },
      { tenant },
    )
    rules = index.rules
  }).pipe(
    // What was read before still serves; the next message tries again.
    Effect.catch((error) => Effect.logWarning(`the rule index was not read: ${error.message}`)),
  )

  const handOver = Effect.fnUntraced(function* ({ sequence, data }: StoredEvent) {
    const batch = decodeBatch(decoder.decode(data))
    if (batch._tag === "None") return yield* Effect.logWarning(`metric message ${sequence} is no batch`)
    const given = rules.flatMap(({ rule, metric }) => {
      const samples = batch.value.samples.filter(({ name }) => name === metric)
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
    const reader = yield* stream.tail(">", start)
    for (;;) {
      const events = yield* reader.take
      for (const event of events) {
        yield* refresh
        yield* handOver(event)
        next = event.sequence + 1
      }
      const now = yield* Clock.currentTimeMillis
      if (next === undefined || now - savedAt < (options.saveEveryMs ?? defaultSaveEveryMs)) continue
      savedAt = now
      yield* position.save(next - 1)
    }
  }).pipe(Effect.scoped)

  return yield* Effect.scoped(
    Effect.gen(function* () {
      yield* engine.listen(ruleIndexTopic(tenant), () => {
        readAt = Number.NEGATIVE_INFINITY
      })
      for (;;) {
        yield* Effect.catch(feed, ({ detail }) =>
          Effect.logWarning(`the metric feed starts again: ${detail}`),
        )
        yield* Effect.sleep(retryMs)
      }
    }),
  )
})
