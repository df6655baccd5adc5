/** Models and the grants on them over HTTP, at a whole node, as different users: shapes, refusals, caches, batches. */
import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Directory, Tenancy } from "../../resources/index.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

const tenant = "default"
const apiKey = "sk-proj-0123456789abcdefWXYZ"

let node: TestNode
let ann = { token: "", id: "" }
let bob = { token: "", id: "" }

const person = async (name: string, groups: ReadonlyArray<string> = []) => {
  const token = await node.login(name, { groups })
  const access = await node.run(Directory.use((directory) => directory.access(tenant, name)))
  return { token, id: access!.user_id }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field
type Json = any

interface Sent {
  readonly status: number
  readonly body: Json
  readonly headers: Headers
  readonly text: string
}

const sent: Array<string> = []

const send = async (
  method: string,
  path: string,
  options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Sent> => {
  const response = await node.request(method, path, options)
  const text = await response.text()
  sent.push(text)
  return {
    status: response.status,
    body: text === "" ? undefined : JSON.parse(text),
    headers: response.headers,
    text,
  }
}

const admin = "/api/admin/llm-models"
const plain = "/api/llm-models"
const v2 = "/api/v2/llm-models"

const register = async (name: string, more: object = {}) => {
  const body = { name, provider: "Custom", endpoint: "http://127.0.0.1:9/v1", api_key: apiKey, ...more }
  return (await send("POST", `${admin}/`, { body })).body.id as string
}

const active = async (name: string) => {
  const id = await register(name)
  await send("POST", `${admin}/${id}/activate`)
  return id
}

const toUser = (id: string, rights?: ReadonlyArray<string>) => ({
  grantee_type: "USER",
  grantee_id: id,
  ...(rights === undefined ? {} : { rights }),
})

const grant = (model: string, body: object, token?: string) =>
  send("POST", `${plain}/${model}/permissions`, { body, ...(token === undefined ? {} : { token }) })

const namesOf = async (token: string, query = "") =>
  (await send("GET", `${plain}/${query}`, { token })).body.map(({ name }: { name: string }) => name)

beforeAll(async () => {
  node = await startTestNode()
  ann = await person("ann", ["engineers"])
  bob = await person("bob")
}, 60_000)

afterAll(() => node?.stop())

describe("the administration of models", () => {
  it("registers as the seed shows it, and answers with the list", async () => {
    const made = await send("POST", `${admin}/`, {
      body: {
        name: "Custom LLM",
        provider: "Custom",
        endpoint: "http://custom-llm.local/api",
        api_key: apiKey,
      },
    })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({
      name: "Custom LLM",
      is_active: false,
      health_status: "unknown",
      has_api_key: true,
    })
    expect(made.text).not.toContain(apiKey)
    const { models } = (await send("GET", `${admin}/`)).body
    expect(models.map(({ name }: { name: string }) => name)).toEqual(["Custom LLM", "offline"])
    expect((await send("GET", `${admin}/`, { token: ann.token })).status).toBe(403)
  })

  it("changes the version that was read, and no other", async () => {
    const id = await register("versions")
    const read = await send("GET", `${admin}/${id}`)
    const tag = read.headers.get("etag")!
    const change = (headers: Record<string, string>) =>
      send("PATCH", `${admin}/${id}`, { body: { time_out_ms: 5_000 }, headers })
    const changed = await change({ "if-match": tag })
    expect([changed.status, changed.body.time_out_ms, changed.headers.get("etag")]).toEqual([
      200,
      5_000,
      '"2"',
    ])
    expect((await change({ "if-match": tag })).body.error.code).toBe("LLM_MODEL_005")
    expect((await send("PATCH", `${admin}/${id}`, { body: { is_builtin: true } })).status).toBe(400)
    expect(
      (
        await send("POST", `${admin}/`, {
          body: { name: "versions", provider: "Custom", endpoint: "https://x.example" },
        })
      ).status,
    ).toBe(409)
    expect((await send("DELETE", `${admin}/${id}`, { headers: { "if-match": '"2"' } })).status).toBe(204)
    expect((await send("GET", `${admin}/${id}`)).status).toBe(404)
    expect((await send("GET", `${admin}/not-an-id`)).status).toBe(400)
  })

  it("keeps a model that another falls back to", async () => {
    const target = await register("target")
    await register("falls-back", { fallback_model_id: target })
    const refused = await send("DELETE", `${admin}/${target}`)
    expect([refused.status, refused.body.error.details.models]).toEqual([409, ["falls-back"]])
  })

  it("checks a model now: one that the node may not go to is unhealthy", async () => {
    const id = await active("unreachable")
    const checked = await send("POST", `${admin}/${id}/health-check`)
    expect([checked.status, checked.body.health_status]).toEqual([200, "unhealthy"])
    expect(checked.body.last_health_check).toMatch(/^20/)
  })

  it("keeps prices by their beginning", async () => {
    const id = await register("priced")
    const price = { input_per_million: 2.5, output_per_million: 10, currency: "USD" }
    const set = await send("PUT", `${admin}/${id}/price`, { body: price })
    expect([set.status, set.body]).toEqual([200, { ...price, valid_from: expect.stringMatching(/Z$/) }])
    await send("PUT", `${admin}/${id}/price`, { body: { ...price, valid_from: "2999-01-01T00:00:00Z" } })
    const { prices } = (await send("GET", `${admin}/${id}/prices`)).body
    expect(prices.map(({ valid_from }: { valid_from: string }) => valid_from)).toEqual([
      "2999-01-01T00:00:00.000Z",
      set.body.valid_from,
    ])
    const past = { ...price, valid_from: "2020-01-01T00:00:00Z" }
    expect((await send("PUT", `${admin}/${id}/price`, { body: past })).status).toBe(422)
  })
})

describe("a grant over HTTP", () => {
  it("has the fields of the seed, and is refused as the seed says", async () => {
    const id = await active("granted")
    const made = await grant(id, { ...toUser(ann.id), model_id: id })
    expect(made.status).toBe(200)
    expect(Object.keys(made.body).sort()).toEqual([
      "created_at",
      "granted_by",
      "granted_by_name",
      "grantee_id",
      "grantee_name",
      "grantee_type",
      "id",
      "model_id",
      "rights",
      "updated_at",
    ])
    expect(made.body).toMatchObject({ grantee_name: "ann", granted_by_name: "developer", rights: ["use"] })
    const listed = await send("GET", `${plain}/${id}/permissions`)
    expect(listed.body).toEqual([made.body])
    expect((await grant(id, toUser(ann.id))).status).toBe(409)
    expect((await grant(id, toUser(randomUUID()))).body.error.code).toBe("LLM_PERM_002")
    expect((await grant(randomUUID(), toUser(ann.id))).body.error.code).toBe("LLM_MODEL_001")
    expect((await grant("not-an-id", toUser(ann.id))).status).toBe(400)
    expect((await grant(id, toUser("not-an-id"))).status).toBe(400)
    expect((await grant(id, { ...toUser(bob.id), model_id: randomUUID() })).status).toBe(400)
    expect((await grant(id, { ...toUser(bob.id), granted_by: bob.id })).status).toBe(400)
    expect((await grant(id, toUser(bob.id, []))).status).toBe(400)
    expect((await grant(id, toUser(bob.id), ann.token)).status).toBe(403)
    expect((await grant(id, toUser(bob.id), bob.token)).status).toBe(404)
    expect((await send("GET", `${plain}/${id}/permissions`, { token: ann.token })).status).toBe(403)
    expect((await send("DELETE", `${plain}/${id}/permissions/${randomUUID()}`)).status).toBe(404)
  })

  it("to a group is seen at once in lists that were kept, and so is its end", async () => {
    const id = await active("for-engineers")
    expect(await namesOf(ann.token)).not.toContain("for-engineers")
    const groups = await node.run(
      Tenancy.use(({ within }) =>
        within(
          tenant,
          (sql) => sql<{ id: string }>`SELECT id::text AS id FROM groups WHERE name = 'engineers'`,
        ),
      ),
    )
    const made = await grant(id, { grantee_type: "GROUP", grantee_id: groups[0]!.id })
    expect(await namesOf(ann.token)).toContain("for-engineers")
    expect(await namesOf(bob.token)).not.toContain("for-engineers")
    const revoked = await send("DELETE", `${plain}/${id}/permissions/${made.body.id}`)
    expect(revoked.status).toBe(204)
    expect(await namesOf(ann.token)).not.toContain("for-engineers")
  })

  it("does not outlive a membership or an activation in what was kept", async () => {
    const id = await active("membership")
    const groups = await node.run(
      Tenancy.use(({ within }) =>
        within(
          tenant,
          (sql) => sql<{ id: string }>`SELECT id::text AS id FROM groups WHERE name = 'engineers'`,
        ),
      ),
    )
    const group = groups[0]!.id
    await grant(id, { grantee_type: "GROUP", grantee_id: group })
    expect(await namesOf(ann.token)).toContain("membership")
    expect(await namesOf(ann.token, "?accessible_only=true")).toContain("membership")
    const by = { tenant, user: "system" }
    await node.run(Directory.use((directory) => directory.removeMember(by, group, ann.id)))
    expect(await namesOf(ann.token)).not.toContain("membership")
    await node.run(Directory.use((directory) => directory.addMember(by, group, ann.id)))
    expect(await namesOf(ann.token)).toContain("membership")
  })
})

describe("version 2", () => {
  it("has the envelope, pages and search of the seed", async () => {
    for (const name of ["page-a", "page-b", "page-c"]) await register(name)
    const first = await send("GET", `${v2}/?search=PAGE-&per_page=2`)
    expect(first.body).toMatchObject({
      success: true,
      message: "2 models read.",
      pagination: { page: 1, per_page: 2, total: 3, total_pages: 2, has_next: true, has_prev: false },
    })
    const path = `${v2}/?search=PAGE-&per_page=2&page=2`
    const second = await send("GET", path, { headers: { "x-request-id": "mine" } })
    expect(second.body.data.map(({ name }: { name: string }) => name)).toEqual(["page-c"])
    const again = await send("GET", path, { headers: { "x-request-id": "mine too" } })
    expect(again.body.data).toEqual(second.body.data)
    expect([second.body.request_id, again.headers.get("x-request-id")]).toEqual([
      "mine",
      again.body.request_id,
    ])
    expect(Object.keys(again.body)).toEqual(Object.keys(second.body))
    expect((await send("GET", `${v2}/?per_page=101`)).status).toBe(400)
    expect((await send("GET", `${v2}/?search=nothing-like-it&page=3`)).body.pagination.total).toBe(0)
  })

  it("never gives one user's kept answer to another", async () => {
    const id = await active("only-ann")
    await grant(id, toUser(ann.id))
    const namesAt = async (token: string) =>
      (await send("GET", `${v2}/?search=only`, { token })).body.data.map(({ name }: { name: string }) => name)
    expect([await namesAt(ann.token), await namesAt(bob.token), await namesAt(ann.token)]).toEqual([
      ["only-ann"],
      [],
      ["only-ann"],
    ])
    expect((await send("GET", `${v2}/${id}`, { token: ann.token })).body.data.rights).toEqual(["use"])
    const hidden = await send("GET", `${v2}/${id}`, { token: bob.token })
    expect([hidden.status, hidden.body.success, hidden.body.error_code]).toEqual([
      404,
      false,
      "LLM_MODEL_001",
    ])
  })

  it("grants and revokes one by one", async () => {
    const id = await active("single")
    const path = `${v2}/${id}/permissions`
    const made = await send("POST", path, { body: toUser(bob.id, ["use", "share"]) })
    expect([made.status, made.body.data.rights]).toEqual([200, ["use", "share"]])
    // Passing on more than the call is no way up.
    const escalated = await send("POST", path, { body: toUser(ann.id, ["manage"]), token: bob.token })
    expect([escalated.status, escalated.body.error_code]).toEqual([403, "LLM_PERM_001"])
    expect((await send("POST", path, { body: toUser(ann.id), token: bob.token })).status).toBe(200)
    expect((await send("GET", path)).body.data.length).toBe(2)
    const revoked = await send("DELETE", `${path}/${made.body.data.id}`)
    expect(revoked.body.data).toEqual({ permission_id: made.body.data.id, revoked: true })
    expect((await send("GET", path)).body.data.length).toBe(1)
    expect((await send("GET", path, { token: bob.token })).status).toBe(404)
  })

  it("grants many with partial success, and shows the difference before", async () => {
    const id = await active("many")
    const path = `${v2}/batch-permissions`
    await grant(id, toUser(ann.id))
    const permissions = [
      { model_id: id, ...toUser(ann.id) },
      { model_id: id, ...toUser(bob.id) },
      { model_id: randomUUID(), ...toUser(bob.id) },
    ]
    const dry = await send("POST", path, { body: { permissions, dry_run: true } })
    expect(dry.body.data).toMatchObject({ dry_run: true, total: 3 })
    expect([
      dry.body.data.would_grant.length,
      dry.body.data.unchanged.length,
      dry.body.data.would_fail.length,
    ]).toEqual([1, 1, 1])
    expect((await send("GET", `${plain}/${id}/permissions`)).body.length).toBe(1)
    const done = await send("POST", path, { body: { permissions } })
    expect(done.body).toMatchObject({
      success: true,
      message: "1/3 permissions were granted.",
      data: { total: 3 },
    })
    expect(done.body.data.failed.map(({ error_code }: { error_code: string }) => error_code)).toEqual([
      "LLM_PERM_003",
      "LLM_MODEL_001",
    ])
    const tooMany = Array.from({ length: 1_001 }, () => permissions[0])
    expect((await send("POST", path, { body: { permissions: tooMany } })).status).toBe(400)
    expect((await send("POST", path, { body: { permissions: [] } })).status).toBe(400)
  })
})

describe("rights and secrets", () => {
  it("a key that may only read changes nothing, even for who manages the model", async () => {
    const id = await active("scoped")
    await grant(id, toUser(ann.id, ["manage"]))
    const key = await node.narrow(ann.token, ["llm-model:read"])
    expect((await send("GET", `${plain}/${id}/permissions`, { token: key })).status).toBe(200)
    expect((await grant(id, toUser(bob.id), key)).status).toBe(403)
    expect((await send("PATCH", `${admin}/${id}`, { body: { time_out_ms: 2_000 }, token: key })).status).toBe(
      403,
    )
    expect(
      (await send("PATCH", `${admin}/${id}`, { body: { time_out_ms: 2_000 }, token: ann.token })).status,
    ).toBe(200)
  })

  it("no answer and no audit entry of this suite holds the key", async () => {
    const rows = await node.run(
      Tenancy.use(({ within }) =>
        within(tenant, (sql) => sql<{ row: string }>`SELECT to_jsonb(a)::text AS row FROM audit_log a`),
      ),
    )
    expect(rows.length).toBeGreaterThan(20)
    for (const text of [...sent, ...rows.map(({ row }) => row)]) expect(text).not.toContain(apiKey)
  })
})
