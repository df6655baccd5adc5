import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import type { Output } from "../../../../actors/cep/evaluator.ts"
import { laneDefaults } from "../../../../actors/cep/lane/limits.ts"
import { Outlet, type OutletOptions } from "../../../../actors/cep/lane/outlet.ts"
import { EngineError } from "../../../../engine/index.ts"
import type { Transition } from "../../../../schemas/index.ts"

const tenant = "acme"
const outputOf = (number: number, characters: number): Output => ({
  type: "transition",
  tenant,
  transition: {
    id: `r/f/${number}`,
    rule: "r",
    version: 1,
    fingerprint: "f",
    number,
    to: "firing",
    cause: "condition",
    severity: "warning",
    labels: {},
    values: {},
    since: 0,
    at: 0,
    storedAt: 0,
    policy: { name: "x".repeat(characters), actions: [], annotations: {} },
  },
})

it("a lane's outputs wait for their receivers in bounded memory, however large each is", async () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const engine = { tell: () => Effect.promise(() => opened) }
  const limits = { ...laneDefaults, outputCharactersMax: 10_000 }
  const options = { engine, stream: { lanes: 4 }, lane: 0, limits } as never as OutletOptions
  const seen = Effect.gen(function* () {
    const outlet = yield* Outlet.make(options)
    const full = (number: number, characters: number) => {
      outlet.push([outputOf(number, characters)])
      return outlet.isFull
    }
    const before = [full(1, 4_000), full(2, 4_000), full(3, 4_000)]
    open()
    yield* outlet.hasRoom
    return [...before, outlet.isFull, full(4, 100)]
  })
  expect(await Effect.runPromise(Effect.scoped(seen))).toEqual([false, false, true, false, false])
})

it("what no receiver takes is lost alone, and none of those that went along with it", async () => {
  const taken: Array<number> = []
  const engine = {
    tell: (
      _protocol: unknown,
      _key: string,
      { transitions }: { readonly transitions: ReadonlyArray<Transition> },
    ) => {
      if (transitions.some(({ number }) => number === 2))
        return Effect.fail(new EngineError({ code: "PayloadTooLarge", detail: "too large", accepted: false }))
      return Effect.sync(() => taken.push(...transitions.map(({ number }) => number)))
    },
  }
  const options = { engine, stream: { lanes: 4 }, lane: 0, limits: laneDefaults } as never as OutletOptions
  const lost = Effect.gen(function* () {
    const outlet = yield* Outlet.make(options)
    outlet.push([1, 2, 3].map((number) => outputOf(number, 10)))
    yield* outlet.mark()
    return outlet.lost
  })
  expect(await Effect.runPromise(Effect.scoped(lost))).toBe(1)
  expect(taken).toEqual([1, 3])
})
