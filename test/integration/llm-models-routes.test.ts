/** Models and the grants on them over HTTP, at a whole node, as different users: shapes, refusals, kept lists. */
import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Directory, Tenancy } from "../../resources/index.ts"
import {
  admin,
  type ModelNode,
  modelKey,
  namesIn,
  plain,
  startModelNode,
  tenant,
  toUser,
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

const namesOf = async (token: string, query = "") =>
  namesIn((await send("GET", `${plain}/${query}`, { token })).body)

const engineers = async () => {
  const [group] = await at.node.run(
    Tenancy.use(({ within }) =>
      within(
        tenant,
        (sql) => sql<{ id: string }>`SELECT id::text AS id FROM groups WHERE name = 'engineers'`,
      ),
    ),
  )
  return group!.id
}

describe("the administration of models", () => {
  it("registers as the seed shows it, and answers with the list", async () => {
    const made = await send("POST", `${admin}/`, {
      body: {
        name: "Custom LLM",
        provider: "Custom",
        endpoint: "http://custom-llm.local/api",
        api_key: modelKey,
      },
    })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({
      name: "Custom LLM",
      is_active: false,
      health_status: "unknown",
      has_api_key: true,
    })
    expect(made.text).not.toContain(modelKey)
    const { models } = (await send("GET", `${admin}/`)).body
    expect(namesIn(models)).toEqual(["Custom LLM", "offline"])
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
    const made = await grant(id, { grantee_type: "GROUP", grantee_id: await engineers() })
    expect(await namesOf(ann.token)).toContain("for-engineers")
    expect(await namesOf(bob.token)).not.toContain("for-engineers")
    const revoked = await send("DELETE", `${plain}/${id}/permissions/${made.body.id}`)
    expect(revoked.status).toBe(204)
    expect(await namesOf(ann.token)).not.toContain("for-engineers")
  })

  it("does not outlive a membership or an activation in what was kept", async () => {
    const id = await active("membership")
    const group = await engineers()
    await grant(id, { grantee_type: "GROUP", grantee_id: group })
    expect(await namesOf(ann.token)).toContain("membership")
    expect(await namesOf(ann.token, "?accessible_only=true")).toContain("membership")
    const by = { tenant, user: "system" }
    await at.node.run(Directory.use((directory) => directory.removeMember(by, group, ann.id)))
    expect(await namesOf(ann.token)).not.toContain("membership")
    await at.node.run(Directory.use((directory) => directory.addMember(by, group, ann.id)))
    expect(await namesOf(ann.token)).toContain("membership")
  })
})
