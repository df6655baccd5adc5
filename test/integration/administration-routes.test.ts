/** Tenants, settings, audit log and statistics over HTTP, on a whole node. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node?.stop())

const call = async (
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
) => {
  const response = await node.request(method, path, options)
  const text = await response.text()
  // biome-ignore lint/suspicious/noExplicitAny: whatever the route answers
  const body: any = text === "" ? undefined : JSON.parse(text)
  return { status: response.status, body, etag: response.headers.get("etag") ?? "" }
}

describe("tenants over HTTP", () => {
  it("are made once, listed, suspended and resumed under their version, and told in the audit log", async () => {
    const made = await call("POST", "/api/admin/tenants/", { body: { id: "acme", name: "Acme" } })
    expect(made).toMatchObject({ status: 201, body: { id: "acme", state: "active", own_database: false } })
    expect(
      (await call("POST", "/api/admin/tenants/", { body: { id: "acme", name: "x" } })).body.error.code,
    ).toBe("TEN_MGT_002")
    const suspend = { body: { state: "suspended" }, headers: { "if-match": made.etag } }
    expect((await call("PATCH", "/api/admin/tenants/acme", suspend)).body.state).toBe("suspended")
    expect((await call("PATCH", "/api/admin/tenants/acme", suspend)).status).toBe(412)
    const listed = await call("GET", "/api/admin/tenants?state=suspended")
    expect(listed.body).toMatchObject({ total: 1, tenants: [{ id: "acme" }] })
    await call("PATCH", "/api/admin/tenants/acme", { body: { state: "active" } })
    const log = await call("GET", "/api/admin/audit-log/?object_type=tenant&object_id=acme")
    expect(log.body.entries.map(({ action }: { action: string }) => action)).toEqual([
      "tenant.resume",
      "tenant.suspend",
      "tenant.create",
    ])
  })

  it("are refused with a reason: bad names, unknown ones, the platform's own, databases that cannot be", async () => {
    const codeOf = async (...request: Parameters<typeof call>) => {
      const { status, body } = await call(...request)
      return [status, body.error.code]
    }
    for (const id of ["", "-a", "a-", "A", "a.b", "a".repeat(41), "../x"])
      expect(await codeOf("POST", "/api/admin/tenants/", { body: { id, name: "x" } })).toEqual([
        400,
        "GTW_BODY_006",
      ])
    expect(await codeOf("GET", "/api/admin/tenants/nobody")).toEqual([404, "TEN_MGT_001"])
    const suspended = { body: { state: "suspended" } }
    expect(await codeOf("PATCH", "/api/admin/tenants/default", suspended)).toEqual([422, "TEN_MGT_004"])
    const own = { id: "own", name: "x", database_url: "postgres://u:p@127.0.0.1/x" }
    const refused = await call("POST", "/api/admin/tenants/", { body: own })
    expect(refused).toMatchObject({ status: 422, body: { error: { code: "TEN_DB_001" } } })
    expect(refused.body.error.details.remedy).toContain("DATABASE_URL")
  })
})

describe("settings, audit log and statistics over HTTP", () => {
  it("a setting changes what the next request does, and goes back to its default", async () => {
    const before = await call("GET", "/api/admin/settings/audit")
    const changing = { body: { settings: { page_entries: 1 } }, headers: { "if-match": before.etag } }
    const changed = await call("PATCH", "/api/admin/settings/audit", changing)
    expect(changed.body.settings[0]).toMatchObject({
      name: "page_entries",
      value: 1,
      default: 50,
      source: "set",
    })
    expect((await call("PATCH", "/api/admin/settings/audit", changing)).status).toBe(412)
    const page = await call("GET", "/api/admin/audit-log/")
    expect(page.body.entries.length).toBe(1)
    const next = await call("GET", `/api/admin/audit-log/?cursor=${page.body.next_cursor}`)
    expect(next.body.entries[0].sequence).toBe(page.body.entries[0].sequence - 1)
    const bulk = { body: { settings: { audit: { page_entries: 9 }, ops: { answer_seconds: 1 } } } }
    const refused = await call("PUT", "/api/admin/settings/", bulk)
    expect(refused).toMatchObject({
      status: 422,
      body: { error: { details: { field: "ops.answer_seconds" } } },
    })
    const reset = await call("DELETE", "/api/admin/settings/audit/page_entries")
    expect(reset.body.settings[0]).toMatchObject({ value: 50, source: "default" })
    const history = await call("GET", "/api/admin/settings/audit/page_entries/history")
    expect(history.body.entries.length).toBe(2)
  })

  it("the audit log is verified and exported whole", async () => {
    const verdict = await call("GET", "/api/admin/audit-log/verify")
    expect(verdict.body).toMatchObject({ valid: true })
    const exported = await node.request("GET", "/api/admin/audit-log/export")
    expect(exported.headers.get("content-type")).toContain("application/x-ndjson")
    const lines = (await exported.text()).trimEnd().split("\n")
    expect(lines.map((line) => JSON.parse(line).sequence)).toEqual(lines.map((_, index) => index + 1))
    expect(lines.length).toBeGreaterThanOrEqual(verdict.body.entries)
  })

  it("statistics have the seed's shape, and refuse a range that is none", async () => {
    const { status, body } = await call(
      "GET",
      "/api/admin/statistics/?start_date=2026-01-01&end_date=2026-01-31",
    )
    expect(status).toBe(200)
    expect(body).toMatchObject({
      period: "2026-01-01 to 2026-01-31",
      statistics: { active_users: 0, total_sessions: 0, total_api_calls: 0, llm_usage: {} },
    })
    expect(body.daily_breakdown.length).toBe(31)
    for (const [query, code] of [
      ["start_date=2026-02-30&end_date=2026-03-01", "STA_QRY_001"],
      ["start_date=2026-03-02&end_date=2026-03-01", "STA_QRY_002"],
      ["start_date=2024-01-01&end_date=2026-03-01", "STA_QRY_003"],
    ])
      expect((await call("GET", `/api/admin/statistics/?${query}`)).body.error.code).toBe(code)
  })
})
