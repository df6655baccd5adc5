/** Alerts over HTTP on a whole node: lists and histories, what people do about them, what keeps them quiet, alerts of others. */

import type * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { Engine } from "../../engine/index.ts"
import { AlertDeskProtocol, alertDeskKey, type Transition } from "../../schemas/index.ts"
import { fingerprint, transition } from "../support/alert-desk.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode

beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.stop())

interface Body {
  readonly [field: string]: unknown
}
const call = async (
  method: string,
  path: string,
  body?: unknown,
  more: { readonly token?: string | undefined; readonly headers?: Record<string, string> } = {},
) => {
  const response = await node.request(method, path, { body, ...more })
  const text = await response.text()
  return {
    status: response.status,
    tag: response.headers.get("ETag"),
    body: (text === "" ? {} : JSON.parse(text)) as Body & { readonly error?: Body },
  }
}
/** Until it holds; the database follows the desk. */
const until = <A>(read: () => Promise<A>, holds: (value: A) => boolean): Promise<A> =>
  vi.waitUntil(async () => [await read()].find(holds), { timeout: 10_000, interval: 25 }) as Promise<A>
const take = (...transitions: ReadonlyArray<Transition>) =>
  node.run(
    Engine.use((engine) =>
      engine.ask(AlertDeskProtocol, alertDeskKey, { _tag: "Take", transitions }, { tenant: "default" }),
    ) as never as Effect.Effect<unknown>,
  )
const alertsOf = async (query: string) => {
  const { body } = await call("GET", `/api/cep/alerts?${query}`)
  return body as { readonly alerts: ReadonlyArray<Body>; readonly total: number }
}
const one = (host: string) => `/api/cep/alerts/${fingerprint(host, "disk")}`
const of = (number: number, to: Transition["to"], host: string, more: Partial<Transition> = {}) =>
  transition(number, to, { rule: "disk", host, at: Date.now(), ...(more as object), policy: { actions: [] } })

describe("alerts", () => {
  it("are listed by state, severity, rule, label and text, and told with their history", async () => {
    await take(
      of(1, "pending", "h1"),
      of(2, "firing", "h1", { value: 97, severity: "critical" }),
      of(1, "firing", "h2"),
    )
    const listed = await until(
      () => alertsOf("rule=disk&state=firing"),
      ({ total }) => total === 2,
    )
    expect(listed.alerts.map(({ state }) => state)).toEqual(["firing", "firing"])
    for (const query of ["severity=critical", "label=host=h1", "search=H1&state=firing"])
      expect(await alertsOf(`rule=disk&${query}`)).toMatchObject({
        total: 1,
        alerts: [{ labels: { host: "h1" } }],
      })
    expect(await alertsOf("rule=disk&limit=1&page=2")).toMatchObject({ total: 2, alerts: [{}] })
    expect(await alertsOf("rule=disk&active=false")).toMatchObject({ total: 0 })
    const { body } = await call("GET", one("h1"))
    expect(body).toMatchObject({
      alert: { state: "firing", value: 97, severity: "critical", silenced: false },
      history: [
        { from: "pending", to: "firing", cause: "condition" },
        { to: "pending", cause: "condition" },
      ],
    })
  })

  it("that nobody knows of, and filters that are none, are answered as that", async () => {
    expect(await call("GET", "/api/cep/alerts/unknown")).toMatchObject({
      status: 404,
      body: { error: { code: "CEP_ALERT_001" } },
    })
    expect(await call("POST", "/api/cep/alerts/unknown/ack", {})).toMatchObject({ status: 404 })
    expect(await call("GET", "/api/cep/alerts?label=team")).toMatchObject({
      status: 400,
      body: { error: { details: { field: "label" } } },
    })
  })

  it("are acknowledged and resolved by whoever is logged in, who stands in the history", async () => {
    await take(of(1, "firing", "h3"))
    const token = await node.login("developer")
    const acknowledged = await call("POST", `${one("h3")}/ack`, { comment: "at it" }, { token })
    expect(acknowledged).toMatchObject({
      status: 200,
      body: { acknowledged: { by: "developer", comment: "at it" } },
    })
    const by = "developer"
    await until(
      () => alertsOf("rule=disk&acknowledged=true"),
      ({ total }) => total === 1,
    )
    expect((await call("DELETE", `${one("h3")}/ack`)).body).not.toHaveProperty("acknowledged")
    const { body: over } = await call("POST", `${one("h3")}/resolve`)
    expect(over).toMatchObject({ state: "resolved" })
    expect(over.since).toBe(over.resolved_at)
    expect(String(over.fired_at) < String(over.resolved_at)).toBe(true)
    expect(await call("POST", `${one("h3")}/resolve`)).toMatchObject({
      status: 409,
      body: { error: { code: "CEP_ALERT_002" } },
    })
    const { body } = await until(
      () => call("GET", one("h3")),
      ({ body }) => (body.history as ReadonlyArray<Body>).length === 4,
    )
    expect((body.history as ReadonlyArray<Body>).map(({ cause, by }) => [cause, by])).toEqual([
      ["resolved by hand", by],
      ["unacknowledged", by],
      ["acknowledged", by],
      ["condition", undefined],
    ])
    expect(body.history).toMatchObject([{}, {}, { comment: "at it" }, {}])
  })

  it("need the permission to be changed", async () => {
    const reader = await node.narrow(await node.login("developer"), ["cep:read"])
    expect((await call("GET", "/api/cep/alerts", undefined, { token: reader })).status).toBe(200)
    expect((await call("POST", `${one("h1")}/ack`, {}, { token: reader })).status).toBe(403)
    expect((await call("POST", "/api/cep/alertmanager", {}, { token: reader })).status).toBe(403)
  })

  it("are followed as they change", async () => {
    const response = await node.request("GET", "/api/cep/alerts/stream")
    expect(response.headers.get("content-type")).toContain("text/event-stream")
    await take(of(1, "firing", "h9"))
    const reader = response.body!.getReader()
    let text = ""
    while (!text.includes('"h9"')) text += new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    expect(text).toMatch(/data: \{"type":"alert","alert":\{/)
  })
})

describe("what keeps alerts quiet", () => {
  const matchers = [{ name: "host", value: "q1", operator: "=" }]

  it("is written, changed, listed, ended and audited", async () => {
    const made = await call("POST", "/api/cep/silences", { matchers, duration: "1h", comment: "known" })
    expect(made).toMatchObject({ status: 201, body: { active: true, comment: "known" } })
    const path = `/api/cep/silences/${made.body.silence_id}`
    await take(of(1, "firing", "q1"))
    expect((await call("GET", one("q1"))).body).toMatchObject({ alert: { silenced: true } })
    await until(
      () => alertsOf("rule=disk&silenced=true"),
      ({ total }) => total === 1,
    )
    const wider = { matchers: [{ name: "host", value: "q[0-9]", operator: "=~" }], duration: "2h" }
    expect(await call("PUT", path, wider)).toMatchObject({ status: 200, body: { matchers: wider.matchers } })
    expect((await call("GET", "/api/cep/silences")).body.silences).toMatchObject([
      { matchers: wider.matchers },
    ])
    expect((await call("DELETE", path)).status).toBe(204)
    expect((await call("DELETE", path)).status).toBe(404)
    expect((await call("PUT", path, wider)).status).toBe(404)
    expect((await call("GET", one("q1"))).body).toMatchObject({ alert: { silenced: false } })
    const audit = await until(
      () => call("GET", "/api/admin/audit-log/?object_type=silence"),
      ({ body }) => (body.entries as ReadonlyArray<Body>).length === 3,
    )
    expect((audit.body.entries as ReadonlyArray<Body>).map(({ action }) => action)).toEqual([
      "silence.ended",
      "silence.changed",
      "silence.created",
    ])
  })

  it("of whatever kind is not overwritten or ended by who read it before somebody changed it", async () => {
    const inhibition = { source: matchers, target: matchers, equal: [] }
    const work = { name: "Work", matchers, cron: "0 2 * * 0", duration: "2h" }
    for (const [area, id, body] of [
      ["silences", "silence_id", { matchers, duration: "1h" }],
      ["maintenance", "maintenance_id", work],
      ["inhibitions", "inhibition_id", inhibition],
    ] as const) {
      const made = await call("POST", `/api/cep/${area}`, body)
      expect(made).toMatchObject({ status: 201, tag: '"1"', body: { version: 1 } })
      const path = `/api/cep/${area}/${made.body[id]}`
      const headers = { "If-Match": '"1"' }
      expect(await call("PUT", path, body, { headers })).toMatchObject({ tag: '"2"', body: { version: 2 } })
      const stale = { status: 412, body: { error: { code: "CEP_QUIET_003", details: { version: 2 } } } }
      expect(await call("PUT", path, body, { headers })).toMatchObject(stale)
      expect(await call("DELETE", path, undefined, { headers })).toMatchObject(stale)
      const read = await call("GET", path)
      expect(read).toMatchObject({ status: 200, tag: '"2"', body: { version: 2 } })
      expect(await call("DELETE", path, undefined, { headers: { "If-Match": read.tag! } })).toMatchObject({
        status: 204,
      })
      expect((await call("GET", path)).status).toBe(404)
    }
  })

  it("is refused with the field and the remedy when it is none", async () => {
    const bad = { matchers: [{ name: "host", value: "(", operator: "=~" }], duration: "1h" }
    expect(await call("POST", "/api/cep/silences", bad)).toMatchObject({
      status: 422,
      body: { error: { code: "CEP_QUIET_002", details: { problems: [{ field: "matchers.0.value" }] } } },
    })
    expect(await call("POST", "/api/cep/silences", { matchers })).toMatchObject({
      status: 422,
      body: { error: { details: { problems: [{ field: "ends_at" }] } } },
    })
    expect(
      await call("POST", "/api/cep/maintenance", { name: "n", matchers, cron: "never", duration: "1h" }),
    ).toMatchObject({
      status: 422,
      body: { error: { details: { problems: [{ field: "cron" }] } } },
    })
  })

  it("comes of one alert, of planned work and of other alerts too", async () => {
    await take(of(1, "firing", "q2"))
    const silence = await call("POST", `${one("q2")}/silence`, { duration: "30m", comment: "known" })
    expect(silence.body.matchers).toEqual([
      { name: "rule", value: "disk", operator: "=" },
      { name: "host", value: "q2", operator: "=" },
      { name: "rule_label", value: "x", operator: "=" },
    ])
    expect((await call("GET", one("q2"))).body).toMatchObject({ alert: { silenced: true } })
    const work = { name: "Backups", matchers, cron: "0 2 * * 0", time_zone: "Europe/Berlin", duration: "2h" }
    const planned = await call("POST", "/api/cep/maintenance", work)
    expect(planned).toMatchObject({ status: 201, body: { ...work, window: {} } })
    expect((await call("GET", "/api/cep/maintenance")).body.maintenance).toMatchObject([work])
    expect((await call("DELETE", `/api/cep/maintenance/${planned.body.maintenance_id}`)).status).toBe(204)
    const inhibition = {
      source: matchers,
      target: [{ name: "severity", value: "info", operator: "=" }],
      equal: ["host"],
    }
    const made = await call("POST", "/api/cep/inhibitions", inhibition)
    expect(made).toMatchObject({ status: 201, body: inhibition })
    const path = `/api/cep/inhibitions/${made.body.inhibition_id}`
    expect(await call("PUT", path, { ...inhibition, equal: [] })).toMatchObject({ body: { equal: [] } })
    expect((await call("DELETE", path)).status).toBe(204)
  })
})

describe("alerts of others", () => {
  const labels = { alertname: "InstanceDown", severity: "critical", instance: "db-1" }
  const hook = (status: string, more: Body = {}) => ({
    version: "4",
    groupKey: '{}:{alertname="InstanceDown"}',
    truncatedAlerts: 0,
    status,
    receiver: "millrace",
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: "http://alertmanager.example",
    alerts: [
      {
        status,
        labels,
        annotations: { summary: "db-1 is down" },
        startsAt: "2026-11-20T10:00:00.123456789+01:00",
        endsAt: status === "firing" ? "0001-01-01T00:00:00Z" : "2026-11-20T11:00:00Z",
        generatorURL: "http://prometheus.example/graph",
        fingerprint: "b5d4045c3f466fa9",
        ...more,
      },
    ],
  })
  const down = () => alertsOf("rule=alertmanager&label=instance=db-1&limit=5")

  it("come by Alertmanager's web hook, and are over when it says so", async () => {
    expect(await call("POST", "/api/cep/alertmanager", hook("firing"))).toMatchObject({
      status: 202,
      body: { accepted: 1 },
    })
    const [alert] = (await until(down, ({ total }) => total === 1)).alerts
    expect(alert).toMatchObject({
      name: "InstanceDown",
      state: "firing",
      severity: "critical",
      source: "alertmanager",
      since: "2026-11-20T09:00:00.123Z",
      annotations: { summary: "db-1 is down" },
    })
    await call("POST", "/api/cep/alertmanager", hook("firing"))
    await call("POST", "/api/cep/alertmanager", hook("resolved"))
    await until(down, ({ alerts }) => alerts[0]?.state === "resolved")
    const { body } = await call("GET", `/api/cep/alerts/${alert!.fingerprint}`)
    expect((body.history as ReadonlyArray<Body>).map(({ to }) => to)).toEqual(["resolved", "firing"])
  })

  it("are refused with the field that is none", async () => {
    expect(await call("POST", "/api/cep/alertmanager", { ...hook("firing"), version: "3" })).toMatchObject({
      status: 400,
      body: { error: { code: "GTW_BODY_006", details: { field: "version" } } },
    })
    expect(
      await call("POST", "/api/cep/alertmanager", hook("firing", { startsAt: "yesterday" })),
    ).toMatchObject({
      status: 400,
      body: { error: { details: { field: "alerts.0.startsAt" } } },
    })
    expect(await call("POST", "/api/cep/alertmanager?notify=a:b", hook("firing"))).toMatchObject({
      status: 400,
      body: { error: { details: { field: "notify" } } },
    })
  })

  it("come from a Prometheus server as to an Alertmanager, and are over when it stops saying them", async () => {
    const post = (endsAt: number) =>
      call("POST", "/api/cep/alertmanager/api/v2/alerts", [
        {
          labels: { alertname: "HighLoad", instance: "web-1" },
          annotations: {},
          startsAt: new Date(Date.now() - 60_000).toISOString(),
          endsAt: new Date(endsAt).toISOString(),
          generatorURL: "http://prometheus.example/graph",
        },
      ])
    const high = () => alertsOf("rule=alertmanager&label=alertname=HighLoad")
    expect(await post(Date.now() + 60_000)).toMatchObject({ status: 200 })
    await until(high, ({ alerts }) => alerts[0]?.state === "firing")
    await post(Date.now() + 300)
    await until(high, ({ alerts }) => alerts[0]?.state === "resolved")
  })
})
