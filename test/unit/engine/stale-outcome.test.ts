import { expect, it } from "vitest"
import { Cell } from "../../../engine/cell.ts"
import type { AnyKind } from "../../../engine/define.ts"
import { handle, type Input } from "../../../engine/handle.ts"
import { Address, Limits } from "../../../engine/index.ts"
import { Recorder } from "../../support/recorder.ts"

it("takes an activity's outcome from the run that is pending, never from an earlier one of the same id", () => {
  const id = "t/recorder/a"
  const cell = new Cell<Input>(id, Address.parse(id)!, Recorder as unknown as AnyKind)
  cell.activities.set("r", { activity: "work", id: "r", input: "", trace: "second", progressed: 0 })
  const settled = (startedBy: string): Input => ({
    t: "settled",
    id: "r",
    startedBy,
    outcome: { _tag: "Success", output: startedBy },
  })
  expect(handle(cell, settled("first"), 0, Limits.defaults)).toBeUndefined()
  expect(cell.activities.has("r")).toBe(true)
  expect(handle(cell, settled("second"), 0, Limits.defaults)?.entry.cancel).toEqual(["r"])
})
