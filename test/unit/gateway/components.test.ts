/** What a node's health says of its parts. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { EngineShape, Partition, PartitionState } from "../../../engine/index.ts"
import { engineComponent, lanesComponent } from "../../../gateway/index.ts"

const engineOf = (partitions: ReadonlyArray<PartitionState>) =>
  ({
    status: Effect.succeed({ node: "n", members: ["n"], partitions, pendingAsks: 0, waitingCommands: 0 }),
  }) as Partial<EngineShape> as EngineShape

const engineWith = (...partitions: ReadonlyArray<PartitionState>) =>
  Effect.runSync(engineComponent(engineOf(partitions)))

const live = (stalled: string | undefined): PartitionState => ({
  _tag: "Live",
  partition: { stalled } as Partial<Partition> as Partition,
})

type Lanes = Parameters<typeof lanesComponent>[1]
type Figures = ReturnType<Lanes["figures"]>

describe("the lanes' health", () => {
  it("is degraded by a lane of a partition of this node that is not evaluated, and says which", () => {
    const evaluated = new Map([[0, { lagMessages: 7 }]]) as ReadonlyMap<number, unknown> as Figures
    const healthOf = (...partitions: ReadonlyArray<PartitionState>) =>
      Effect.runSync(lanesComponent(engineOf(partitions), { figures: () => evaluated, problems: () => [] }))
    const elsewhere: PartitionState = { _tag: "Elsewhere", node: "other" }
    const here = { evaluated: 1, lag_messages: 7 }
    expect(healthOf(live(undefined), elsewhere)).toEqual({ status: "healthy", loading: [], ...here })
    expect(healthOf(live(undefined), live(undefined))).toEqual({ status: "degraded", loading: [1], ...here })
  })
})

describe("the health of a lane that cannot be read", () => {
  it("says which, why, since when, and what to do, though it runs again for a moment", () => {
    const evaluated = new Map([[0, { lagMessages: 0 }]]) as ReadonlyMap<number, unknown> as Figures
    const problems = [
      { lane: 0, state: "unreadable", reason: "is damaged", since: 0, times: 3, againAt: 8_000 },
    ] as const
    const lanes: Lanes = { figures: () => evaluated, problems: () => problems }
    expect(Effect.runSync(lanesComponent(engineOf([live(undefined)]), lanes))).toMatchObject({
      status: "degraded",
      problems: [
        {
          lane: 0,
          reason: "is damaged",
          since: "1970-01-01T00:00:00.000Z",
          again_at: "1970-01-01T00:00:08.000Z",
          mend: "millrace lanes rebuild 0",
        },
      ],
    })
  })
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
