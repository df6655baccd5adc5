/** A rule whose lane lost what it knew is told to enter it anew. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { LanesService } from "../../../actors/index.ts"
import type { EngineShape } from "../../../engine/index.ts"
import { CepRuleProtocol, type RuleDocument } from "../../../schemas/index.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, eventually, type Product, tenant, withProduct } from "../../support/product.ts"

const document: RuleDocument = {
  name: "busy",
  trigger: { type: "metric", metric: "cpu" },
  condition: "value > 80.0",
}
const tell = <C extends (typeof CepRuleProtocol)["Command"]>(engine: EngineShape, command: C) =>
  ask(engine, CepRuleProtocol, "r", command)
const enter = (engine: EngineShape, request: string) =>
  engine.tell(CepRuleProtocol, "r", { _tag: "Enter", request }, { tenant })

/** `number anew document before`, of each change that lanes were told of. */
const watchLanes = (product: Product) => {
  const told: Array<string> = []
  const { lanes } = scriptedPlatform()
  const changeRule: LanesService["changeRule"] = ({ number, anew, document: given }, before) =>
    Effect.sync(() => {
      const names = [given, before].map((one) => one?.name ?? "-")
      told.push([number, anew ?? "-", ...names].join(" "))
      return { lane: 3, sequence: 10 + told.length }
    })
  product.platform = { lanes: { ...lanes, changeRule } }
  return told
}

const withRule = (body: (engine: EngineShape, told: ReadonlyArray<string>) => Effect.Effect<void, unknown>) =>
  withProduct((product) =>
    Effect.gen(function* () {
      const told = watchLanes(product)
      const { engine } = yield* product.start()
      yield* tell(engine, { _tag: "Define", document })
      yield* body(engine, told)
    }),
  )

describe("a rule whose lane lost what it knew", () => {
  it(
    "tells it its newest change once more for each request, and goes on as before",
    withRule((engine, told) =>
      Effect.gen(function* () {
        yield* enter(engine, "one")
        yield* eventually(() => told.length === 2)
        yield* enter(engine, "one")
        yield* enter(engine, "two")
        yield* eventually(() => told.length === 3)
        yield* tell(engine, { _tag: "Define", document: { ...document, name: "busier" } })
        expect(told).toEqual(["1 - busy -", "1 one busy busy", "1 two busy busy", "2 - busier busy"])
      }),
    ),
  )

  it(
    "tells the lane where it was last that it is gone",
    withRule((engine, told) =>
      Effect.gen(function* () {
        yield* tell(engine, { _tag: "Remove" })
        yield* enter(engine, "one")
        yield* eventually(() => told.length === 3)
        expect(told.slice(1)).toEqual(["2 - - busy", "2 one - busy"])
      }),
    ),
  )
})
