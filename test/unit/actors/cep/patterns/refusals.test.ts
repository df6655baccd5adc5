import { expect, it } from "vitest"
import { HeldBytes } from "../../../../../actors/cep/held-bytes.ts"
import { compilePattern } from "../../../../../actors/cep/patterns/compile-pattern.ts"
import type { PatternDocument } from "../../../../../schemas/index.ts"
import { compileKinds } from "./cases.ts"
import { greedy, group, more, next, not, opt, type Stage, s, times } from "./stages.ts"

const problemsOf = (stages: ReadonlyArray<Stage>, rest: object = {}, trigger: object = { event: "e" }) => {
  const document = { stages, within: "10m", ...rest } as PatternDocument
  const result = compilePattern(document, { where: {}, ...trigger }, compileKinds)
  return "problems" in result ? result.problems : []
}

const refused: ReadonlyArray<
  readonly [what: string, stages: ReadonlyArray<Stage>, field: string, rest?: object]
> = [
  ["two stages of one name", [s("a"), s("a")], "pattern.stages[1].name"],
  [
    "an input of the name of another stage",
    [s("a"), { name: "x", any_of: [s("a"), s("b")] }],
    "pattern.stages[1].any_of[0].name",
  ],
  ["a beginning that must not come", [not("a"), s("b")], "pattern.stages[0].not"],
  ["an order before the first stage", [s("a", next), s("b")], "pattern.stages[0].contiguity"],
  ["an absence without an end", [s("a"), not("b")], "pattern.within", { within: undefined }],
  ["an absence after an optional stage", [s("a"), s("b", opt), not("c"), s("d")], "pattern.stages[2].not"],
  ["an absence with only optional stages after it", [s("a"), not("b"), s("c", opt)], "pattern.stages[1].not"],
  ["an absence that is repeated", [s("a"), not("b", times(2)), s("c")], "pattern.stages[1].times"],
  ["an absence that is optional", [s("a"), not("b", opt), s("c")], "pattern.stages[1].optional"],
  ["an absence of a group", [s("a"), group([s("b")], { not: true }), s("c")], "pattern.stages[1]"],
  [
    "an absence of each of many",
    [s("a"), not("b", { contiguity: "followed_by_any" }), s("c")],
    "pattern.stages[1].contiguity",
  ],
  ["until without a repetition", [s("a", { until: "b" })], "pattern.stages[0].until"],
  ["until of a repetition with an end", [s("a", { ...times(1, 3), until: "b" })], "pattern.stages[0].until"],
  ["a greedy stage that is not repeated", [s("a", greedy), s("b")], "pattern.stages[0].greedy"],
  ["a greedy group", [group([s("a")], { ...more, ...greedy }), s("b")], "pattern.stages[0].greedy"],
  [
    "greedy combinations",
    [s("a", { ...more, ...greedy, repetition: "allow_combinations" }), s("b")],
    "pattern.stages[0].greedy",
  ],
  [
    "an order of repetitions that there are none of",
    [s("a", { repetition: "consecutive" })],
    "pattern.stages[0].repetition",
  ],
  ["fewer at most than at least", [s("a", times(3, 2))], "pattern.stages[0].times"],
  ["a pattern of nothing", [s("a", opt), s("b", times(0, 2))], "pattern.stages"],
  ["a group of nothing", [s("a"), group([s("b", opt)])], "pattern.stages[1].group"],
  ["an empty group", [s("a"), group([])], "pattern.stages[1].group"],
  [
    "a group that ends with an absence",
    [group([s("a"), not("b")]), s("c")],
    "pattern.stages[0].group[1].not",
  ],
  ["one of one", [{ name: "x", any_of: [s("a")] }], "pattern.stages[0].any_of"],
  ["an input and a group", [{ ...group([s("a")]), condition: "b" }], "pattern.stages[0]"],
  [
    "all of them, again and again",
    [{ name: "x", all_of: [s("a"), s("b")], ...times(2) }],
    "pattern.stages[0].times",
  ],
  ["metric and event in one", [s("a", { metric: "cpu", event: "e" })], "pattern.stages[0].event"],
  [
    "an unknown stage to skip to",
    [s("a"), s("b")],
    "pattern.after_match.stage",
    { after_match: { type: "skip_to_last", stage: "x" } },
  ],
  [
    "an absence to skip to",
    [s("a"), not("b"), s("c")],
    "pattern.after_match.stage",
    { after_match: { type: "skip_to_first", stage: "no_b" } },
  ],
  ["no time", [s("a"), s("b")], "pattern.within", { within: "0" }],
  ["too much time", [s("a"), s("b")], "pattern.within", { within: "8d" }],
  [
    "too many ways on",
    [
      s("z"),
      ...[..."abcdefghijklmnopqrstuvwxy"].flatMap((kind) => [s(kind, opt), s(kind + kind, opt)]).slice(0, 30),
    ],
    "pattern.stages",
  ],
]

for (const [what, stages, field, rest] of refused) {
  it(`refused with the field and what to do: ${what}`, () => {
    const problems = problemsOf(stages, rest)
    expect(problems.map((problem) => problem.field)).toContain(field)
    for (const { remedy } of problems) expect(remedy.length).toBeGreaterThan(5)
  })
}

it("a stage that names no input needs a trigger that has one", () => {
  expect(problemsOf([s("a")], {}, {}).map(({ field }) => field)).toEqual(["pattern.stages[0].metric"])
  expect(problemsOf([s("a", { event: "deploy" })], {}, {})).toEqual([])
})

it("what is wrong with a condition is told with its field", () => {
  const compile = () => ({ problem: "no such word", remedy: "use value" })
  const result = compilePattern(
    { stages: [s("a"), s("b", { ...more, until: "c" })] },
    { event: "e", where: {} },
    compile,
  )
  const fields = "problems" in result ? result.problems.map((problem) => problem.field) : []
  expect(fields).toEqual([
    "pattern.stages[0].condition",
    "pattern.stages[1].condition",
    "pattern.stages[1].until",
  ])
})

it("stages look at the trigger's input, at labels that they name, and at inputs of their own", () => {
  const document = {
    stages: [
      { name: "low", condition: "a" },
      { name: "deployed", event: "deploy", where: { env: "prod" } },
    ],
  }
  const result = compilePattern(document, { metric: "cpu", where: { host: "1" } }, (source) => ({
    ...compileKinds(source),
    evaluate: (scope) => scope.value < 5,
  }))
  if ("problems" in result) throw new Error("refused")
  const matcher = result.plan.make(new HeldBytes())
  const at = 1_000
  const sample = (host: string, value: number) =>
    matcher.offer({ name: "cpu", isEvent: false, labels: { host }, attributes: {}, value, at })
  const event = (name: string, env: string) =>
    matcher.offer({ name, isEvent: true, labels: { env }, attributes: {}, value: Number.NaN, at })
  expect([sample("2", 1), sample("1", 9), event("deploy", "prod"), sample("1", 1)].flat()).toEqual([])
  expect([event("deploy", "test"), event("cpu", "prod")].flat()).toEqual([])
  expect(event("deploy", "prod")).toHaveLength(1)
})
