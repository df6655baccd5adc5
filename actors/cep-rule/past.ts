/**
 * Rules over the past: a tenant's own messages of the stream, or ones that are given, go through the evaluation of a rule,
 * for back-tests here and for explanations. Nothing is sent. Others get their turn every few milliseconds, and it ends at a bound.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type { Unavailable } from "../../engine/index.ts"
import { type Refused, refuse } from "../../resources/index.ts"
import { type CepEvent, LaneMessage, type Problem, type Sample } from "../../schemas/index.ts"
import {
  columnsOf,
  laneOf,
  MetricStream,
  metricsOfTenantInLane,
  SampleDecoder,
  type StoredEvent,
} from "../../streams/index.ts"
import { Backtest, type BacktestResult } from "../cep/replay/backtest.ts"
import type { PastMessage, PastRule } from "../cep/replay/past-run.ts"
import { compileRule } from "../cep/rule/compile-rule.ts"
import type { Program } from "../cep/rule/program.ts"

export const pastLimits = {
  /** Messages of the stream that one run reads. */
  messagesMax: 200_000,
  /** How long one run takes at most. */
  runMs: 20_000,
  /** Runs of this node at one time, and of one tenant among them; one more is refused. */
  runsMax: 2,
  tenantRunsMax: 1,
} as const

/** How often and how long what is quick looks for its turn, instead of being refused. */
const turnEveryMs = 100
const turnMs = 10_000

/** After so long others get their turn, for so long: what they do takes several turns. */
const sliceMs = 8
const restMs = 2
/** Time without messages passes in steps of this length, between which others get their turn. */
const stepMs = 3_600_000
/** A stream that gives nothing for so long has nothing more. */
const quietMs = 1_000
const runs = Semaphore.makeUnsafe(pastLimits.runsMax)
/** Tenants that have a run under way. */
const running = new Set<string>()
const busyTenant = refuse("limit", "CEP_PAST_001", "You have as many back-tests under way as you may have.", {
  limit: "tenantRunsMax",
  max: pastLimits.tenantRunsMax,
  remedy: "try again when the other one is done",
})
const busy = refuse("limit", "CEP_PAST_001", "This node has as many back-tests under way as it may have.", {
  limit: "runsMax",
  max: pastLimits.runsMax,
  remedy: "try again when another one is done",
})

/** Errors: `Refused` when too many are under way. */
export const oneOfFew = <A, E, R>(
  tenant: string,
  run: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | Refused, R> =>
  Effect.suspend(() => {
    if (running.has(tenant)) return Effect.fail(busyTenant)
    running.add(tenant)
    return Semaphore.withPermitsIfAvailable(
      runs,
      1,
    )(run).pipe(
      Effect.flatMap(
        (done): Effect.Effect<A, Refused> =>
          done._tag === "Some" ? Effect.succeed(done.value) : Effect.fail(busy),
      ),
      Effect.ensuring(Effect.sync(() => running.delete(tenant))),
    )
  })

/** Waits a while for its turn where others are under way: for what is over soon. Errors: as those of `run`. */
export const inTurn = <A, E, R>(run: Effect.Effect<A, E | Refused, R>): Effect.Effect<A, E | Refused, R> =>
  Effect.retry(run, {
    while: (error) => error === busy || error === busyTenant,
    schedule: Schedule.spaced(turnEveryMs),
    times: turnMs / turnEveryMs,
  })

/** Gives messages on one after another. False: nothing more is wanted. */
type Give = (messages: ReadonlyArray<PastMessage>) => Effect.Effect<boolean>

export interface Feeding {
  readonly give: Give
  /** Where it was cut off by the bound on time; undefined when it was not. */
  readonly cutAt: () => number | undefined
}

export const feed = Effect.fnUntraced(function* (
  offer: (message: PastMessage) => boolean,
  runMs: number = pastLimits.runMs,
): Effect.fn.Return<Feeding> {
  const clock = yield* Clock.Clock
  const deadline = clock.currentTimeMillisUnsafe() + runMs
  let turnAt = clock.currentTimeMillisUnsafe()
  let last: number | undefined
  let cut: number | undefined

  /** True when the time is over. */
  const pause = Effect.suspend(() => {
    const now = clock.currentTimeMillisUnsafe()
    if (now - turnAt < sliceMs) return Effect.succeed(false)
    return Effect.map(Effect.sleep(restMs), () => {
      turnAt = clock.currentTimeMillisUnsafe()
      return turnAt > deadline
    })
  })
  const offerOne = Effect.fnUntraced(function* (message: PastMessage) {
    const { sequence, at } = message.place
    for (let step = (last ?? at) + stepMs; step < at; step += stepMs) {
      if (!offer({ place: { sequence: sequence - 1, at: step }, events: [] })) return false
      last = step
      if (yield* pause) return cutOff()
    }
    if (!offer(message)) return false
    last = Math.max(last ?? at, at)
    return (yield* pause) ? cutOff() : true
  })
  const cutOff = () => {
    cut = last
    return false
  }
  const give: Give = Effect.fnUntraced(function* (messages) {
    for (const message of messages) if (!(yield* offerOne(message))) return false
    return true
  })
  return { give, cutAt: () => cut }
})

const decodeMessage = Schema.decodeUnknownOption(Schema.fromJsonString(LaneMessage))
const decoder = new TextDecoder()

const messageOf = (samples: SampleDecoder, event: StoredEvent): ReadonlyArray<PastMessage> => {
  const place = { sequence: event.sequence, at: event.storedAt }
  const columns = samples.read(event.data)
  if (columns !== undefined) return [{ place, columns }]
  const message = decodeMessage(decoder.decode(event.data))
  return message._tag === "Some" && message.value._tag === "Events"
    ? [{ place, events: message.value.events }]
    : []
}

export interface Past {
  readonly tenant: string
  /** Of each document that counts in it. */
  readonly programs: ReadonlyArray<Program>
  /** By the time at which messages were stored. */
  readonly from: number
  /** What is given may say that more is wanted. */
  readonly until: () => number
}

/** Where reading ended at a bound; undefined when it came to the end. */
export const readPast = Effect.fnUntraced(function* (
  { tenant, programs, from, until }: Past,
  { give, cutAt }: Feeding,
): Effect.fn.Return<number | undefined, Unavailable, MetricStream> {
  const stream = yield* MetricStream
  const lanes = new Set(
    programs.flatMap(({ inputs }) => inputs.map(({ name }) => laneOf(tenant, name, stream.lanes))),
  )
  const filters = [...new Set([...lanes].flatMap((lane) => metricsOfTenantInLane(tenant, lane)))]
  const { last } = yield* stream.bounds
  const reachMs = Math.max(...programs.map((program) => program.reachMs))
  const samples = new SampleDecoder()
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const tail = yield* stream.tail(filters, { timeMs: Math.max(0, from - reachMs) })
      for (let count = 0; ; ) {
        const events = yield* Effect.timeoutOrElse(tail.take, {
          duration: quietMs,
          orElse: () => Effect.succeed([]),
        })
        const end = events.findIndex(({ sequence, storedAt }) => sequence > last || storedAt > until())
        const wanted = end < 0 ? events : events.slice(0, end)
        if (!(yield* give(wanted.flatMap((event) => messageOf(samples, event))))) return cutAt()
        const newest = events.at(-1)
        if (newest === undefined || end >= 0 || newest.pending === 0) return undefined
        count += wanted.length
        if (count >= pastLimits.messagesMax) return newest.storedAt
      }
    }),
  )
})

/** Gotcha: the document must compile. */
const programOf = (rule: string, { version, document }: Pick<PastRule, "version" | "document">): Program => {
  const compiled = compileRule(rule, version, document)
  if ("program" in compiled) return compiled.program
  throw new Error(compiled.problems.map(({ field, problem }: Problem) => `${field}: ${problem}`).join("; "))
}

export interface Range {
  readonly from: number
  readonly until: number
}

/** Over what the stream still has of the tenant's messages. Errors: `Refused` when too many are under way. */
export const backtestStream = (rule: PastRule, range: Range) =>
  oneOfFew(
    rule.tenant,
    Effect.gen(function* () {
      const test = new Backtest(rule, range)
      const feeding = yield* feed((message) => test.offer(message))
      const cut = yield* readPast(
        {
          from: range.from,
          until: () => range.until,
          tenant: rule.tenant,
          programs: [programOf(rule.rule, rule)],
        },
        feeding,
      )
      return test.finish(cut)
    }),
  )

/** Over messages that are given, by time. Errors: `Refused` when too many are under way. */
export const backtestMessages = (
  rule: PastRule,
  range: Range,
  messages: ReadonlyArray<PastMessage>,
): Effect.Effect<BacktestResult, Refused> =>
  oneOfFew(
    rule.tenant,
    Effect.gen(function* () {
      const test = new Backtest(rule, range)
      const { give, cutAt } = yield* feed((message) => test.offer(message))
      const end: PastMessage = { place: { sequence: messages.length + 1, at: range.until }, events: [] }
      yield* give([...messages, end])
      return test.finish(cutAt())
    }),
  )

/** Samples and events, each stored when it happened. */
export const messagesOf = (
  samples: ReadonlyArray<Sample>,
  events: ReadonlyArray<CepEvent>,
): ReadonlyArray<PastMessage> => {
  const times = [...new Set([...samples, ...events].map(({ at }) => at))].toSorted(
    (one, other) => one - other,
  )
  const samplesAt = Map.groupBy(samples, ({ at }) => at)
  const eventsAt = Map.groupBy(events, ({ at }) => at)
  let sequence = 0
  return times.flatMap((at) => {
    const [measured, happened] = [samplesAt.get(at), eventsAt.get(at)]
    return [
      ...(measured === undefined
        ? []
        : [{ place: { sequence: ++sequence, at }, columns: columnsOf(measured) }]),
      ...(happened === undefined ? [] : [{ place: { sequence: ++sequence, at }, events: happened }]),
    ]
  })
}
