/** That the models of every tenant come to be watched, whatever becomes of one of them. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { runModelWatch } from "../../../actors/watch-models.ts"
import { Engine, EngineError, type EngineShape } from "../../../engine/index.ts"
import { Tenants } from "../../../resources/index.ts"

it.effect(
  "one tenant whose actor cannot be asked keeps no other from being watched, and is asked again",
  () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      let isBroken = true
      const engine = {
        ask: (
          _protocol: unknown,
          _key: unknown,
          _command: unknown,
          { tenant }: { readonly tenant: string },
        ) =>
          Effect.suspend(() => {
            asked.push(tenant)
            return tenant === "a" && isBroken
              ? Effect.fail(new EngineError({ code: "PartitionHalted", detail: "halted" }))
              : Effect.succeed(undefined)
          }),
      } as unknown as EngineShape
      const rows = ["a", "b"].map((id) => ({ id }))
      const tenants = {
        list: () => Effect.succeed({ rows, total: 2 }),
      } as unknown as (typeof Tenants)["Service"]
      yield* runModelWatch({ everyMs: 60_000, lookEveryMs: 1_000 }).pipe(
        Effect.provideService(Engine, engine),
        Effect.provideService(Tenants, tenants),
        Effect.forkScoped,
      )
      yield* TestClock.adjust(0)
      expect(asked).toEqual(["a", "b"])
      isBroken = false
      yield* TestClock.adjust(2_000)
      expect(asked).toEqual(["a", "b", "a"])
    }),
)
