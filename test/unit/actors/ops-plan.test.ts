import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { OpsPlan } from "../../../actors/ops-plan/plan.ts"
import type { AnyKind, EngineShape, Implementation } from "../../../engine/index.ts"
import { ActivityFailure } from "../../../engine/index.ts"
import { type AnswerBlock, OpsPlanProtocol, stageNames } from "../../../schemas/index.ts"
import { ask, eventually, type Product, rejectionOf, tenant, withProduct } from "../../support/product.ts"

const askPlan = (engine: EngineShape, question: string, plan = "p") =>
  ask(engine, OpsPlanProtocol, plan, { _tag: "Ask", question }, { timeoutMs: 60_000 })
const read = (engine: EngineShape, plan = "p") => ask(engine, OpsPlanProtocol, plan, { _tag: "Read" })
const types = (blocks: ReadonlyArray<AnswerBlock>) => blocks.map(({ type }) => type)
const measure = Effect.fnUntraced(function* (product: Product) {
  for (const value of [10, 20, 60]) {
    yield* product.publish([{ name: "host_load1", labels: { host: "web" }, value, at: product.time.now }])
    yield* Effect.sleep(60_000)
  }
})

describe("an OPS plan", () => {
  it(
    "answers with text, table, chart and the query that was run",
    withProduct((product) =>
      Effect.gen(function* () {
        yield* measure(product)
        const { engine } = yield* product.start()
        const answer = yield* askPlan(engine, "average load over the last 5 minutes per host")
        expect(answer).toMatchObject({ plan: "p", status: "answered", route: "AGGREGATE" })
        expect(types(answer.blocks)).toEqual(["text", "table", "chart", "reference"])
        expect(answer.blocks[0]).toMatchObject({
          text: expect.stringMatching(/of web, average: 30\n.*3 samples of 5 min/),
        })
        expect(answer.blocks[1]).toMatchObject({ rows: [["web", 30, 3, expect.any(String)]] })
        expect(answer.blocks[2]).toMatchObject({
          series: [{ name: "web", points: [{ v: 10 }, { v: 20 }, { v: 60 }] }],
        })
        expect(answer.blocks[3]).toMatchObject({
          text: expect.stringMatching(/avg of host_load1/),
          stream: { first: 1, last: 3 },
        })
        const view = yield* read(engine)
        expect(view.stages.map(({ name, status }) => [name, status])).toEqual(
          stageNames.map((name) => [name, "done"]),
        )
        for (const stage of view.stages) expect(stage.endedAt).toBeGreaterThanOrEqual(stage.startedAt)
        expect(view.blocks).toEqual(answer.blocks)
      }),
    ),
  )

  it(
    "says so when there are no samples, when it is not understood, and when it is not allowed",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        const empty = yield* askPlan(engine, "cpu", "a")
        expect(empty).toMatchObject({
          status: "answered",
          blocks: [{ text: expect.stringMatching(/no samples/) }, {}],
        })
        const rejected: ReadonlyArray<readonly [string, string, RegExp]> = [
          ["hello", "REJECT", /names no metric/],
          ["cpu in the last 3 days", "AGGREGATE", /range of 72 h is too long.*at most 24 h/],
          ["load by rack", "LOOKUP", /no label "rack"/],
          ["which services depend on it", "GRAPH", /not available yet/],
        ]
        for (const [index, [question, route, text]] of rejected.entries()) {
          const answer = yield* askPlan(engine, question, `r${index}`)
          expect(answer).toMatchObject({
            status: "rejected",
            route,
            blocks: [{ type: "text", text: expect.stringMatching(text) }],
          })
          expect((yield* read(engine, `r${index}`)).stages.map(({ name }) => name)).toEqual([
            "route_plan",
            "validate",
          ])
        }
      }),
    ),
  )

  it(
    "gives the same answer to the same question and refuses another one",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        const both = yield* Effect.all([askPlan(engine, "help"), askPlan(engine, "help")], { concurrency: 2 })
        expect(both[0]).toEqual(both[1])
        expect(yield* askPlan(engine, "help")).toEqual(both[0])
        expect(yield* rejectionOf(askPlan(engine, "cpu"))).toEqual({ _tag: "PlanTaken", question: "help" })
        expect(yield* rejectionOf(read(engine, "other"))).toEqual({ _tag: "PlanUnknown" })
      }),
    ),
  )
})

/** The product's stages, with some replaced. */
const withStages = (stages: Implementation["activities"]): ReadonlyArray<Implementation> => {
  const stuck: Implementation["activities"] = {
    route_plan: () => Effect.succeed({ route: "DIRECT", topic: "time" }),
    validate: () => Effect.succeed([]),
    execute: () => Effect.succeed({ of: "nothing" }),
    compose: () => Effect.succeed({ text: "composed", title: "", unit: "" }),
    present: () => Effect.succeed([{ type: "text", text: "presented" }]),
  }
  return [{ kind: OpsPlan as unknown as AnyKind, activities: { ...stuck, ...stages } }]
}

describe("a plan whose stage fails", () => {
  for (const [index, stage] of stageNames.entries()) {
    it(
      `fails with a text when ${stage} does`,
      withProduct((product) =>
        Effect.gen(function* () {
          const failure = new ActivityFailure({ code: "Broken", detail: "on purpose", retryable: false })
          const { engine } = yield* product.start(withStages({ [stage]: () => Effect.fail(failure) }))
          const answer = yield* askPlan(engine, "help")
          const text = `There is no answer: stage ${stage} failed: Broken: on purpose`
          expect(answer).toMatchObject({ status: "failed", blocks: [{ type: "text", text }] })
          const { stages } = yield* read(engine)
          expect(stages).toHaveLength(index + 1)
          expect(stages.at(-1)).toMatchObject({ name: stage, status: "failed", detail: "Broken: on purpose" })
        }),
      ),
    )
  }

  for (const stage of stageNames) {
    it(
      `goes on with ${stage} on another node when its node dies there, without the stages before it`,
      withProduct((product) =>
        Effect.gen(function* () {
          const runs: Array<string> = []
          const counted = (stuckAt: string | undefined): Implementation["activities"] => {
            const [own] = withStages({})
            return Object.fromEntries(
              Object.entries(own!.activities).map(([name, activity]) => [
                name,
                (input, run) => {
                  runs.push(name)
                  return name === stuckAt ? Effect.never : activity(input, run)
                },
              ]),
            )
          }
          const first = yield* product.start(withStages(counted(stage)))
          const asked = yield* Effect.forkChild(
            first.engine.tell(OpsPlanProtocol, "p", { _tag: "Ask", question: "help" }, { tenant }),
          )
          yield* Fiber.await(asked)
          yield* eventually(() => runs.at(-1) === stage)
          yield* first.crash
          const second = yield* product.start(withStages(counted(undefined)))
          const answer = yield* askPlan(second.engine, "help")
          expect(answer).toMatchObject({ status: "answered", blocks: [{ text: "presented" }] })
          expect(runs.toSorted()).toEqual([...stageNames, stage].toSorted())
        }),
      ),
    )
  }
})
