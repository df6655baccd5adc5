/** The laws of the circuit breaker under random histories, and how long a try is waited for. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type Breaker,
  breakerLimits,
  closedBreaker,
  enter,
  type Outcome,
  settle,
  type Ticket,
} from "../../../resources/llm/breaker.ts"
import { retryAfterMs, retryDelayMs } from "../../../resources/llm/retry.ts"

type Step =
  | { readonly type: "enter" }
  | { readonly type: "settle"; readonly which: number; readonly outcome: Outcome }
  | { readonly type: "wait"; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ type: "enter" as const }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("settle" as const),
      which: fc.nat(20),
      outcome: fc.constantFrom<Outcome>("success", "failure", "failure", "failure", "unknown"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.nat(20_000) }) },
)

/** Plays steps and shows each to `look`; several calls are under way at once, and end in any order. */
const play = (
  steps: ReadonlyArray<Step>,
  look: (at: {
    before: Breaker
    after: Breaker
    step: Step
    now: number
    open: ReadonlyArray<Ticket>
    ticket?: Ticket | undefined
  }) => void,
) => {
  let [breaker, now] = [closedBreaker, 0]
  const open: Array<Ticket> = []
  for (const one of steps) {
    const before = breaker
    let ticket: Ticket | undefined
    if (one.type === "wait") now += one.ms
    else if (one.type === "enter") {
      const entrance = enter(breaker, now)
      breaker = entrance.breaker
      ticket = entrance.ticket
      if (ticket !== undefined) open.push(ticket)
    } else if (open.length > 0) {
      ;[ticket] = open.splice(one.which % open.length, 1)
      breaker = settle(breaker, ticket!, one.outcome, now)
    }
    look({ before, after: breaker, step: one, now, open, ticket })
  }
  return { breaker, now, open }
}

const history = fc.array(step, { minLength: 20, maxLength: 400 })
const runs = { numRuns: 500 }

describe("the circuit breaker", () => {
  it("lets nobody in while it is open", () => {
    let wasOpen = 0
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, ({ before, step: one, now, ticket }) => {
          if (one.type !== "enter" || before._tag !== "Open" || now >= before.until) return
          wasOpen++
          expect(ticket).toBeUndefined()
        })
      }),
      runs,
    )
    expect(wasOpen).toBeGreaterThan(100)
  })

  it("has one probe under way at most", () => {
    let probes = 0
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, ({ after, open, ticket, step: one }) => {
          if (one.type === "enter" && ticket?.probe === true) probes++
          const current = open.filter(({ probe, generation }) => probe && generation === after.generation)
          expect(current.length).toBeLessThanOrEqual(1)
          if (after._tag === "HalfOpen") expect(current.length).toBe(1)
        })
      }),
      runs,
    )
    expect(probes).toBeGreaterThan(100)
  })

  it("is closed by nothing but a probe that went well", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, ({ before, after, step: one, ticket }) => {
          if (before._tag === "Closed" || after._tag !== "Closed") return
          expect(one).toMatchObject({ type: "settle", outcome: "success" })
          expect(ticket!.probe).toBe(true)
        })
      }),
      runs,
    )
  })

  it("is opened by failures only, and lets somebody in after its pause", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { breaker, open } = play(steps, ({ before, after, step: one }) => {
          if (before._tag === "Closed" && after._tag === "Open")
            expect(one).toMatchObject({ type: "settle", outcome: "failure" })
          if (after._tag === "Open") expect(after.pauseMs).toBeLessThanOrEqual(breakerLimits.openMsMax)
        })
        const probing = open.some(({ probe, generation }) => probe && generation === breaker.generation)
        if (!probing) expect(enter(breaker, Number.MAX_SAFE_INTEGER).ticket).toBeDefined()
      }),
      runs,
    )
  })

  it("does not listen to calls that began before it opened", () => {
    const late = enter(closedBreaker, 0).ticket!
    let breaker = closedBreaker
    for (let failures = 0; failures < breakerLimits.consecutiveMax; failures++)
      breaker = settle(breaker, enter(breaker, 0).ticket!, "failure", 0)
    expect(breaker._tag).toBe("Open")
    expect(settle(breaker, late, "success", 1)).toBe(breaker)
  })

  it("does not hold against a model that recovered what began before it failed", () => {
    const before = Array.from({ length: breakerLimits.consecutiveMax }, () => enter(closedBreaker, 0).ticket!)
    let breaker = closedBreaker
    for (const ticket of before) breaker = settle(breaker, ticket, "failure", 0)
    const probe = enter(breaker, breakerLimits.openMs)
    const recovered = settle(probe.breaker, probe.ticket!, "success", breakerLimits.openMs)
    expect(recovered._tag).toBe("Closed")
    let later = recovered
    for (const ticket of before) later = settle(later, ticket, "failure", breakerLimits.openMs)
    expect(later).toBe(recovered)
  })

  it("opens when half of many calls fail, though never many in a row", () => {
    let breaker = closedBreaker
    for (let call = 0; call < breakerLimits.ratioOf; call++)
      breaker = settle(breaker, enter(breaker, 0).ticket!, call % 2 === 0 ? "success" : "failure", 0)
    expect(breaker._tag).toBe("Open")
  })
})

describe("a retry", () => {
  const asked = (value: string) => retryAfterMs(new Headers({ "retry-after": value }), Date.UTC(2026, 0, 1))

  it("understands Retry-After in seconds and as a date, and nothing else", () => {
    expect(asked("3")).toBe(3_000)
    expect(asked("Thu, 01 Jan 2026 00:00:30 GMT")).toBe(30_000)
    expect(asked("Wed, 31 Dec 2025 00:00:00 GMT")).toBe(0)
    expect(asked("soon")).toBeUndefined()
    expect(asked("999999999999")).toBe(86_400_000)
    expect(retryAfterMs(new Headers(), 0)).toBeUndefined()
  })

  it("waits at least as long as it was asked to, never longer than its bound, and not for ever", () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.option(fc.nat(20_000), { nil: undefined }),
        random,
        (attempt, asked, chance) => {
          const delay = retryDelayMs(attempt, asked, chance)
          if (attempt >= 3 || (asked ?? 0) > 10_000) {
            expect(delay).toBeUndefined()
            return
          }
          expect(delay).toBeGreaterThanOrEqual(asked ?? 0)
          expect(delay).toBeLessThanOrEqual((asked ?? 8_000) + 250)
        },
      ),
    )
  })
})
