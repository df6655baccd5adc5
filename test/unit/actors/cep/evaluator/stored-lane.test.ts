/** A lane's state is read by every later release, and goes on as it did then. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type LaneFixture, laneStateFormat, laneStatesFolder, outcomeAfter } from "./stored-lane.ts"

const formats = readdirSync(laneStatesFolder).map((name) => Number.parseInt(name, 10))

describe("a lane's state", () => {
  it("was recorded in each format", () => {
    expect(formats.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: laneStateFormat }, (_, index) => index + 1),
    )
  })

  for (const format of formats)
    it(`in format ${format} goes on as it did when it was recorded`, () => {
      const text = readFileSync(join(laneStatesFolder, `${format}.json`), "utf8")
      const fixture = JSON.parse(text) as LaneFixture
      expect(Buffer.from(fixture.state, "base64")[0]).toBe(format)
      expect(fixture.outcome.length).toBeGreaterThan(40)
      expect(outcomeAfter(fixture)).toEqual(fixture.outcome)
    })
})
