/** The second version of the API of models, and what no version lets out, at a whole node. */
import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Tenancy } from "../../resources/index.ts"
import {
  admin,
  type ModelNode,
  modelKey,
  namesIn,
  plain,
  startModelNode,
  tenant,
  toUser,
  v2,
} from "../support/llm-models-node.ts"

let at: ModelNode
let { ann, bob } = { ann: { token: "", id: "" }, bob: { token: "", id: "" } }
const send: ModelNode["send"] = (...given) => at.send(...given)
const grant: ModelNode["grant"] = (...given) => at.grant(...given)
const register: ModelNode["register"] = (...given) => at.register(...given)
const active: ModelNode["active"] = (...given) => at.active(...given)

beforeAll(async () => {
  at = await startModelNode()
  ;({ ann, bob } = at)
}, 60_000)

afterAll(() => at?.node.stop())

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
    expect(namesIn(second.body.data)).toEqual(["page-c"])
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
      namesIn((await send("GET", `${v2}/?search=only`, { token })).body.data)
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
    expect((await send("GET", `${plain}/${id}/permissions?page=2&limit=1`)).body).toEqual([])
    const paged = await send("GET", `${v2}/${id}/permissions?page=1&per_page=1`)
    expect(paged.body.pagination).toMatchObject({ page: 1, per_page: 1, total: 1, has_next: false })
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
    const key = await at.node.narrow(ann.token, ["llm-model:read"])
    expect((await send("GET", `${plain}/${id}/permissions`, { token: key })).status).toBe(200)
    expect((await grant(id, toUser(bob.id), key)).status).toBe(403)
    expect((await send("PATCH", `${admin}/${id}`, { body: { time_out_ms: 2_000 }, token: key })).status).toBe(
      403,
    )
    expect(
      (await send("PATCH", `${admin}/${id}`, { body: { time_out_ms: 2_000 }, token: ann.token })).status,
    ).toBe(200)
  })

  it("keys under the newest secret key stay as they are", async () => {
    await register("sealed")
    const resealed = await send("POST", `${admin}/reseal-keys`)
    expect([resealed.status, resealed.body]).toEqual([200, { resealed: 0, unreadable: 0 }])
    expect((await send("POST", `${admin}/reseal-keys`, { token: ann.token })).status).toBe(403)
  })

  it("no answer and no audit entry of this suite holds the key", async () => {
    const rows = await at.node.run(
      Tenancy.use(({ within }) =>
        within(tenant, (sql) => sql<{ row: string }>`SELECT to_jsonb(a)::text AS row FROM audit_log a`),
      ),
    )
    expect(rows.length).toBeGreaterThan(20)
    for (const text of [...at.sent, ...rows.map(({ row }) => row)]) expect(text).not.toContain(modelKey)
  })
})
