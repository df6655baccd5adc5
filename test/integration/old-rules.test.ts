/** What an upgrade from 0.3 leaves to be done, on a whole node that finds what 0.3 stored. */
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { RuleIndex } from "../../actors/index.ts"
import { KeyValue } from "../../engine/index.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
}, 120_000)
afterAll(() => node?.stop())

const tenant = "upgraded"
/** As 0.3 wrote them, cut to what is read of them. */
const snapshot = (state: unknown) => ({
  v: 1,
  version: 1,
  state,
  sequence: 0,
  timers: [],
  activities: [],
  remembered: [],
})
const definition = {
  name: "cpu",
  metric: "cpu",
  group_by: ["host"],
  operator: ">",
  threshold: 80,
  for_ms: 1_000,
  severity: "warning",
  notify: "guide",
  enabled: true,
}
const stored = {
  [`snapshot/${tenant}/rule-index/default`]: snapshot({
    version: 1,
    rules: [{ rule: "old", metric: "cpu" }],
  }),
  [`snapshot/${tenant}/cep-rule/old`]: snapshot({
    rule: "old",
    definition,
    groups: {},
    evaluations: 5,
    matches: 3,
    ignored: 1,
  }),
}

describe("rules of 0.3", () => {
  it("enter their lanes and lists though nobody reads them", async () => {
    const writes = Object.entries(stored).map(([key, value]) => ({
      key,
      value: new TextEncoder().encode(JSON.stringify(value)),
      expectedRevision: 0,
    }))
    const put = Effect.flatMap(KeyValue.KeyValue, (store) => store.putMany(writes))
    await node.run(put as Effect.Effect<unknown, unknown>)
    await node.request("POST", "/api/admin/tenants/", { body: { id: tenant, name: "Upgraded" } })
    const listed = RuleIndex.use((index) => index.list(tenant, { page: 1, limit: 100, search: "old" }))
    for (;;) {
      const { rows } = await node.run(listed)
      if (rows.length > 0) {
        expect(rows).toMatchObject([{ rule: "old", document: { condition: "value > 80.0" } }])
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const token = await node.login("ann", { tenant })
    for (;;) {
      const answer = await node.request("GET", "/api/cep/rules/old/monitor", { token })
      const { status } = (await answer.json()) as { status: string }
      if (status === "running") break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }, 60_000)
})
