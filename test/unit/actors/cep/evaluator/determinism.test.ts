/** The same messages say the same, whoever reads them and however often the state was handed on between. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"

import { makeEvaluator } from "../../../../../actors/cep/make-evaluator.ts"
import { feed, runs } from "./lane-runs.ts"
import { readEvaluator, stateOf } from "./rule-lane.ts"

describe("a lane", () => {
  it("says the same when its state was written and read at any moment, and ends in the same state", () => {
    let said = 0
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 7 }), ({ rules, steps }, every) => {
        const whole = feed(rules, steps, (evaluator) => evaluator)
        const cut = feed(rules, steps, (evaluator, index) =>
          index % every === 0 ? readEvaluator(stateOf(evaluator), { lane: 1 }) : evaluator,
        )
        said += whole.outputs.length
        expect(JSON.stringify(cut.outputs)).toBe(JSON.stringify(whole.outputs))
        expect(cut.state).toEqual(whole.state)
      }),
      { numRuns: 200 },
    )
    expect(said).toBeGreaterThan(100)
  })

  it("says everything under an id of its own, with numbers that grow", () => {
    fc.assert(
      fc.property(runs, ({ rules, steps }) => {
        const last = new Map<string, number>()
        for (const output of feed(rules, steps, (evaluator) => evaluator).outputs) {
          if (output.type === "began") continue
          const [who, number] =
            output.type === "transition"
              ? [output.transition.fingerprint, output.transition.number]
              : [`${output.event.origin?.rule} ${output.event.type}`, output.event.origin?.number ?? 0]
          expect(number).toBeGreaterThan(last.get(who) ?? 0)
          last.set(who, number)
        }
      }),
      { numRuns: 50 },
    )
  })

  it("refuses the state of a release that it does not know, and one that is cut off", () => {
    const state = stateOf(makeEvaluator({ lane: 1 }))
    expect(() => readEvaluator(new Uint8Array([99, ...state.slice(1)]), { lane: 1 })).toThrow("format 99")
    expect(() => readEvaluator(state.slice(0, 5), { lane: 1 })).toThrow(RangeError)
  })
})
