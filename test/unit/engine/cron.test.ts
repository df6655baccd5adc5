import { describe, expect, it } from "vitest"
import { dueAt, nextCron } from "../../../engine/timer-queue.ts"

const berlin = "Europe/Berlin"
const at = (text: string): number => Date.parse(text)
const runs = (expression: string, zone: string | undefined, after: string, count: number) => {
  const found: Array<string> = []
  let time = at(after)
  for (let index = 0; index < count; index++) {
    time = nextCron(expression, zone, time)!
    found.push(new Date(time).toISOString().slice(0, 16))
  }
  return found
}

describe("a cron expression", () => {
  it("is read in UTC unless a zone is given, and is strictly later than the moment asked for", () => {
    expect(runs("30 2 * * *", undefined, "2027-01-01T00:00Z", 2)).toEqual([
      "2027-01-01T02:30",
      "2027-01-02T02:30",
    ])
    expect(runs("30 2 * * *", undefined, "2027-01-01T02:30Z", 1)).toEqual(["2027-01-02T02:30"])
  })

  it("keeps local time over the change to summer time", () => {
    // 2027-03-28: 02:00 becomes 03:00 in Berlin.
    expect(runs("0 8 * * *", berlin, "2027-03-27T00:00Z", 3)).toEqual([
      "2027-03-27T07:00",
      "2027-03-28T06:00",
      "2027-03-29T06:00",
    ])
  })

  it("runs once on the day whose hour is left out, and on every other day at its time", () => {
    const [before, changed, after] = runs("30 2 * * *", berlin, "2027-03-27T00:00Z", 3)
    expect(before).toBe("2027-03-27T01:30")
    // 02:30 does not exist: it runs as soon as the clocks have changed.
    expect(changed).toBe("2027-03-28T01:00")
    expect(after).toBe("2027-03-29T00:30")
  })

  it("runs once in the hour that happens twice when it names an hour, and keeps local time afterwards", () => {
    // 2027-10-31: 03:00 becomes 02:00 in Berlin.
    expect(runs("30 2 * * *", berlin, "2027-10-30T00:00Z", 3)).toEqual([
      "2027-10-30T00:30",
      "2027-10-31T00:30",
      "2027-11-01T01:30",
    ])
    expect(runs("0 8 * * *", berlin, "2027-10-30T00:00Z", 2)).toEqual([
      "2027-10-30T06:00",
      "2027-10-31T07:00",
    ])
  })

  it("that runs every quarter of an hour goes on through both changes without a hole", () => {
    for (const start of ["2027-03-28T00:00Z", "2027-10-30T23:00Z"]) {
      let time = at(start)
      for (let index = 0; index < 16; index++) {
        const next = nextCron("*/15 * * * *", berlin, time)!
        expect(next - time).toBe(15 * 60_000)
        time = next
      }
    }
  })

  it("that never holds is never due, and one that is none is refused", () => {
    expect(dueAt({ cron: "0 0 30 2 *" }, at("2027-01-01T00:00Z"))).toBeUndefined()
    expect(() => nextCron("not cron", undefined, 0)).toThrow()
    expect(() => nextCron("0 0 0 * * *", undefined, 0)).toThrow()
    expect(() => nextCron("0 0 * * *", "Europe/Atlantis", 0)).toThrow()
  })
})

describe("when a timer is due", () => {
  it("is after a time, at a moment, or at the next moment of a cron expression", () => {
    const now = at("2027-01-01T12:00Z")
    expect(dueAt({ afterMs: 5 }, now)).toBe(now + 5)
    expect(dueAt({ at: 17 }, now)).toBe(17)
    expect(dueAt({ cron: "0 13 * * *" }, now)).toBe(now + 3_600_000)
    expect(dueAt({ cron: "0 13 * * *", zone: berlin }, now)).toBe(now + 24 * 3_600_000)
  })
})
