/** The past of rules, read from a stream whose servers do not all hold everything yet. */
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import type { Evaluator } from "../../../../actors/cep/evaluator.ts"
import { Fill } from "../../../../actors/cep/lane/history.ts"
import { laneDefaults } from "../../../../actors/cep/lane/limits.ts"
import {
  appendSamples,
  type EventFilter,
  type EventStart,
  type MetricStreamService,
  metricToken,
  ruleSource,
} from "../../../../streams/index.ts"
import { fakeEvaluators } from "../../../support/fake-evaluator.ts"
import { lanesInWorld } from "../../../support/lanes.ts"
import { makeMemoryEventStream } from "../../../support/memory-event-stream.ts"
import { change, laneNumber, one, rule, sample, tenant } from "./small-lanes.ts"

const lane = laneNumber(one)
const message = new TextEncoder().encode('{"_tag":"RulesFilled","rules":[]}')

/** With the past of a rule up to the message that says that it counts, and where that stands. */
const stored = Effect.gen(function* () {
  const memory = makeMemoryEventStream(() => 1_000, lanesInWorld)
  for (const value of [1, 2, 3]) yield* appendSamples(memory, tenant, [sample(one, value)], ["api"])
  const before = yield* memory.append(metricToken(tenant, lane, ruleSource), message)
  return { memory, before }
})

const fillOf = (stream: MetricStreamService, sequence: number, at = 1_000, evaluators = fakeEvaluators) => {
  const options = { lane, stream, evaluators, limits: { ...laneDefaults, retryMs: 1 } }
  const place = { sequence, at }
  return new Fill(options, [{ change: change("r", rule(one)), place, reachMs: 60_000, names: [one] }])
}
const countOf = (evaluator: Evaluator) =>
  Object.values(
    (
      evaluator as unknown as {
        state: { rules: Record<string, { groups: Record<string, { count: number }> }> }
      }
    ).state.rules[`${tenant}/r`]!.groups,
  ).reduce((sum, { count }) => sum + count, 0)

it("is complete though the server that was asked first does not hold all of it yet", () =>
  Effect.gen(function* () {
    const { memory, before } = yield* stored
    let holds = 0
    const pages = (filter: EventFilter, start: EventStart) =>
      Effect.map(memory.pages(filter, start), ({ take }) => {
        holds += 1
        return {
          take: Effect.map(take, (page) => {
            const held = page?.filter(({ sequence }) => sequence <= holds) ?? []
            return held.length > 0 ? held : undefined
          }),
        }
      })
    const fill = fillOf({ ...memory, pages }, before)
    yield* fill.read(before)
    expect(countOf(fill.finish())).toBe(3)
  }).pipe(Effect.runPromise))

it("ends where the stream has let go of all of it", () =>
  Effect.gen(function* () {
    const { memory, before } = yield* stored
    memory.dropThrough(before)
    const fill = fillOf(memory, before)
    expect(yield* fill.read(before)).toBe(0)
    expect(countOf(fill.finish())).toBe(0)
  }).pipe(Effect.runPromise))

it("ends where the servers' clocks went back behind where it begins", () =>
  Effect.gen(function* () {
    const { memory, before } = yield* stored
    const fill = fillOf(memory, before, 1_000_000)
    yield* fill.read(before)
    expect(countOf(fill.finish())).toBe(0)
  }).pipe(Effect.runPromise))

it("keeps nothing of what was said in it, however much of it comes at once", () =>
  Effect.gen(function* () {
    const { memory } = yield* stored
    for (let count = 0; count < 100; count++)
      yield* appendSamples(memory, tenant, [sample(one, 20), sample(one, 1)], ["api"])
    const before = yield* memory.append(metricToken(tenant, lane, ruleSource), message)
    const sizes: Array<number> = []
    const make = (of: number) => {
      const evaluator = fakeEvaluators.make(of)
      const take = evaluator.take.bind(evaluator)
      return Object.assign(evaluator, {
        take: () => {
          const taken = take()
          sizes.push(taken.length)
          return taken
        },
      })
    }
    const fill = fillOf(memory, before, 1_000, { ...fakeEvaluators, make })
    yield* fill.read(before)
    fill.finish()
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(200)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2)
  }).pipe(Effect.runPromise))
