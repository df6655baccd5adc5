import { describe, expect, it } from "vitest"
import {
  Backtest,
  toldFiringsMax,
  toldMatchedCharactersMax,
} from "../../../../../actors/cep/replay/backtest.ts"
import { readCsv } from "../../../../../actors/cep/replay/csv.ts"
import type { PastMessage } from "../../../../../actors/cep/replay/past-run.ts"
import type { RuleDocument } from "../../../../../schemas/index.ts"

const day = 86_400_000
const start = 1_700_006_400_000

const rule = (document: Partial<RuleDocument>) => ({
  tenant: "acme",
  rule: "r",
  version: 1,
  document: {
    name: "r",
    trigger: { type: "metric" as const, metric: "cpu" },
    condition: "value > 90",
    ...document,
  },
})

/** A value a minute for so many days: 95 from 6 to 7 o'clock, else 10. */
const series = (days: number): ReadonlyArray<PastMessage> =>
  Array.from({ length: days * 1_440 }, (_, minute) => {
    const at = start + minute * 60_000
    const isHigh = Math.floor(minute / 60) % 24 === 6
    return {
      place: { sequence: minute + 1, at },
      columns: {
        series: ['["cpu"]'],
        seriesOf: new Uint32Array(1),
        values: new Float64Array([isHigh ? 95 : 10]),
        times: new Float64Array([at]),
      },
    }
  })

const run = (
  document: Partial<RuleDocument>,
  messages: ReadonlyArray<PastMessage>,
  from: number,
  until: number,
) => {
  const backtest = new Backtest(rule(document), { from, until })
  for (const message of messages) if (!backtest.offer(message)) break
  return backtest.finish()
}

describe("a back-test of a pattern", () => {
  it("tells with each firing what matched, up to a bound of all together", () => {
    const stages = [{ name: "high", condition: "value > 90" }]
    const pattern = { stages, within: "1m" }
    const document = { mode: "trigger", pattern, condition: "true" } as const
    const { firings } = run(document, series(1), start, start + day)
    expect(firings[0]?.matched).toMatchObject({ high: [{ name: "cpu", value: 95 }] })
    const tens = { stages: [{ name: "high", condition: "value > 1", times: { min: 10 } }], within: "1h" }
    const told = run({ ...document, pattern: tens }, series(6), start, start + 6 * day).firings
    expect(told.length).toBeLessThan(toldFiringsMax)
    expect(told.at(-1)?.matched).toBeUndefined()
    const characters = told.reduce((sum, { matched }) => sum + JSON.stringify(matched ?? "").length, 0)
    expect(characters).toBeLessThan(toldMatchedCharactersMax + 10_000)
  })
})

describe("a back-test", () => {
  it("says what would have fired, when, for how long, and how often a day", () => {
    const { firings, counts, perDay, firingMs, items, truncated } = run(
      { for: "5m" },
      series(14),
      start,
      start + 14 * day - 1,
    )
    expect(firings).toHaveLength(14)
    expect(firings[1]).toMatchObject({
      firedAt: start + day + 6 * 3_600_000 + 300_000,
      resolvedAt: start + day + 7 * 3_600_000,
      value: 95,
    })
    expect(counts).toMatchObject({ pending: 14, firing: 14, resolved: 14, firings: 14 })
    expect(perDay).toHaveLength(14)
    expect(new Set(perDay.map(({ firings }) => firings))).toEqual(new Set([1]))
    expect(firingMs).toBe(14 * 55 * 60_000)
    expect(items).toBe(14 * 1_440)
    expect(truncated).toBe(false)
  })

  it("fills windows with what was before its range, and tells nothing of that", () => {
    const mean: Partial<RuleDocument> = {
      aggregates: { mean: { function: "avg", window: { type: "sliding", size: "2h" } } },
      condition: "value > mean + 20.0",
    }
    const from = start + day
    const result = run(mean, series(2), from, from + day - 1)
    expect(result.firings.map(({ firedAt }) => firedAt)).toEqual([from + 6 * 3_600_000])
    expect(result.counts.firings).toBe(1)
  })

  it("lets time pass without messages: absence is found, and a hold that ends after the last message", () => {
    const absence: Partial<RuleDocument> = {
      condition: "false",
      missing_data: { after: "10m", state: "firing" },
    }
    const messages = series(1).filter((_, minute) => minute < 600 || minute > 720)
    const { firings } = run(absence, messages, start, start + day - 1)
    expect(firings).toMatchObject([
      { firedAt: start + (599 + 10) * 60_000, resolvedAt: start + 721 * 60_000 },
    ])
  })

  it("ends at the end of its range: what fires then is open", () => {
    const { firings, firingMs } = run({}, series(1), start, start + 6.5 * 3_600_000)
    expect(firings).toHaveLength(1)
    expect(firings[0]).not.toHaveProperty("resolvedAt")
    expect(firingMs).toBe(30 * 60_000)
  })

  it("counts what fired before its range from the beginning of the range on, whether or not it ended", () => {
    const window: Partial<RuleDocument> = {
      aggregates: { most: { function: "max", window: { type: "sliding", size: "10m" } } },
      condition: "most > 90.0",
    }
    const from = start + 6.5 * 3_600_000
    const { counts, firingMs } = run(window, series(1), from, from + 10 * 60_000)
    expect(counts.firings).toBe(0)
    expect(firingMs).toBe(10 * 60_000)
  })

  it("tells what late samples brought about while its range was stored", () => {
    const [from, until] = [start + 10 * day, start + 11 * day]
    const late = series(1).map((message, minute) => ({
      ...message,
      place: { sequence: minute + 1, at: from + 60_000 + minute },
    }))
    const { firings, counts, firingMs, perDay } = run({}, late, from, until)
    expect(firings).toMatchObject([
      { firedAt: start + 6 * 3_600_000, resolvedAt: start + 7 * 3_600_000, value: 95 },
    ])
    expect(counts).toMatchObject({ firing: 1, resolved: 1, firings: 1 })
    expect(firingMs).toBe(3_600_000)
    expect(perDay.reduce((sum, { firings }) => sum + firings, 0)).toBe(1)
  })

  it("has each match of a rule without states as a firing", () => {
    const { firings, counts } = run({ mode: "trigger" }, series(2), start, start + 2 * day)
    expect(counts).toMatchObject({ matched: 2, firings: 2, firing: 0 })
    expect(firings.map(({ resolvedAt }) => resolvedAt)).toEqual(firings.map(({ firedAt }) => firedAt))
  })
})

describe("a CSV", () => {
  it("is read as samples by time, with labels", () => {
    const text =
      'timestamp,value,host\n2026-03-29 12:05:00,2,"a ""x"", b"\n2026-03-29T12:00:00Z,1.5,c\n1774785900,3,c\n'
    const read = readCsv(text, "cpu")
    const messages = "messages" in read ? read.messages : []
    expect(
      messages.map(
        (message) =>
          "columns" in message && [message.place.at, message.columns.series, [...message.columns.values]],
      ),
    ).toEqual([
      [Date.UTC(2026, 2, 29, 12), ['["cpu","host","c"]'], [1.5]],
      [Date.UTC(2026, 2, 29, 12, 5), ['["cpu","host","a \\"x\\", b"]', '["cpu","host","c"]'], [2, 3]],
    ])
  })

  it.each([
    ["time,value\n1,2", "line 1"],
    ["timestamp,value,host,host\n1,2,a,b", "line 1"],
    ["timestamp,value\n2026-03-29 12:00:00,1\nyesterday,2", "line 3"],
    ["timestamp,value\n1700000000,many", "line 2"],
    ["timestamp,value\n1700000000,", "line 2"],
    ["timestamp,value\n1700000000,1,2", "line 2"],
    ['timestamp,value,host\n1700000000,1,"a', "line 2"],
  ])("%j is refused with the line and what to do", (text, line) => {
    expect(readCsv(text, "cpu")).toMatchObject({ problems: [{ field: line, remedy: expect.any(String) }] })
  })
})
