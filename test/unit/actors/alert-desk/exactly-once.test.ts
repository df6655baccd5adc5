import * as Effect from "effect/Effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { flappingChanges } from "../../../../actors/alert-desk/limits.ts"
import type { Transition } from "../../../../schemas/index.ts"
import { lines, takes, told, transition } from "../../../support/alert-desk.ts"
import { type Product, type ProductNode, withProduct } from "../../../support/product.ts"

/** One step of some alerts' lives: who changes, how long it is until the next step, and what goes wrong around it. */
interface Step {
  readonly host: string
  readonly thenMs: number
  /** How many of the transitions before it are sent once more, before and together with it. */
  readonly again: number
  readonly alone: boolean
}

const steps = fc.array(
  fc.record({
    host: fc.constantFrom("a", "b", "c"),
    thenMs: fc.constantFrom(10, 700, 3_000, 25_000),
    again: fc.nat(6),
    alone: fc.boolean(),
  }),
  { minLength: 1, maxLength: 14 },
)

const statesOf = ["pending", "firing", "resolved"] as const

/** What the evaluation of rules would say: each alert goes on from where it was. */
const lifeOf = (all: ReadonlyArray<Step>): ReadonlyArray<Transition> => {
  const counts = new Map<string, number>()
  return all.map(({ host }) => {
    const number = (counts.get(host) ?? 0) + 1
    counts.set(host, number)
    const policy = { groupBy: ["rule_label"], repeatMs: 40_000 }
    return transition(number, statesOf[(number - 1) % 3]!, { host, policy })
  })
}

const end = Effect.sleep(60_000)

/** `disturb`: what comes before a step, besides the repetitions that it names. */
const live = (all: ReadonlyArray<Step>, noisy: boolean) =>
  Effect.fnUntraced(function* (product: Product) {
    const { engine } = yield* product.start()
    const life = lifeOf(all)
    for (const [index, { thenMs, again, alone }] of all.entries()) {
      const before = noisy ? life.slice(Math.max(0, index - again), index) : []
      if (before.length > 0 && alone) yield* takes(engine, ...before)
      yield* takes(engine, ...(alone ? [] : before), life[index]!)
      yield* Effect.sleep(thenMs)
    }
    yield* end
  })

const ran = (body: (product: Product) => Effect.Effect<void, unknown>): Product => {
  let ended: Product | undefined
  withProduct((product) => {
    ended = product
    return body(product)
  })()
  return ended!
}

describe("what people are told", () => {
  it("is the same whether transitions come once or again and again", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const [once, often] = [ran(live(all, false)), ran(live(all, true))]
        expect(lines(often)).toEqual(lines(once))
        expect(told(often).map(({ notification }) => notification.id)).toEqual(
          told(once).map(({ notification }) => notification.id),
        )
      }),
      { numRuns: 25 },
    )
  })

  it("is told once when nodes die and lanes repeat themselves, and ends with how it is", () => {
    fc.assert(
      fc.property(steps, fc.array(fc.boolean(), { minLength: 14, maxLength: 14 }), (all, crashes) => {
        const product = ran(
          Effect.fnUntraced(function* (product) {
            let node: ProductNode = yield* product.start()
            const life = lifeOf(all)
            for (const [index, { thenMs, again }] of all.entries()) {
              yield* takes(node.engine, ...life.slice(Math.max(0, index - again), index + 1))
              yield* Effect.sleep(thenMs)
              if (crashes[index] !== true) continue
              yield* node.crash
              node = yield* product.start()
            }
            yield* end
            yield* node.crash
          }),
        )
        const all_ = told(product)
        expect(new Set(all_.map(({ notification }) => notification.id)).size).toBe(all_.length)
        for (const host of ["a", "b", "c"]) {
          const news = all_
            .filter(({ notification }) => notification.reason !== "repeat")
            .flatMap(({ notification: { alerts } }) => alerts.filter(({ labels }) => labels.host === host))
            .map(({ status, at }) => `${status} ${at}`)
          // Resolved is told at most once for each time that it was, whatever else its group had to say.
          const resolved = news.filter((text) => text.startsWith("resolved"))
          expect(new Set(resolved).size).toBe(resolved.length)
          const life = lifeOf(all).filter(({ labels }) => labels.host === host)
          // What flaps is told how it is only once it has been steady for longer than this life lasts.
          if (life.filter(({ to }) => to !== "pending").length >= flappingChanges) continue
          const last = life.at(-1)
          // What was over and fires anew before people could be told of its end is no news to them.
          if (last?.to === "firing") expect(news.at(-1)).toMatch(/^firing/)
          if (last?.to === "resolved" && news.length > 0) expect(news.at(-1)).toMatch(/^resolved/)
        }
      }),
      { numRuns: 20 },
    )
  })

  it.each([9, 10, 11])("is once that it flaps, whatever it is when they are told (%s changes)", (count) => {
    const changes = Array.from({ length: count }, () => ({
      host: "b",
      thenMs: 10,
      again: 0,
      alone: false,
    }))
    const news = told(ran(live(changes, false))).filter(
      ({ notification }) => notification.reason !== "repeat",
    )
    expect(news.map(({ notification }) => notification.reason)).toEqual(["flapping"])
  })
})
