import { describe, expect, it } from "vitest"
import { Limits } from "../../../engine/index.ts"

describe("the limits of a node", () => {
  it("hold among themselves as they are by default", () => {
    expect(Limits.make()).toEqual(Limits.defaults)
    expect(Limits.make({ askTimeoutMs: 5 }).askTimeoutMs).toBe(5)
  })

  it.each([
    [{ commandBytesMax: 512 * 1024 + 1 }, "commandBytesMax must not exceed batchBytesMax"],
    [{ entryBytesMax: 512 * 1024 }, "entryBytesMax must stay below batchBytesMax"],
    [{ suspectAfterMs: 749 }, "suspectAfterMs must be at least 3 × heartbeatMs"],
    [{ joinQuietMs: 499 }, "joinQuietMs must be at least 2 × heartbeatMs"],
    [{ inFlightCommandsMax: 999 }, "batchCommandsMax must not exceed inFlightCommandsMax"],
  ])("are refused when they contradict one another: %j", (limits, rule) => {
    expect(() => Limits.make(limits)).toThrow(rule)
  })
})
