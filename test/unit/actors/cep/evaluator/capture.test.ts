/** A state that is written bit by bit is that of one moment, whatever happens meanwhile. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"

import type { Capture } from "../../../../../actors/cep/evaluator.ts"
import { type LaneEvaluator, readingOf } from "../../../../../actors/cep/make-evaluator.ts"
import { feed, runs } from "./lane-runs.ts"
import { cpuRule, RuleLane, readEvaluator, stateOf, textOfSeries } from "./rule-lane.ts"

/** Groups are in the order of their coming then, and labels in that of the groups. */
const inOrder = (state: Uint8Array) => stateOf(readEvaluator(state, { lane: 1 }))

const finish = (capture: Capture, bytes: number): Uint8Array => {
  while (!capture.step(bytes)) {}
  return Buffer.concat(capture.parts())
}

describe("a state that is written bit by bit", () => {
  it("is that of the moment at which it was begun, whatever comes until it is written", () => {
    let interleaved = 0
    const cuts = fc.record({
      from: fc.integer({ min: 0, max: 30 }),
      every: fc.integer({ min: 1, max: 4 }),
      bytes: fc.constantFrom(1, 200, 1_000),
    })
    fc.assert(
      fc.property(runs, cuts, ({ rules, steps }, { from, every, bytes }) => {
        let capture: Capture | undefined
        let expected: Uint8Array | undefined
        let isWritten = false
        const between = (evaluator: LaneEvaluator, index: number) => {
          if (index === from) {
            expected = stateOf(evaluator)
            capture = evaluator.capture()
          } else if (capture !== undefined && !isWritten && index % every === 0) {
            isWritten = capture.step(bytes)
            interleaved += 1
          }
          if (index === steps.length - 1) while (capture?.step(bytes) === false) {}
          return evaluator
        }
        const whole = feed(rules, steps, (evaluator) => evaluator)
        const captured = feed(rules, steps, between)
        expect(JSON.stringify(captured.outputs)).toBe(JSON.stringify(whole.outputs))
        expect(captured.state).toEqual(whole.state)
        if (capture === undefined || expected === undefined) return
        expect(inOrder(Buffer.concat(capture.parts()))).toEqual(inOrder(expected))
      }),
      { numRuns: 400 },
    )
    expect(interleaved).toBeGreaterThan(400)
  })

  it("has groups that are forgotten, ended or edited before their turn, and none that came later", () => {
    const lane = new RuleLane()
    const grouped = cpuRule({ group_by: ["host"], missing_data: { after: "10s", state: "no_data" } })
    lane.rule("stays", grouped).rule("goes", grouped).rule("edited", grouped)
    for (const host of ["a", "b", "c", "d"]) lane.sample(95, 1, { host })
    const expected = stateOf(lane.evaluator)
    const capture = lane.evaluator.capture()
    lane.sample(50, 2, { host: "d" }).sample(95, 2, { host: "e" })
    lane.rule("goes", undefined, 3).rule("edited", { ...grouped, for: "5s" }, 4)
    lane.tick(60).tick(4_000).tick(8_000).sample(99, 8_001, { host: "a" })
    expect(inOrder(finish(capture, 1))).toEqual(inOrder(expected))
  })

  it("is read bit by bit, too", () => {
    const lane = new RuleLane()
    lane.rule("r", cpuRule({ group_by: ["host"] }))
    for (let host = 0; host < 200; host++) lane.sample(95, 1, { host: String(host) })
    const state = stateOf(lane.evaluator)
    const reading = readingOf(state, { lane: 3 })
    let turns = 1
    let evaluator = reading.step(100)
    for (; evaluator === undefined; evaluator = reading.step(100)) turns += 1
    expect(turns).toBeGreaterThan(50)
    expect(stateOf(evaluator as LaneEvaluator)).toEqual(state)
  })

  it("is given up when another is begun", () => {
    const lane = new RuleLane()
    lane.rule("r", cpuRule({ group_by: ["host"] }))
    for (const host of ["a", "b", "c"]) lane.sample(95, 1, { host })
    const first = lane.evaluator.capture()
    first.step(1)
    const expected = stateOf(lane.evaluator)
    const second = lane.evaluator.capture()
    lane.sample(1, 2, { host: "b" })
    expect(inOrder(finish(second, 10))).toEqual(inOrder(expected))
  })

  it("has events and series that nobody shares, in pieces that need no copying", () => {
    const lane = new RuleLane()
    lane.rule("r", cpuRule({ group_by: ["host"] }))
    const hosts = Array.from({ length: 4_000 }, (_, host) => `host-${"x".repeat(60)}-${host}`)
    lane.evaluator.samples(
      "acme",
      {
        series: hosts.map((host) => textOfSeries("cpu", { host })),
        seriesOf: Uint32Array.from(hosts.keys()),
        values: new Float64Array(hosts.length).fill(95),
        times: new Float64Array(hosts.length).fill(1_700_000_001_000),
      },
      { sequence: 9, at: 1_700_000_001_000 },
    )
    const capture = lane.evaluator.capture()
    const state = finish(capture, 50_000)
    expect(capture.parts().length).toBeGreaterThan(4)
    expect(readEvaluator(state, { lane: 3 }).groups("acme", "r")).toHaveLength(hosts.length)
  })
})
