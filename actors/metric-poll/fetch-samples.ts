/** Fetches what a rule polls, through the guard of all that goes out, reads it, and stores it. Never fails. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { query } from "json-p3"
import type { ActivityFailure, ActivityRun } from "../../engine/index.ts"
import { batchSamplesMax, type PollResult, pollUpMetric, type Sample } from "../../schemas/index.ts"
import { PlatformAccess } from "../platform-access.ts"
import { readExposition } from "./exposition.ts"
import type { PollInput } from "./metric-poll.ts"

const answerBytesMax = 4 * 1024 * 1024
/** Nodes of a JSON document that a path may visit the matches of. */
const matchesMax = 100

/** What went wrong, for the rule's author. */
class BadAnswer extends Error {
  override readonly name = "BadAnswer"
}

const numberIn = (value: unknown): number | undefined => {
  if (typeof value === "boolean") return value ? 1 : 0
  if (typeof value === "string" && value.trim() !== "") return Number(value)
  return typeof value === "number" ? value : undefined
}

const fromJson = (text: string, { poll, metric }: PollInput, now: number): ReadonlyArray<Sample> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new BadAnswer("the answer is no JSON")
  }
  const found = query(poll.path ?? "$", value as never)
    .values()
    .slice(0, matchesMax)
  if (found.length === 0) throw new BadAnswer(`the answer has nothing at ${poll.path}`)
  const number = numberIn(found[0])
  if (number === undefined || !Number.isFinite(number))
    throw new BadAnswer(`what the answer has at ${poll.path} is no number`)
  return [{ name: metric, labels: poll.labels ?? {}, value: number, at: now }]
}

const fromExposition = (text: string, { poll, names }: PollInput, now: number): ReadonlyArray<Sample> => {
  const { samples, badLine } = readExposition(text, new Set(names), now)
  if (samples.length === 0) {
    throw new BadAnswer(
      badLine === undefined
        ? `the answer has no sample of ${names.join(", ")}`
        : `line ${badLine} of the answer is not in Prometheus' text format`,
    )
  }
  return poll.labels === undefined
    ? samples
    : samples.map((sample) => ({ ...sample, labels: { ...sample.labels, ...poll.labels } }))
}

const fetched = Effect.fnUntraced(function* (input: PollInput, now: number) {
  const { egress } = yield* (yield* PlatformAccess).platform
  const { poll, timeoutMs } = input
  const text = yield* Effect.tryPromise({
    try: async (signal) => {
      const response = await egress.limited({ bytesMax: answerBytesMax, totalMs: timeoutMs })(poll.url, {
        headers: { Accept: poll.format === "json" ? "application/json" : "text/plain", ...poll.headers },
        signal,
      })
      if (!response.ok) {
        await response.body?.cancel()
        throw new BadAnswer(`the server answered ${response.status}`)
      }
      return await response.text()
    },
    catch: (failure) => failure as Error,
  })
  return yield* Effect.try({
    try: () => (poll.format === "json" ? fromJson(text, input, now) : fromExposition(text, input, now)),
    catch: (failure) => failure as Error,
  })
})

export const fetchSamples = Effect.fnUntraced(function* (
  input: PollInput,
  { self }: Pick<ActivityRun, "self">,
): Effect.fn.Return<PollResult, ActivityFailure, PlatformAccess> {
  const { lanes } = yield* (yield* PlatformAccess).platform
  const at = yield* Clock.currentTimeMillis
  const outcome = yield* Effect.result(fetched(input, at))
  const latencyMs = (yield* Clock.currentTimeMillis) - at
  const ok = outcome._tag === "Success"
  const up: Sample = { name: pollUpMetric, labels: { rule: self.key }, value: ok ? 1 : 0, at }
  const samples = ok ? outcome.success : []
  const parts = Array.from({ length: Math.ceil(samples.length / batchSamplesMax) }, (_, index) =>
    samples.slice(index * batchSamplesMax, (index + 1) * batchSamplesMax),
  )
  const stored = yield* Effect.result(
    Effect.forEach([...parts, [up]], (part) => lanes.appendSamples(self.tenant, part, ["poll", self.key]), {
      discard: true,
    }),
  )
  if (stored._tag === "Failure")
    return { at, latencyMs, samples: 0, detail: "the metric stream did not take it" }
  return {
    at,
    latencyMs,
    samples: samples.length,
    ...(ok ? {} : { detail: outcome.failure.message.slice(0, 300) }),
  }
})
