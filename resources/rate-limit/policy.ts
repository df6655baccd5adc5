/** What a rate limit is, and what asking for a grant under it answers. */

/** So many requests in each window; windows are aligned to the clock. */
export interface RatePolicy {
  readonly limit: number
  /** At most `rateLimitBounds.windowMsMax`. */
  readonly windowMs: number
}

export interface RateDecision {
  readonly allowed: boolean
  readonly limit: number
  /** Grants left in the window when this node last looked; other nodes may have taken some since. */
  readonly remaining: number
  /** Until the window ends. */
  readonly resetMs: number
}

/** What one node is asked under; `cost` is a whole number from 1 to the policy's limit. */
export interface RateQuestion {
  /** Identities of different classes do not share a count. */
  readonly rateClass: string
  readonly identity: string
  readonly policy: RatePolicy
  readonly cost: number
}
