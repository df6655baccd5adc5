/**
 * One identity in one window, as one node knows it. The shared counter says how many grants all nodes have taken
 * together; `held` are those of them that this node has not given out yet.
 *
 * I1  Without `alone` grants, what all nodes give out is never more than the shared counter, and that never more than
 *     the limit: a grant is given out only after the counter was advanced for it.
 * I2  What is known of the counter only grows within a window, so that "nothing left" is final.
 */
import type { RateDecision, RatePolicy } from "./policy.ts"

export interface Waiter {
  readonly cost: number
  readonly settle: (decision: RateDecision) => void
  /** Nobody waits for the answer any more. */
  gone: boolean
}

export class Window {
  /** The key of the shared counter. */
  readonly key: string
  readonly policy: RatePolicy
  readonly endsAt: number
  readonly waiting: Array<Waiter> = []
  /** The counter as last seen, and its revision there; 0: it was never seen. */
  count = 0
  revision = 0
  held = 0
  /** Given out without the counter, to be added to it. */
  alone = 0
  exchanging = false

  constructor(key: string, policy: RatePolicy, endsAt: number) {
    this.key = key
    this.policy = policy
    this.endsAt = endsAt
  }

  get left(): number {
    return Math.max(0, this.policy.limit - this.count - this.alone)
  }

  /** From what is held, without asking anybody; undefined: only the counter can tell. */
  decide(cost: number, now: number): RateDecision | undefined {
    if (this.held >= cost) {
      this.held -= cost
      return this.#decision(true, now)
    }
    return this.held + this.left < cost ? this.#decision(false, now) : undefined
  }

  /** As `decide`, but what is not held is given out nevertheless while the limit allows. */
  decideAlone(cost: number, now: number): RateDecision {
    const decided = this.decide(cost, now)
    if (decided !== undefined) return decided
    this.alone += cost - this.held
    this.held = 0
    return this.#decision(true, now)
  }

  refuse(now: number): RateDecision {
    return this.#decision(false, now)
  }

  #decision(allowed: boolean, now: number): RateDecision {
    return {
      allowed,
      limit: this.policy.limit,
      remaining: this.held + this.left,
      resetMs: Math.max(0, this.endsAt - now),
    }
  }

  /** How far the counter is to be advanced for those who wait, and what that makes it. */
  wanted(blockOf: (remaining: number) => number): { readonly taken: number; readonly count: number } {
    const missing = this.waiting.reduce((sum, { cost, gone }) => sum + (gone ? 0 : cost), 0) - this.held
    const taken = Math.min(this.left, Math.max(missing, blockOf(this.left)))
    return { taken, count: this.count + this.alone + taken }
  }

  advanced(taken: number, count: number, alone: number, revision: number): void {
    this.count = count
    this.revision = revision
    this.held += taken
    this.alone -= alone
  }

  /** A counter that the server has lost is made anew from what is known here. */
  seen(count: number, revision: number): void {
    this.count = Math.max(this.count, count)
    this.revision = revision
  }
}
