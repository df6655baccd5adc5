import { describe, expect, it } from "vitest"
import type { Implementation } from "../../engine/index.ts"
import { simulate } from "./conversations/scenario.ts"
import type { Replace } from "./conversations/software.ts"

/** New seeds every day, the same ones all day: a red run can be repeated, and no seed is favoured for ever. */
const day = process.env.SIMULATION_SEED ?? new Date().toISOString().slice(0, 10)
const seeds = 12

describe("conversations and tasks under simulated faults", () => {
  it(`lose no token, double none, and end every turn for seeds ${day}/0 and following`, () => {
    let completed = 0
    for (let index = 0; index < seeds; index++) {
      const report = simulate(`${day}/${index}`)
      expect(report.violations, `npm run simulate -- --of conversations --seed ${report.seed}`).toEqual([])
      completed += report.completed
    }
    expect(completed).toBeGreaterThan(0)
  })

  it("give the same run for the same seed", () => {
    expect(simulate("twice the same")).toEqual(simulate("twice the same"))
  })
})

type Activity = Implementation["activities"][string]
type Settled = NonNullable<Implementation["kind"]["settled"]>[string]

const caught = (replace: Replace): boolean =>
  Array.from({ length: 40 }, (_, index) => index).some(
    (index) => simulate(`canary ${index}`, replace).violations.length > 0,
  )

const sessionWith =
  (change: (implementation: Implementation) => Implementation): Replace =>
  (implementation) =>
    implementation.kind.protocol.kind === "chat-session" ? change(implementation) : implementation

const answeringWith = (change: (answer: Activity) => Activity): Replace =>
  sessionWith(({ kind, activities }) => ({
    kind,
    activities: { ...activities, answer: change(activities.answer!) },
  }))

describe("the checkers of conversations notice", () => {
  it("an answer that does not ask what was said before the crash", () => {
    expect(
      caught(
        answeringWith(
          (answer) => (input, run) => answer(input, { ...run, progressed: 0, attempt: 1, resumed: false }),
        ),
      ),
    ).toBe(true)
  })

  it("an answer that begins anew and does not say so", () => {
    const silently = ({ restart: _, ...piece }: { readonly restart?: string }) => piece
    expect(
      caught(
        answeringWith(
          (answer) => (input, run) =>
            answer(input, { ...run, emit: (piece) => run.emit(silently(piece as object)) }),
        ),
      ),
    ).toBe(true)
  })

  it("an end that is told to the agent twice", () => {
    const twice =
      (settled: Settled): Settled =>
      (state, outcome, context) => {
        const decision = settled(state, outcome, context)
        return "send" in decision ? { ...decision, send: [...decision.send!, ...decision.send!] } : decision
      }
    expect(
      caught(
        sessionWith(({ kind, activities }) => ({
          activities,
          kind: { ...kind, settled: { ...kind.settled, answer: twice(kind.settled!.answer!) } },
        })),
      ),
    ).toBe(true)
  })
})
