/**
 * A call to an agent that runs elsewhere, in the order that every framework has: credential → circuit breaker → tries.
 * A try is repeated only while nothing of an answer was said and the agent cannot have worked on it. All tries together
 * have the time that the agent's settings give.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { ActivityFailure, TraceContext } from "../../../../engine/index.ts"
import {
  type BreakerOutcome,
  Breakers,
  type EgressService,
  retryDelayMs,
} from "../../../../resources/index.ts"
import type { AnswerCall } from "../../framework.ts"
import { credentialHeaders, endpointOf } from "./address.ts"
import { type Exchange, type ExchangeSettings, makeExchange, type Trouble } from "./exchange.ts"
import { activityFailureOf, RemoteFailure } from "./failure.ts"
import { remoteLimits } from "./limits.ts"

/** What a node learns of the agents that it calls lasts as long as its way out. */
const breakersByEgress = new WeakMap<EgressService, Breakers>()
const breakersOf = (egress: EgressService): Breakers => {
  const known = breakersByEgress.get(egress) ?? new Breakers()
  breakersByEgress.set(egress, known)
  return known
}

const credentialOf = ({ platform, tenant, view }: AnswerCall) =>
  platform.agents.credential(tenant, view.agent).pipe(
    Effect.map((credential) => (credential === undefined ? undefined : Redacted.value(credential))),
    Effect.mapError(
      () =>
        new ActivityFailure({
          code: "CredentialUnavailable",
          detail: "the agent's credential could not be read",
          retryable: true,
        }),
    ),
  )

/** The caller's trace goes on in the agent's service. */
const traceHeaders = Effect.map(Effect.option(Effect.currentSpan), (span) => {
  const traceparent = span._tag === "Some" ? TraceContext.format(span.value) : ""
  return TraceContext.parse(traceparent) === undefined ? {} : { traceparent }
})

const settingsOf = Effect.fnUntraced(function* (
  call: AnswerCall,
): Effect.fn.Return<Omit<ExchangeSettings, "send" | "signal" | "now">, Trouble> {
  const credential = yield* credentialOf(call)
  const trace = yield* traceHeaders
  return yield* Effect.try({
    try: () => ({
      call,
      endpoint: endpointOf(call.view),
      credential,
      secretHeaders: credentialHeaders(call.view, credential),
      headers: { ...trace, "idempotency-key": call.key },
    }),
    catch: (thrown) => thrown as RemoteFailure,
  })
})

const late = (timeoutMs: number) => () =>
  Effect.fail(new RemoteFailure("AgentTimeout", `the agent gave no complete answer in ${timeoutMs} ms`))

/** Whatever walks through a document that is nested by the hundred thousand runs out of stack: the agent's fault, not ours. */
const tooDeep = (defect: unknown) =>
  defect instanceof RangeError
    ? Effect.fail(new RemoteFailure("AgentMalformed", "the agent's answer is nested too deep"))
    : Effect.die(defect)

/** Ends with its connection closed, however it ends. */
const oneTry = <A>(
  settings: Omit<ExchangeSettings, "send" | "signal" | "now">,
  leftMs: number,
  now: number,
  use: (exchange: Exchange) => Effect.Effect<A, Trouble>,
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new AbortController()),
    ({ signal }) => {
      const limits = { totalMs: leftMs, bytesMax: remoteLimits.answerBytesMax }
      const send = settings.call.platform.egress.limited(limits)
      const exchange = makeExchange({ ...settings, send, signal, now: () => now })
      return use(exchange).pipe(Effect.catchDefect(tooDeep))
    },
    (controller) => Effect.sync(() => controller.abort()),
  )

const tries = Effect.fnUntraced(function* <A>(
  call: AnswerCall,
  settings: Omit<ExchangeSettings, "send" | "signal" | "now">,
  use: (exchange: Exchange) => Effect.Effect<A, Trouble>,
): Effect.fn.Return<A, Trouble> {
  const { connection } = call.view
  const { retriesMax = remoteLimits.retriesMax } = connection ?? {}
  const timeoutMs = Math.min(connection?.timeoutMs ?? remoteLimits.timeoutMs, remoteLimits.timeoutMsMax)
  const policy = { ...remoteLimits, attemptsMax: retriesMax + 1 }
  const deadline = (yield* Clock.currentTimeMillis) + timeoutMs
  for (let attempt = 1; ; attempt++) {
    const now = yield* Clock.currentTimeMillis
    const left = Math.max(1, deadline - now)
    let said = () => 0
    const exit = yield* Effect.exit(
      oneTry(settings, left, now, (exchange) => {
        said = exchange.said
        return use(exchange)
      }).pipe(Effect.timeoutOrElse({ duration: left, orElse: late(timeoutMs) })),
    )
    if (Exit.isSuccess(exit)) return exit.value
    const [reason] = exit.cause.reasons
    const failure = reason?._tag === "Fail" ? reason.error : undefined
    const mayRetry = failure?._tag === "RemoteFailure" && failure.more.mayRetry === true && said() === 0
    const pause = mayRetry
      ? retryDelayMs(attempt, failure.more.retryAfterMs, yield* Random.next, policy)
      : undefined
    if (pause === undefined || (yield* Clock.currentTimeMillis) + pause >= deadline)
      return yield* Effect.failCause(exit.cause)
    yield* Effect.sleep(pause)
  }
})

const verdictOf = (exit: Exit.Exit<unknown, Trouble>): BreakerOutcome => {
  if (Exit.isSuccess(exit)) return "success"
  const [reason] = exit.cause.reasons
  return reason?._tag === "Fail" && reason.error._tag === "RemoteFailure" ? reason.error.verdict : "unknown"
}

const seconds = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1_000))

/** Uninterruptible but for the tries: a probe of the breaker that got lost would lock others out. */
const guarded = <A>(call: AnswerCall, use: (exchange: Exchange) => Effect.Effect<A, Trouble>) =>
  Effect.uninterruptibleMask(
    Effect.fnUntraced(function* (restore): Effect.fn.Return<A, Trouble> {
      const settings = yield* restore(settingsOf(call))
      const breakers = breakersOf(call.platform.egress)
      const key = `${call.tenant}/${settings.endpoint.href}`
      const ticket = breakers.enter(key, yield* Clock.currentTimeMillis)
      if ("retryAfterMs" in ticket) {
        const detail = `the agent failed too often and is left alone; ask again in ${seconds(ticket.retryAfterMs)} s`
        return yield* Effect.fail(new RemoteFailure("AgentBreakerOpen", detail))
      }
      const exit = yield* Effect.exit(restore(tries(call, settings, use)))
      breakers.settle(key, ticket, verdictOf(exit), yield* Clock.currentTimeMillis)
      return yield* exit
    }),
  )

/** `use` is run once for each try. What it said stays said, also when it fails afterwards. */
export const remoteCall = <A>(
  call: AnswerCall,
  use: (exchange: Exchange) => Effect.Effect<A, Trouble>,
): Effect.Effect<A, ActivityFailure> =>
  guarded(call, use).pipe(
    Effect.mapError((trouble) => (trouble._tag === "RemoteFailure" ? activityFailureOf(trouble) : trouble)),
    Effect.withSpan(`ask ${call.view.framework} agent`, {
      kind: "client",
      attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.id": call.view.agent },
    }),
  )
