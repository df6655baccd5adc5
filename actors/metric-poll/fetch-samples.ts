/** Fetches what a rule polls, through the guard of all that goes out, reads it, and stores it. Never fails. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { query } from "json-p3"
import type { ActivityFailure, ActivityRun } from "../../engine/index.ts"
import type { SecretsService } from "../../resources/index.ts"
import { batchSamplesMax, type PollResult, pollUpMetric, type Sample } from "../../schemas/index.ts"
import { PlatformAccess } from "../platform-access.ts"
import { openPollCredential, pollOrigin, sealPollCredential } from "./credential.ts"
import { exposedSamplesMax, readExposition } from "./exposition.ts"
import type { PollInput, PollOutput } from "./metric-poll.ts"

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
  const { samples, badLine, truncated } = readExposition(text, new Set(names), now)
  if (truncated)
    throw new BadAnswer(`the answer has more than ${exposedSamplesMax} samples of ${names.join(", ")}`)
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

type Self = ActivityRun["self"]

/** The credential opened, and sealed again where an older key had sealed it. Without one that opens nothing is asked. */
const opened = (
  secrets: SecretsService,
  { tenant, key: rule }: Self,
  { poll, credential: sealed }: PollInput,
) => {
  const origin = pollOrigin(poll.url)
  if (sealed === undefined || origin === undefined) return {}
  const place = { tenant, rule, origin }
  try {
    const credential = openPollCredential(secrets, place, sealed)
    if (secrets.isCurrent(sealed)) return { credential }
    return { credential, resealed: { before: sealed, after: sealPollCredential(secrets, place, credential) } }
  } catch {
    throw new BadAnswer("the poll's credential cannot be opened; set it again")
  }
}

const headersOf = ({ poll }: PollInput, { credential }: ReturnType<typeof opened>): Headers => {
  const headers = new Headers({ Accept: poll.format === "json" ? "application/json" : "text/plain" })
  for (const [name, value] of Object.entries(poll.headers ?? {})) headers.set(name, value)
  if (credential !== undefined) headers.set(credential.header, credential.value)
  return headers
}

/** That nothing was fetched says nothing; the code of the cause does, and no more than that: ECONNREFUSED, ENOTFOUND. */
const codeOf = (cause: unknown): string | undefined => {
  if (!(cause instanceof Error)) return undefined
  if ("code" in cause && typeof cause.code === "string" && /^[A-Z][A-Z0-9_]{1,60}$/u.test(cause.code))
    return cause.code
  return codeOf(cause instanceof AggregateError ? cause.errors[0] : cause.cause)
}

const detailOf = (failure: Error): string => {
  const code = codeOf(failure.cause)
  return (code === undefined ? failure.message : `${failure.message}: ${code}`).slice(0, 300)
}

const fetched = Effect.fnUntraced(function* (input: PollInput, self: Self, now: number) {
  const { egress, secrets } = yield* (yield* PlatformAccess).platform
  const { poll, timeoutMs } = input
  const access = yield* Effect.try({
    try: () => opened(secrets, self, input),
    catch: (failure) => failure as Error,
  })
  const text = yield* Effect.tryPromise({
    try: async (signal) => {
      const response = await egress.limited({ bytesMax: answerBytesMax, totalMs: timeoutMs })(poll.url, {
        // Who redirects elsewhere gets none of them.
        headers: headersOf(input, access),
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
  const samples = yield* Effect.try({
    try: () => (poll.format === "json" ? fromJson(text, input, now) : fromExposition(text, input, now)),
    catch: (failure) => failure as Error,
  })
  return { samples, ...(access.resealed === undefined ? {} : { resealed: access.resealed }) }
})

export const fetchSamples = Effect.fnUntraced(function* (
  input: PollInput,
  { self }: Pick<ActivityRun, "self">,
): Effect.fn.Return<PollOutput, ActivityFailure, PlatformAccess> {
  const { lanes } = yield* (yield* PlatformAccess).platform
  const at = yield* Clock.currentTimeMillis
  const outcome = yield* Effect.result(fetched(input, self, at))
  const latencyMs = (yield* Clock.currentTimeMillis) - at
  const ok = outcome._tag === "Success"
  const up: Sample = { name: pollUpMetric, labels: { rule: self.key }, value: ok ? 1 : 0, at }
  const { samples, ...sealed } = ok ? outcome.success : { samples: [] }
  const parts = Array.from({ length: Math.ceil(samples.length / batchSamplesMax) }, (_, index) =>
    samples.slice(index * batchSamplesMax, (index + 1) * batchSamplesMax),
  )
  const stored = yield* Effect.result(
    Effect.forEach([...parts, [up]], (part) => lanes.appendSamples(self.tenant, part, ["poll", self.key]), {
      discard: true,
    }),
  )
  const result: PollResult =
    stored._tag === "Failure"
      ? { at, latencyMs, samples: 0, detail: "the metric stream did not take it" }
      : {
          at,
          latencyMs,
          samples: samples.length,
          ...(ok ? {} : { detail: detailOf(outcome.failure) }),
        }
  return { result, ...sealed }
})
