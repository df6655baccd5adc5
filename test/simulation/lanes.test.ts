import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { Evaluator } from "../../actors/cep/evaluator.ts"
import { forgetful } from "./lanes/desks.ts"
import { evaluators, type Sabotage, simulate } from "./lanes/scenario.ts"

/** New seeds every day, the same ones all day: a red run can be repeated, and no seed is favoured for ever. */
const day = process.env.SIMULATION_SEED ?? new Date().toISOString().slice(0, 10)
const seeds = 25

describe("rules under simulated faults", () => {
  it(`say everything once and nothing else for seeds ${day}/0 and following`, () => {
    const sums = { transitions: 0, matches: 0, derived: 0, moves: 0, crashes: 0, freezes: 0 }
    for (let index = 0; index < seeds; index++) {
      const report = simulate(`${day}/${index}`)
      expect(report.violations, `npm run simulate -- --of lanes --seed ${report.seed}`).toEqual([])
      for (const what of Object.keys(sums) as ReadonlyArray<keyof typeof sums>) sums[what] += report[what]
    }
    for (const [what, count] of Object.entries(sums)) expect(count, what).toBeGreaterThan(0)
  })

  it("give the same run for the same seed", () => {
    expect(simulate("twice the same")).toEqual(simulate("twice the same"))
  })
})

const caught = (sabotage: Sabotage): boolean =>
  Array.from({ length: 40 }, (_, index) => index).some(
    (index) => simulate(`canary ${index}`, sabotage).violations.length > 0,
  )

/** Does not see that an event is one that it had before. */
const gullible = (evaluator: Evaluator): Evaluator => {
  let heard = 0
  const { events } = evaluator
  return Object.assign(evaluator, {
    events: (...[tenant, all, place]: Parameters<Evaluator["events"]>) =>
      events.call(
        evaluator,
        tenant,
        all.map(({ origin: _, ...event }) => ({ ...event, id: `heard ${++heard}` })),
        place,
      ),
  })
}

describe("the checkers of rules notice", () => {
  it("a desk that does not know transitions again", () => {
    expect(caught({ desk: forgetful })).toBe(true)
  })

  it("a lane that stores its checkpoint before desks have what it covers", () => {
    expect(
      caught({
        engineOf: (engine) => ({
          ...engine,
          tell: (...given) => {
            const later = Effect.andThen(Effect.sleep(900), Effect.exit(engine.tell(...given)))
            return Effect.as(Effect.forkDetach(later), undefined as never)
          },
        }),
      }),
    ).toBe(true)
  })

  it("a lane that does not know derived events again", () => {
    const { make, read } = evaluators
    expect(
      caught({
        evaluators: {
          make: (lane) => gullible(make(lane)),
          read: (lane, state) => {
            const reading = read(lane, state)
            return {
              step: (bytes) => {
                const evaluator = reading.step(bytes)
                return evaluator === undefined ? undefined : gullible(evaluator)
              },
            }
          },
        },
      }),
    ).toBe(true)
  })
})
