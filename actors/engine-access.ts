/**
 * How activities reach the engine that runs them. The engine is made from the implementations, so it does not exist
 * when they are: whoever composes a node fills it in afterwards, and an activity that asks earlier waits.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { EngineShape } from "../engine/index.ts"

export class EngineAccess extends Context.Service<
  EngineAccess,
  {
    /** Waits until the engine is there. */
    readonly engine: Effect.Effect<EngineShape>
    /** To be called once, after `make`. Idempotent: the first one stays. */
    readonly fill: (engine: EngineShape) => Effect.Effect<void>
  }
>()("millrace/actors/EngineAccess") {
  static readonly make = Effect.sync(() => {
    const engine = Deferred.makeUnsafe<EngineShape>()
    return EngineAccess.of({
      engine: Deferred.await(engine),
      fill: (filled) => Effect.asVoid(Deferred.succeed(engine, filled)),
    })
  })
  static readonly layer = Layer.effect(EngineAccess, EngineAccess.make)
}
