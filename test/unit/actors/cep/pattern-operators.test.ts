import { expect, it } from "vitest"
import type { PatternDocument } from "../../../../schemas/index.ts"
import { itemsOf, matchesOf } from "../../../support/pattern-cases.ts"

type Stage = PatternDocument["stages"][number]
const s = (kind: string, rest: Partial<Stage> = {}): Stage => ({ name: kind, condition: kind, ...rest })
const more = { times: { min: 1 } } as const

const run = (stages: ReadonlyArray<Stage>, words: string, rest: Partial<PatternDocument> = {}) =>
  matchesOf({ stages, after_match: { type: "no_skip" }, ...rest }, itemsOf(words))

it("contiguity between stages and within a repetition is that of Flink's documentation", () => {
  expect(run([s("a"), s("b", { contiguity: "next" })], "a1 c1 b1 b2")).toEqual([])
  expect(run([s("a"), s("b")], "a1 c1 b1 b2")).toEqual(["a1 b1"])
  expect(run([s("a"), s("b", { contiguity: "followed_by_any" })], "a1 c1 b1 b2")).toEqual(["a1 b1", "a1 b2"])
  const loop = (repetition: Stage["repetition"] & string) =>
    run(
      [s("a"), s("b", { ...more, contiguity: "followed_by_any", repetition }), s("c")],
      "a1 b1 d1 b2 d2 b3 c1",
    )
  expect(loop("relaxed")).toEqual([
    "a1 b1 b2 b3 c1",
    "a1 b1 b2 c1",
    "a1 b1 c1",
    "a1 b2 b3 c1",
    "a1 b2 c1",
    "a1 b3 c1",
  ])
  expect(loop("consecutive")).toEqual(["a1 b1 c1", "a1 b2 c1", "a1 b3 c1"])
})
