/** What a node's health says of its parts. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { EngineShape, Partition, PartitionState } from "../../../engine/index.ts"
import { engineComponent } from "../../../gateway/index.ts"

const engineWith = (...partitions: ReadonlyArray<PartitionState>) =>
  Effect.runSync(
    engineComponent({
      status: Effect.succeed({
        node: "n",
        members: ["n"],
        partitions,
        pendingAsks: 0,
        waitingCommands: 0,
      }),
    } as Partial<EngineShape> as EngineShape),
  )

const live = (stalled: string | undefined): PartitionState => ({
  _tag: "Live",
  partition: { stalled } as Partial<Partition> as Partition,
})

describe("the engine's health", () => {
  it("is degraded by a partition whose journal takes no appends, and says why", () => {
    const why = "the journal does not take appends: LogFull"
    const health = engineWith(live(undefined), live(why))
    expect(health).toMatchObject({ status: "degraded", live: 2, halted: 0, stalled: 1 })
    expect(health.partitions).toEqual([
      { partition: 0, state: "live" },
      { partition: 1, state: "live", status: "degraded", stalled: why },
    ])
  })

  it("is good when every journal takes appends, and bad when one is halted", () => {
    const halted: PartitionState = { _tag: "Halted", detail: "damaged", sequence: 3 }
    expect(engineWith(live(undefined))).toMatchObject({ status: "healthy", stalled: 0 })
    expect(engineWith(live("full"), halted)).toMatchObject({ status: "unhealthy", stalled: 1, halted: 1 })
  })
})
