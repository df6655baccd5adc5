import { describe, expect, it } from "vitest"
import type { LiveRule } from "../../../../../actors/cep/group/live-rule.ts"
import { type KnownSeries, knownCharactersMax, TenantRules } from "../../../../../actors/cep/tenant-rules.ts"
import { seriesText } from "../../../../../streams/index.ts"

describe("the series that a tenant's rules know without looking", () => {
  it("take so much memory at most, however long their labels are", () => {
    const rules = new TenantRules("acme")
    const into: Array<KnownSeries> = []
    const labelsOf = (host: number) => ({ host: `${host}`.padEnd(10_000, "x") })
    const batch = (message: number) =>
      Array.from({ length: 10 }, (_, one) => seriesText("cpu", labelsOf(10 * message + one)))
    let most = 0
    for (let message = 0; message * 100_000 < 1.5 * knownCharactersMax; message++) {
      rules.know(batch(message), into)
      expect(into[9]!.labels).toEqual(labelsOf(10 * message + 9))
      most = Math.max(most, rules.series.size)
    }
    expect(most * 10_000).toBeGreaterThan(0.9 * knownCharactersMax)
    expect(most * 10_000).toBeLessThan(1.1 * knownCharactersMax)
  })

  it("do not keep rules that are gone, also where no sample of a series comes any more", () => {
    const rules = new TenantRules("acme")
    const ruleOf = (serial: number) => {
      const program = { inputs: [{ isEvent: false, name: "cpu", where: {}, isTrigger: true }], groupBy: [] }
      const groups = new Map(Array.from({ length: 400 }, (_, group) => [group, {}]))
      return { rule: "r", serial, program, groups } as unknown as LiveRule
    }
    for (let serial = 1; serial <= 50; serial++) {
      const rule = ruleOf(serial)
      rules.install(rule)
      rules.know([seriesText("cpu", { pod: `${serial}` })], [])
      rules.remove(rule)
    }
    const kept = [...rules.series.values()].flatMap(({ routes }) => routes.map(({ rule }) => rule))
    expect(new Set(kept).size).toBeLessThan(5)
  })
})
