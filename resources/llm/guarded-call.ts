/**
 * One call to one model, in the order that every surface has: budget → rate → circuit breaker → tries. Whatever ends it,
 * an answer, a failure or the caller, it is settled with the breaker and written into the ledger exactly once; a try that
 * timed out before another took over is an entry besides.
 */
import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import type { CallableModel } from "../llm-models/model.ts"
import { Refused } from "../refusal.ts"
import { tryModel } from "./attempts.ts"
import type { Outcome } from "./breaker.ts"
import type { LlmCaller, Usage } from "./call.ts"
import { toUpstreamFailure, type UpstreamFailure } from "./failure.ts"
import type { CallStatus, LedgerEntry } from "./ledger.ts"
import { llmLimits } from "./limits.ts"
import type { LlmParts } from "./parts.ts"
import { Progress } from "./progress.ts"
import { upstreamOf } from "./upstream-of.ts"
import type { Work } from "./work.ts"

/** Why a model gave no answer, and whether another one may. */
export class NoAnswer {
  readonly _tag = "NoAnswer"
  readonly failure: UpstreamFailure | Refused
  readonly mayFallBack: boolean
  readonly started: boolean
  constructor(failure: UpstreamFailure | Refused, mayFallBack: boolean, started = false) {
    this.failure = failure
    this.mayFallBack = mayFallBack
    this.started = started
  }
}

const windowMs = 60_000

const limited = (
  reason: "limit" | "unavailable",
  code: string,
  text: string,
  model: string,
  retryAfterMs: number,
  more: Record<string, unknown> = {},
) =>
  new Refused({
    reason,
    code,
    text,
    details: { model, ...more },
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1_000)),
  })

const checkRate = Effect.fnUntraced(function* (
  { rates }: LlmParts,
  { tenant, userId, user }: LlmCaller,
  { model }: CallableModel,
) {
  const policy = { limit: model.rate_per_minute ?? llmLimits.callsPerMinute, windowMs }
  const identity = `${tenant}/${model.id}/${userId || user}`
  const decision = yield* rates.take({ rateClass: "llm-model", identity, policy, cost: 1 })
  if (decision.allowed) return
  const text = "You call this model too often; slow down."
  return yield* limited("limit", "LLM_RATE_001", text, model.name, decision.resetMs, {
    limit: policy.limit,
    window_seconds: windowMs / 1_000,
  })
})

/** What callers and our settings do wrong, the provider answered: it is alive. */
const outcomeOf = (exit: Exit.Exit<unknown, UpstreamFailure>): Outcome => {
  if (Exit.isSuccess(exit)) return "success"
  const [reason] = exit.cause.reasons
  if (reason?._tag !== "Fail") return "unknown"
  if (reason.error.tripsBreaker) return "failure"
  return reason.error.more.status === undefined ? "unknown" : "success"
}

const statusOf = (exit: Exit.Exit<unknown, unknown>): CallStatus => {
  if (Exit.isSuccess(exit)) return "ok"
  return exit.cause.reasons.some(({ _tag }) => _tag === "Interrupt") ? "aborted" : "failed"
}

/** A request that a provider refused costs nothing; one whose fate is unknown is counted as read. */
const usageOf = (
  work: Work<unknown>,
  progress: Progress,
  exit: Exit.Exit<unknown, UpstreamFailure>,
): Usage => {
  const usage = progress.usage(work.input)
  if (Exit.isSuccess(exit) || progress.started || !usage.estimated) return usage
  const [reason] = exit.cause.reasons
  const unknown = reason?._tag !== "Fail" || reason.error.fateUnknown
  return progress.sent && unknown ? usage : { input: 0, output: 0, estimated: false }
}

export interface Given<A> {
  readonly value: A
  readonly usage: Usage
}

export interface GuardedCall<A> {
  readonly caller: LlmCaller
  readonly callable: CallableModel
  readonly work: Work<A>
  /** The model that should have answered. */
  readonly fallbackOf: string | undefined
}

const entryOf = (
  { caller, callable, work, fallbackOf }: GuardedCall<unknown>,
  more: Pick<LedgerEntry, "id" | "at" | "status" | "duration_ms">,
  usage: Usage,
): LedgerEntry => ({
  ...more,
  tenant: caller.tenant,
  user_id: caller.userId,
  user_name: caller.user,
  model_id: callable.model.id,
  model_name: callable.model.name,
  agent: caller.agent ?? "",
  operation: work.operation,
  tokens_in: usage.input,
  tokens_out: usage.output,
  price_in: callable.price?.input_per_million ?? 0,
  price_out: callable.price?.output_per_million ?? 0,
  currency: callable.price?.currency ?? "",
  estimated: usage.estimated,
  trace_id: caller.traceId ?? null,
  fallback_of: fallbackOf ?? null,
})

const reservationOf = ({ caller, callable, work }: GuardedCall<unknown>, id: string, now: number) => ({
  id,
  tenant: caller.tenant,
  userId: caller.userId,
  modelId: callable.model.id,
  tokens: work.input + work.outputMax,
  cost:
    (work.input * (callable.price?.input_per_million ?? 0) +
      work.outputMax * (callable.price?.output_per_million ?? 0)) /
    1_000_000,
  currency: callable.price?.currency ?? "",
  now,
  // Twice the time that the call may take: a node that died gives back what it held.
  holdMs: 2 * callable.model.time_out_ms,
})

const describe = ({ callable, work }: GuardedCall<unknown>, usage: Usage) =>
  Effect.annotateCurrentSpan({
    "gen_ai.operation.name": work.operation,
    "gen_ai.provider.name": callable.model.provider.toLowerCase(),
    "gen_ai.request.model": callable.model.model_name,
    "gen_ai.usage.input_tokens": usage.input,
    "gen_ai.usage.output_tokens": usage.output,
    "millrace.llm.estimated": usage.estimated,
  })

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** The tries themselves, which alone may be interrupted. */
const trying = <A>(parts: LlmParts, { callable, work }: GuardedCall<A>, progress: Progress) =>
  Effect.suspend(() => {
    const { model, apiKey } = callable
    const upstream = upstreamOf(parts.egress, model, apiKey)
    return tryModel(work, upstream, progress, model.time_out_ms, parts.limits)
  }).pipe(Effect.catchDefect((defect) => Effect.fail(toUpstreamFailure(defect))))

/** Tries that timed out before another one took over have entries of their own. */
const recordLost = (parts: LlmParts, call: GuardedCall<unknown>, { lost }: Progress) =>
  Effect.forEach(
    lost,
    ({ at, durationMs, usage }) =>
      parts.usage.record(
        entryOf(
          call,
          {
            id: randomUUID(),
            at: new Date(at).toISOString(),
            status: "failed",
            duration_ms: Math.round(durationMs),
          },
          usage,
        ),
      ),
    { discard: true },
  )

/** Sends, and settles whatever happens. The reservation `id` becomes the ledger's entry. */
const sendAndSettle = Effect.fnUntraced(function* <A>(
  parts: LlmParts,
  call: GuardedCall<A>,
  id: string,
  restore: Restore,
): Effect.fn.Return<Given<A>, NoAnswer> {
  const { caller, callable, work } = call
  const { model } = callable
  const key = `${model.tenant}/${model.id}/${model.endpoint}`
  const startedAt = yield* Clock.currentTimeMillis
  const ticket = parts.breakers.enter(key, startedAt)
  if ("retryAfterMs" in ticket) {
    yield* parts.usage.release(caller.tenant, id)
    const text = "The model failed too often and is left alone for a while."
    const refused = limited("unavailable", "LLM_CALL_006", text, model.name, ticket.retryAfterMs)
    return yield* Effect.fail(new NoAnswer(refused, true))
  }
  const progress = new Progress()
  const exit = yield* Effect.exit(restore(trying(parts, call, progress)))
  const now = yield* Clock.currentTimeMillis
  parts.breakers.settle(key, ticket, outcomeOf(exit), now)
  const usage = usageOf(work, progress, exit)
  yield* describe(call, usage)
  const at = new Date(startedAt).toISOString()
  const more = { id, at, status: statusOf(exit), duration_ms: Math.round(now - startedAt) }
  yield* parts.usage.record(entryOf(call, more, usage))
  yield* recordLost(parts, call, progress)
  if (Exit.isSuccess(exit)) return { value: exit.value, usage }
  const [reason] = exit.cause.reasons
  if (reason?._tag === "Fail") yield* parts.onFailure(caller.tenant, model, reason.error)
  const { started } = progress
  return yield* Effect.mapError(
    Effect.failCause(exit.cause),
    (failure) => new NoAnswer(failure, failure.kind !== "caller" && !started, started),
  )
})

/**
 * Errors: `NoAnswer`, with a `Refused` for budget and rate. Uninterruptible but for waiting and the tries: a reservation
 * or a probe of the breaker that got lost would lock others out.
 */
export const guardedCall = <A>(
  parts: LlmParts,
  call: GuardedCall<A>,
): Effect.Effect<Given<A>, NoAnswer | SqlError> =>
  Effect.uninterruptibleMask(
    Effect.fnUntraced(function* (restore): Effect.fn.Return<Given<A>, NoAnswer | SqlError> {
      const id = randomUUID()
      const now = yield* Clock.currentTimeMillis
      const stop = (refused: Refused) => Effect.fail(new NoAnswer(refused, false))
      yield* Effect.catchTag(parts.usage.reserve(reservationOf(call, id, now)), "Refused", stop)
      yield* restore(checkRate(parts, call.caller, call.callable)).pipe(
        Effect.onError(() => parts.usage.release(call.caller.tenant, id)),
        Effect.catchTag("Refused", stop),
      )
      return yield* sendAndSettle(parts, call, id, restore)
    }),
  ).pipe(
    Effect.withSpan(`${call.work.operation} ${call.callable.model.model_name}`, {
      kind: "client",
      attributes: { "millrace.llm.model": call.callable.model.name },
    }),
  )
