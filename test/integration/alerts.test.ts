/** Alerts over HTTP on a whole node: lists and histories, what people do about them, alerts of others. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  type AlertingNode,
  alertOn,
  type Body,
  one,
  startAlertingNode,
  until,
} from "../support/alerting-node.ts"

let setup: AlertingNode

beforeAll(async () => {
  setup = await startAlertingNode()
})
afterAll(() => setup.node.stop())

const call: AlertingNode["call"] = (...given) => setup.call(...given)
const take: AlertingNode["take"] = (...given) => setup.take(...given)
const alertsOf: AlertingNode["alertsOf"] = (query) => setup.alertsOf(query)

describe("alerts", () => {
  it("are listed by state, severity, rule, label and text, and told with their history", async () => {
    await take(
      alertOn(1, "pending", "h1"),
      alertOn(2, "firing", "h1", { value: 97, severity: "critical" }),
      alertOn(1, "firing", "h2"),
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
    await take(alertOn(1, "firing", "h3"))
    const token = await setup.node.login("developer")
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
    const reader = await setup.node.narrow(await setup.node.login("developer"), ["cep:read"])
    expect((await call("GET", "/api/cep/alerts", undefined, { token: reader })).status).toBe(200)
    expect((await call("POST", `${one("h1")}/ack`, {}, { token: reader })).status).toBe(403)
    expect((await call("POST", "/api/cep/alertmanager", {}, { token: reader })).status).toBe(403)
  })

  it("are followed as they change", async () => {
    const response = await setup.node.request("GET", "/api/cep/alerts/stream")
    expect(response.headers.get("content-type")).toContain("text/event-stream")
    await take(alertOn(1, "firing", "h9"))
    const reader = response.body!.getReader()
    let text = ""
    while (!text.includes('"h9"')) text += new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    expect(text).toMatch(/data: \{"type":"alert","alert":\{/)
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

  it("that a Prometheus posts without an end are over after the time that the tenant set", async () => {
    const grouping = "/api/cep/notifications/grouping"
    expect(await call("PUT", grouping, { resolve_timeout: "1s" })).toMatchObject({ status: 200 })
    const labels = { alertname: "Endless", instance: "web-1" }
    expect(await call("POST", "/api/cep/alertmanager/api/v2/alerts", [{ labels }])).toMatchObject({
      status: 200,
    })
    const endless = () => alertsOf("rule=alertmanager&label=alertname=Endless")
    const { alerts } = await until(endless, (page) => page.alerts[0]?.state === "resolved")
    const { body } = await call("GET", `/api/cep/alerts/${alerts[0]!.fingerprint}`)
    expect((body.history as ReadonlyArray<Body>).map(({ to, cause }) => `${to} ${cause}`)).toEqual([
      "resolved expired",
      "firing alertmanager",
    ])
    await call("PUT", grouping, {})
  })
})
