/**
 * Rate limits that are exact across nodes: all nodes together never grant more than a policy's limit in a window, and
 * exactly that many as long as requests go on coming at every node. A node takes grants in blocks from a counter under
 * compare-and-set, so that most requests are decided without a round trip. Never refuses because the store is away: then
 * each node counts on alone from what it knew, which the figures and a log line tell.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { KeyValue } from "../../engine/index.ts"
import { LimitCounters } from "../../streams/index.ts"
import { blockOf, rateLimitBounds } from "./bounds.ts"
import { exchange } from "./exchange.ts"
import type { RateDecision, RatePolicy, RateQuestion } from "./policy.ts"
import { type Waiter, Window } from "./window.ts"

/** Counts since the node started, and what it keeps now. */
export interface RateLimitFigures {
  readonly granted: number
  readonly refused: number
  /** Grants given without the shared counter, because the store was away. */
  readonly alone: number
  readonly exchanges: number
  readonly conflicts: number
  readonly failures: number
  readonly identities: number
}

interface RateLimitsShape {
  /** The decision when this node can make it by itself, as it mostly can; costs one look-up. */
  readonly takeHeld: (question: RateQuestion) => RateDecision | undefined
  /** The decision. Interrupted before it is there, nothing is taken. */
  readonly take: (question: RateQuestion) => Effect.Effect<RateDecision>
  /** The refusal, when this node knows that nothing is left. Takes nothing and is not counted. */
  readonly exhausted: (question: RateQuestion) => RateDecision | undefined
  readonly figures: () => RateLimitFigures
}

export class RateLimits extends Context.Service<RateLimits, RateLimitsShape>()(
  "millrace/resources/RateLimits",
) {
  static readonly layer: Layer.Layer<RateLimits, never, LimitCounters> = Layer.effect(
    RateLimits,
    Effect.flatMap(LimitCounters, (store) => makeRateLimits({ store })),
  )
}

export interface RateLimitOptions {
  readonly store: KeyValue.KeyValueStore
  /** Milliseconds since the epoch. Nodes whose clocks differ count in the windows that they believe in. */
  readonly now?: () => number
  readonly identitiesMax?: number
}

const check = ({ limit, windowMs }: RatePolicy, cost: number): void => {
  const whole = [limit, windowMs, cost].every((value) => Number.isSafeInteger(value) && value > 0)
  if (!whole || windowMs > rateLimitBounds.windowMsMax)
    throw new RangeError(
      `limit, windowMs and cost are whole numbers above 0, and windowMs at most ${rateLimitBounds.windowMsMax}; got ${limit}, ${windowMs}, ${cost}`,
    )
}

class Limiter {
  readonly figures = { granted: 0, refused: 0, alone: 0, exchanges: 0, conflicts: 0, failures: 0 }
  readonly windows = new Map<string, Window>()
  readonly #store: KeyValue.KeyValueStore
  readonly now: () => number
  readonly #identitiesMax: number
  #waiting = 0
  #aloneUntil = 0
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor({ store, now = Date.now, identitiesMax = rateLimitBounds.identitiesMax }: RateLimitOptions) {
    this.#store = store
    this.now = now
    this.#identitiesMax = identitiesMax
  }

  windowOf({ rateClass, identity, policy, cost }: RateQuestion, now: number): Window {
    const name = `${rateClass} ${identity}`
    const found = this.windows.get(name)
    if (found !== undefined && found.endsAt > now && found.endsAt - found.policy.windowMs <= now) {
      const { limit, windowMs } = found.policy
      if (found.policy === policy || (limit === policy.limit && windowMs === policy.windowMs)) return found
    }
    check(policy, cost)
    const number = Math.floor(now / policy.windowMs)
    const key = `${rateClass}/${policy.windowMs}/${number}/${identity}`
    const window = new Window(key, policy, (number + 1) * policy.windowMs)
    this.#keep(name, window)
    return window
  }

  /** Grants that go with a forgotten window are lost to it: less than the limit, never more. */
  #keep(name: string, window: Window): void {
    this.windows.delete(name)
    if (this.windows.size >= this.#identitiesMax) {
      const oldest = this.windows.keys().next().value
      if (oldest !== undefined) this.windows.delete(oldest)
    }
    this.windows.set(name, window)
  }

  counted(decision: RateDecision): RateDecision {
    if (decision.allowed) this.figures.granted += 1
    else this.figures.refused += 1
    return decision
  }

  takeHeld(question: RateQuestion): RateDecision | undefined {
    const now = this.now()
    const window = this.windowOf(question, now)
    // Those who came first are served first.
    if (window.waiting.length > 0) return undefined
    const isAlone = now < this.#aloneUntil
    const decided = isAlone ? this.#alone(window, question.cost, now) : window.decide(question.cost, now)
    return decided === undefined ? undefined : this.counted(decided)
  }

  /** The question's window when it is time to take its next block, so that nobody has to wait for it. */
  runsLow({ rateClass, identity }: RateQuestion): Window | undefined {
    const window = this.windows.get(`${rateClass} ${identity}`)
    if (window === undefined || window.exchanging || this.now() < this.#aloneUntil) return undefined
    const block = blockOf(window.left)
    if (block < rateLimitBounds.aheadBlockMin || window.held > block / 4) return undefined
    window.exchanging = true
    return window
  }

  exhausted({ rateClass, identity, cost }: RateQuestion): RateDecision | undefined {
    const now = this.now()
    const window = this.windows.get(`${rateClass} ${identity}`)
    if (window === undefined || window.endsAt <= now || window.held + window.left >= cost) return undefined
    return window.refuse(now)
  }

  #alone(window: Window, cost: number, now: number): RateDecision {
    const before = window.alone
    const decided = window.decideAlone(cost, now)
    this.figures.alone += window.alone - before
    return decided
  }

  /** Gives the window when somebody has to `serve` it. */
  wait(question: RateQuestion, waiter: Waiter): Window | undefined {
    const now = this.now()
    const window = this.windowOf(question, now)
    if (this.#waiting >= rateLimitBounds.waitingMax) {
      waiter.settle(this.counted(window.refuse(now)))
      return undefined
    }
    this.#waiting += 1
    window.waiting.push(waiter)
    if (window.exchanging) return undefined
    window.exchanging = true
    this.#keep(`${question.rateClass} ${question.identity}`, window)
    return window
  }

  /** One exchange at a time for a window: the next one takes what gathered meanwhile. `ahead`: one though nobody waits. */
  readonly serve = Effect.fnUntraced(function* (this: Limiter, window: Window, ahead = false) {
    let isFirst = ahead
    while (isFirst || this.#settle(window) > 0) {
      isFirst = false
      const asked = window.waiting.length
      this.figures.exchanges += 1
      const result = yield* exchange(this.#store, window, () => {
        this.figures.conflicts += 1
      }).pipe(Effect.catch((failure) => Effect.as(this.#failed(failure.detail), "alone" as const)))
      if (result === "alone") this.#answer(window, asked, (cost, now) => this.#alone(window, cost, now))
      if (result === "contended") this.#answer(window, asked, (_, now) => window.refuse(now))
    }
    window.exchanging = false
  })

  /** Answers whom it can; gives how many still wait. After an exchange that got through, all who had asked are answered. */
  #settle(window: Window): number {
    this.#answer(window, window.waiting.length, (cost, now) => window.decide(cost, now))
    return window.waiting.length
  }

  #answer(
    window: Window,
    asked: number,
    decide: (cost: number, now: number) => RateDecision | undefined,
  ): void {
    const now = this.now()
    const served = window.waiting.splice(0, asked)
    for (const [index, { cost, settle, gone }] of served.entries()) {
      const decided = gone ? undefined : decide(cost, now)
      if (!gone && decided === undefined) {
        window.waiting.unshift(...served.slice(index))
        return
      }
      this.#waiting -= 1
      if (decided !== undefined) settle(this.counted(decided))
    }
  }

  #failed(detail: string) {
    const now = this.now()
    this.figures.failures += 1
    this.#aloneUntil = now + rateLimitBounds.aloneMs
    if (now - this.#warnedAt < rateLimitBounds.warnEveryMs) return Effect.void
    this.#warnedAt = now
    return Effect.logWarning(`rate limits are counted by this node alone until the store answers: ${detail}`)
  }
}

/** The limiter over any store with compare-and-set; what it has under way ends with the scope. */
export const makeRateLimits = Effect.fnUntraced(function* (
  options: RateLimitOptions,
): Effect.fn.Return<RateLimitsShape, never, Scope.Scope> {
  const limiter = new Limiter(options)
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  const wait = (question: RateQuestion) =>
    Effect.callback<RateDecision>((resume) => {
      const settle = (decision: RateDecision) => resume(Effect.succeed(decision))
      const waiter: Waiter = { cost: question.cost, settle, gone: false }
      const window = limiter.wait(question, waiter)
      if (window !== undefined) fork(limiter.serve(window))
      return Effect.sync(() => {
        waiter.gone = true
      })
    })
  const takeHeld = (question: RateQuestion) => {
    const decided = limiter.takeHeld(question)
    const low = decided?.allowed === true ? limiter.runsLow(question) : undefined
    if (low !== undefined) fork(limiter.serve(low, true))
    return decided
  }
  return {
    takeHeld,
    take: (question) =>
      Effect.suspend(() => {
        const held = takeHeld(question)
        return held === undefined ? wait(question) : Effect.succeed(held)
      }),
    exhausted: (question) => limiter.exhausted(question),
    figures: () => ({ ...limiter.figures, identities: limiter.windows.size }),
  }
})
