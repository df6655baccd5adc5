/** The product on the simulated nodes: its own actors, over a platform that outlives them and fails now and then. */
import * as Effect from "effect/Effect"
import { EngineAccess, implementations, type Platform, PlatformAccess } from "../../../actors/index.ts"
import type { Implementation } from "../../../engine/index.ts"
import { refuse } from "../../../resources/index.ts"
import { MetricStream } from "../../../streams/index.ts"
import { makeMemoryEventStream } from "../../support/memory-event-stream.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { scriptedLlm } from "../../support/scripted-llm.ts"
import type { Software, World } from "../world.ts"
import type { Model } from "./model.ts"

/** Changes a kind of the product on its way to the nodes: a canary. */
export type Replace = (implementation: Implementation) => Implementation

/** Of the calls that the database behind the platform gets. */
const databaseAway = 0.08

type Row = Parameters<Platform["chats"]["put"]>[1]

/** What the index was given: every row of each session, in order. */
export class Index {
  readonly rows = new Map<string, Array<Row>>()

  add(row: Row): void {
    const before = this.rows.get(row.head.session) ?? []
    this.rows.set(row.head.session, [...before, row])
  }
}

export const softwareWith = (model: Model, index: Index, replace: Replace = (one) => one) => {
  const base = scriptedPlatform()
  return (world: World): Effect.Effect<Software> =>
    Effect.gen(function* () {
      const { time } = world
      const away = () => !world.calm && time.random.next() < databaseAway
      const late = Effect.suspend(() => time.sleep(time.random.next() * 200))
      const platform: Platform = {
        ...base,
        llm: model.llm,
        models: scriptedLlm([]).models,
        access: (tenant, user) =>
          Effect.andThen(
            late,
            Effect.suspend(() => (away() ? Effect.fail(new Error("away")) : base.access(tenant, user))),
          ),
        chats: {
          ...base.chats,
          put: (_, row) =>
            Effect.andThen(
              late,
              Effect.suspend(() => {
                // What is refused may have been written all the same.
                const refused = away()
                if (!refused || time.random.next() < 0.5) index.add(row)
                return refused ? Effect.fail(refuse("unavailable", "SIM_DB_001", "away")) : Effect.void
              }),
            ),
        },
      }
      const access = yield* EngineAccess.make
      const filled = yield* PlatformAccess.make
      yield* filled.fill(platform)
      const own = yield* implementations.pipe(
        Effect.provideService(EngineAccess, access),
        Effect.provideService(PlatformAccess, filled),
        Effect.provideService(
          MetricStream,
          makeMemoryEventStream(() => time.now),
        ),
      )
      return { implementations: own.map(replace), started: (engine) => access.fill(engine) }
    })
}
