/** What senders, and writers of rules, try against rules and alerts that are not theirs, on a whole node. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode

beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: "developer,writer" })
})
afterAll(() => node.stop())

const call = async (method: string, path: string, body?: unknown, token?: string) => {
  const response = await node.request(method, path, { body, token })
  const text = await response.text()
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) }
}
/** Until it holds; the database follows the desk. */
const until = <A>(read: () => Promise<A>, holds: (value: A) => boolean): Promise<A> =>
  vi.waitUntil(async () => [await read()].find(holds), { timeout: 10_000, interval: 25 }) as Promise<A>
const listed = async (rule: string) =>
  (await call("GET", `/api/cep/alerts?rule=${rule}`)).body.alerts as ReadonlyArray<{
    readonly labels: Readonly<Record<string, string>>
    readonly name: string
    readonly severity: string
  }>
const onEvent = { name: "Hostile", trigger: { type: "event", event: "hostile.event" }, mode: "alert" }

describe("a sender of events", () => {
  it.each([
    [{ type: "a", origin: { rule: "r", lane: 0, number: 1e9 } }],
    [{ type: "a", depth: 16 }],
    [{ type: "millrace.late" }],
    [{ type: "millrace.schedule/r" }],
    [{ type: "millrace.schedule" }],
  ])("cannot pass for a rule or a schedule: %j", async (event) => {
    expect((await call("POST", "/api/cep/events", { events: [event] })).status).toBe(400)
  })

  it("is told of by an alert whatever the texts are that it sends", async () => {
    const rule = { ...onEvent, group_by: ["host"], annotations: { said: "{{ event.text }}" } }
    expect((await call("PUT", "/api/cep/rules/odd-texts", rule)).status).toBe(201)
    const odd = [
      "\u0000",
      "\ud800",
      `${"x".repeat(255)}😀`,
      "\u202e<b>&amp;",
      "constructor",
      "__proto__",
      "last",
    ]
    for (const text of odd) {
      const event = { type: "hostile.event", attributes: { host: text, text } }
      const { status } = await call("POST", "/api/cep/events", { events: [event] })
      expect([202, 400]).toContain(status)
    }
    const alerts = await until(
      () => listed("odd-texts"),
      (some) => some.some(({ labels }) => labels.host === "last"),
    )
    expect(alerts.length).toBeGreaterThanOrEqual(5)
  })
})

describe("a sender of alerts", () => {
  it("gives them no severity and no time that there is not", async () => {
    const alerts = ["constructor", "__proto__", "toString"].map((severity) => ({
      labels: { alertname: `of ${severity}`, severity },
      startsAt: "+275760-09-13T00:00:00Z",
      endsAt: "+275760-09-13T00:00:00Z",
    }))
    const taken = await call("POST", "/api/cep/alertmanager/api/v2/alerts", alerts)
    expect(taken).toMatchObject({ status: 200 })
    const told = await until(
      () => listed("alertmanager"),
      ({ length }) => length === 3,
    )
    expect(told.map(({ severity }) => severity)).toEqual(["warning", "warning", "warning"])
  })

  it("cannot take the place of a rule: no rule is called as they are", async () => {
    for (const rule of ["alertmanager", "alert-desk"])
      expect((await call("PUT", `/api/cep/rules/${rule}`, onEvent)).status).toBe(422)
  })
})

describe("a writer of rules", () => {
  const acting = {
    ...onEvent,
    actions: [{ type: "execute_agent", agent: "ops", message: "do it" }],
  }

  it("owns what they write, whoever wrote it before and whomever they name", async () => {
    const token = await node.login("writer")
    const named = { ...onEvent, owner: "developer" }
    expect(await call("PUT", "/api/cep/rules/owned", onEvent)).toMatchObject({ status: 201 })
    const after = await call("PUT", "/api/cep/rules/owned", named, token)
    expect(after).toMatchObject({ status: 200, body: { document: { owner: "writer" } } })
    const restored = await call("POST", "/api/cep/rules/owned/versions/1/restore", undefined, token)
    expect(restored.body.document.owner).toBe("writer")
  })

  it("lets no rule act who may not act so with this very credential: not saved, switched on or brought back", async () => {
    const narrow = await node.narrow(await node.login("writer"), ["cep:read", "cep:write"])
    const path = "/api/cep/rules/acting"
    expect(await call("PUT", path, acting, narrow)).toMatchObject({ status: 403 })
    expect(await call("PUT", path, { ...acting, enabled: false })).toMatchObject({ status: 201 })
    expect(await call("POST", `${path}/enable`, undefined, narrow)).toMatchObject({ status: 403 })
    expect(await call("PUT", path, onEvent, narrow)).toMatchObject({ status: 200 })
    expect(await call("POST", `${path}/versions/1/restore`, undefined, narrow)).toMatchObject({ status: 403 })
    expect(await call("POST", `${path}/enable`, undefined, narrow)).toMatchObject({ status: 200 })
  })

  it("reads and writes with the permission for it alone", async () => {
    const token = await node.login("writer")
    const [reader, sender] = [
      await node.narrow(token, ["cep:read"]),
      await node.narrow(token, ["metric:write"]),
    ]
    const document = { document: onEvent, samples: [] }
    for (const [path, body] of [
      ["/api/cep/rules/owned/disable", undefined],
      ["/api/cep/silences", { matchers: [{ name: "rule", value: "x", operator: "=" }], duration: "1h" }],
      ["/api/cep/alerts/0000000000000000/resolve", undefined],
    ] as const)
      for (const key of [reader, sender])
        expect([path, (await call("POST", path, body, key)).status]).toEqual([path, 403])
    for (const path of [
      "/api/cep/rules",
      "/api/cep/alerts",
      "/api/cep/monitor",
      "/api/cep/notifications",
      "/api/cep/notifications/channels",
    ])
      expect([path, (await call("GET", path, undefined, sender)).status]).toEqual([path, 403])
    expect((await call("POST", "/api/cep/backtest", document, sender)).status).toBe(403)
    const response = await node.request("GET", "/api/cep/alerts/stream", { token: sender })
    await response.body?.cancel()
    expect(response.status).toBe(403)
  })
})
