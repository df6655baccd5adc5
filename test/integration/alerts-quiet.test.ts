/** What keeps alerts quiet, over HTTP on a whole node: silences, planned work, inhibitions. */
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

describe("what keeps alerts quiet", () => {
  const matchers = [{ name: "host", value: "q1", operator: "=" }]

  it("is written, changed, listed, ended and audited", async () => {
    const made = await call("POST", "/api/cep/silences", { matchers, duration: "1h", comment: "known" })
    expect(made).toMatchObject({ status: 201, body: { active: true, comment: "known" } })
    const path = `/api/cep/silences/${made.body.silence_id}`
    await take(alertOn(1, "firing", "q1"))
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
    await take(alertOn(1, "firing", "q2"))
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
