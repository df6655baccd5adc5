import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { matches } from "../../../../actors/alert-desk/matchers.ts"
import { QuietIndex } from "../../../../actors/alert-desk/quiet-index.ts"
import type { Matcher } from "../../../../schemas/index.ts"

const matcher: fc.Arbitrary<Matcher> = fc.record({
  name: fc.constantFrom("host", "region", "severity", "alertname"),
  value: fc.constantFrom("", "a", "b", "a|b", ".*", ".+", "a.*", "warning"),
  operator: fc.constantFrom("=", "!=", "=~", "!~"),
})
const text = fc.constantFrom("", "a", "b", "ab")
const alert = fc.record({
  fingerprint: fc.constant("1"),
  rule: fc.constant("cpu"),
  name: text,
  severity: fc.constantFrom("warning", "critical"),
  labels: fc.record({ host: text, region: text }, { requiredKeys: [] }),
})

describe("an index of silences", () => {
  it("finds for each alert those whose matchers all hold, in their order, also when it is asked again", () => {
    const lists = fc.array(fc.array(matcher, { minLength: 1, maxLength: 4 }), { maxLength: 70 })
    fc.assert(
      fc.property(lists, fc.array(alert, { maxLength: 20 }), (all, alerts) => {
        const silences = all.map((matchers, place) => ({ id: `s${place}`, matchers }))
        const index = new QuietIndex(silences)
        for (const one of [...alerts, ...alerts]) {
          const expected = silences.filter(({ matchers }) => matches(matchers, one)).map(({ id }) => id)
          expect(index.fitting(one)).toEqual(expected)
        }
      }),
    )
  })

  it("asks the matchers of a label once for each text, and none of a silence that cannot fit any more", () => {
    const asked: Array<string> = []
    const noted = (value: string): Matcher => ({
      name: "host",
      operator: "=~",
      get value() {
        asked.push(value)
        return value
      },
    })
    const region: Matcher = { name: "region", value: "eu", operator: "=" }
    const index = new QuietIndex([
      { id: "eu", matchers: [region, noted("web.*")] },
      { id: "us", matchers: [{ ...region, value: "us" }, noted("db.*")] },
    ])
    const of = (host: string) => ({
      fingerprint: "1",
      rule: "cpu",
      name: "CPU",
      severity: "warning",
      labels: { host, region: "eu" },
    })
    for (let times = 0; times < 10; times++) expect(index.fitting(of("web-1"))).toEqual(["eu"])
    expect(asked).toEqual(["web.*"])
    expect(index.fitting(of("db-1"))).toEqual([])
    expect(asked).toEqual(["web.*", "web.*"])
  })
})
