/**
 * The circuit breaker of one model at one endpoint, as a pure state machine with the time as its input.
 * I1 Open lets nobody in before `until`. I2 At most one probe is under way. I3 Only a probe's outcome closes it again.
 * I4 What began before the breaker opened changes nothing afterwards. I5 Outcomes that show nothing never open it.
 */

export interface BreakerLimits {
  /** Failures in a row that open it. */
  readonly consecutiveMax: number
  /** Outcomes that a ratio is taken over. */
  readonly windowSize: number
  readonly windowMs: number
  /** Fewer outcomes say nothing. */
  readonly ratioOf: number
  readonly ratioMax: number
  /** The first pause; each failed probe doubles it. */
  readonly openMs: number
  readonly openMsMax: number
}

export const breakerLimits: BreakerLimits = {
  consecutiveMax: 5,
  windowSize: 20,
  windowMs: 60_000,
  ratioOf: 10,
  ratioMax: 0.5,
  openMs: 5_000,
  openMsMax: 120_000,
}

interface Outcomes {
  readonly at: number
  readonly failed: boolean
}

export type Breaker = { readonly generation: number } & (
  | { readonly _tag: "Closed"; readonly outcomes: ReadonlyArray<Outcomes>; readonly consecutive: number }
  | { readonly _tag: "Open"; readonly until: number; readonly pauseMs: number }
  | { readonly _tag: "HalfOpen"; readonly pauseMs: number }
)

/** What a call that was let in gives back with its outcome. */
export interface Ticket {
  readonly generation: number
  readonly probe: boolean
}

/** `unknown`: aborted or never sent. A provider that refuses a bad request is alive: `success`. */
export type Outcome = "success" | "failure" | "unknown"

export const closedBreaker: Breaker = { _tag: "Closed", generation: 0, outcomes: [], consecutive: 0 }

export type Entrance =
  | { readonly breaker: Breaker; readonly ticket: Ticket }
  | { readonly breaker: Breaker; readonly ticket: undefined; readonly retryAfterMs: number }

export const enter = (breaker: Breaker, now: number): Entrance => {
  const { generation } = breaker
  switch (breaker._tag) {
    case "Closed":
      return { breaker, ticket: { generation, probe: false } }
    case "HalfOpen":
      return { breaker, ticket: undefined, retryAfterMs: breaker.pauseMs }
    case "Open": {
      if (now < breaker.until) return { breaker, ticket: undefined, retryAfterMs: breaker.until - now }
      const next = generation + 1
      return {
        breaker: { _tag: "HalfOpen", generation: next, pauseMs: breaker.pauseMs },
        ticket: { generation: next, probe: true },
      }
    }
  }
}

const opened = (breaker: Breaker, pauseMs: number, now: number): Breaker => ({
  _tag: "Open",
  generation: breaker.generation + 1,
  until: now + pauseMs,
  pauseMs,
})

const afterProbe = (
  breaker: Extract<Breaker, { _tag: "HalfOpen" }>,
  outcome: Outcome,
  now: number,
  limits: BreakerLimits,
): Breaker => {
  switch (outcome) {
    case "success":
      return { ...closedBreaker, generation: breaker.generation + 1 }
    case "failure":
      return opened(breaker, Math.min(limits.openMsMax, breaker.pauseMs * 2), now)
    case "unknown":
      // Nothing was learnt: whoever comes next probes, at once.
      return { _tag: "Open", generation: breaker.generation + 1, until: now, pauseMs: breaker.pauseMs }
  }
}

export const settle = (
  breaker: Breaker,
  ticket: Ticket,
  outcome: Outcome,
  now: number,
  limits: BreakerLimits = breakerLimits,
): Breaker => {
  if (ticket.generation !== breaker.generation) return breaker
  if (breaker._tag === "HalfOpen") return ticket.probe ? afterProbe(breaker, outcome, now, limits) : breaker
  if (breaker._tag === "Open" || outcome === "unknown") return breaker
  const failed = outcome === "failure"
  const outcomes = [...breaker.outcomes, { at: now, failed }]
    .filter(({ at }) => at > now - limits.windowMs)
    .slice(-limits.windowSize)
  const consecutive = failed ? breaker.consecutive + 1 : 0
  const failures = outcomes.filter((one) => one.failed).length
  const tooMany =
    consecutive >= limits.consecutiveMax ||
    (outcomes.length >= limits.ratioOf && failures / outcomes.length >= limits.ratioMax)
  return failed && tooMany
    ? opened(breaker, limits.openMs, now)
    : { _tag: "Closed", generation: breaker.generation, outcomes, consecutive }
}
