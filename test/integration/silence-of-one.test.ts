/** An alert is silenced by all its labels, or not at all: others must not fall silent with it. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode

beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.stop())

it("an alert with more labels than a silence has matchers is not silenced in part, and its neighbours neither", async () => {
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, label) => [`l${label}`, "x"]))
  const pods = ["a", "b"].map((pod) => ({ labels: { alertname: "Many", ...many, pod } }))
  const told = await node.request("POST", "/api/cep/alertmanager/api/v2/alerts", { body: pods })
  expect(told.status).toBe(200)
  const read = async () => {
    const response = await node.request("GET", "/api/cep/alerts?rule=alertmanager")
    return (await response.json()) as {
      readonly alerts: ReadonlyArray<{ readonly fingerprint: string; readonly silenced: boolean }>
    }
  }
  await expect.poll(async () => (await read()).alerts.length, { timeout: 10_000 }).toBe(2)
  const { alerts } = await read()
  const path = `/api/cep/alerts/${alerts[0]!.fingerprint}/silence`
  const refused = await node.request("POST", path, { body: { duration: "1h" } })
  expect(refused.status).toBe(422)
  expect(await refused.json()).toMatchObject({
    error: {
      code: "CEP_QUIET_002",
      details: { problems: [{ field: "labels", remedy: expect.any(String) }] },
    },
  })
  const silences = await node.request("GET", "/api/cep/silences")
  expect(await silences.json()).toMatchObject({ silences: [] })
})
