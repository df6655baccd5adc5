/** Who may see, call, share and manage a model: grants to users and groups over a real database, one by one and many. */
import { randomUUID } from "node:crypto"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { LlmModels, type NewGrant, Tenancy } from "../../resources/index.ts"
import {
  activeModel,
  codeOf,
  llmModelsOnDatabase,
  makeAdmin,
  makeGroup,
  makeUser,
  type Person,
} from "../support/llm-models.ts"

const toUser = (model_id: string, { id }: Person, rights?: NewGrant["rights"]): NewGrant => ({
  model_id,
  grantee_type: "USER",
  grantee_id: id,
  rights,
})
const toGroup = (model_id: string, grantee_id: string, rights?: NewGrant["rights"]): NewGrant => ({
  model_id,
  grantee_type: "GROUP",
  grantee_id,
  rights,
})

const namesSeen = Effect.fnUntraced(function* (person: Person, accessible_only = false) {
  const models = yield* LlmModels
  const { tenant } = person.by
  const page = { page: 1, per_page: 100, accessible_only }
  return (yield* models.list(tenant, person.caller, page)).models.map(({ name }) => name)
})

/** Every row that a grant could change. */
const tablesOf = Effect.fnUntraced(function* (tenant: string) {
  const { within } = yield* Tenancy
  return yield* within(
    tenant,
    (sql) => sql`SELECT to_jsonb(p)::text AS row FROM llm_model_permissions p
      UNION ALL SELECT to_jsonb(m)::text FROM llm_models m
      UNION ALL SELECT to_jsonb(a)::text FROM audit_log a ORDER BY 1`,
  )
})

layer(llmModelsOnDatabase, { timeout: 60_000 })("a grant", (it) => {
  it.effect("lets a user see and call a model that others cannot tell from none", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const [admin, ann, bob] = [
        yield* makeAdmin("see"),
        yield* makeUser("see", "ann"),
        yield* makeUser("see", "bob"),
      ]
      const { id } = yield* activeModel(admin, "m")
      const granted = yield* models.grant(admin, toUser(id, ann))
      expect(granted).toMatchObject({
        model_id: id,
        grantee_type: "USER",
        grantee_id: ann.id,
        grantee_name: "ann",
        granted_by: admin.id,
        granted_by_name: "admin",
        rights: ["use"],
      })
      expect(yield* namesSeen(ann)).toEqual(["m", "offline"])
      expect(yield* namesSeen(bob)).toEqual(["offline"])
      expect((yield* models.callable("see", ann.caller, "m")).model.id).toBe(id)
      expect(yield* codeOf(models.callable("see", bob.caller, "m"))).toBe("LLM_MODEL_001")
      expect(yield* codeOf(models.callable("see", bob.caller, randomUUID()))).toBe("LLM_MODEL_001")
      // An administrator manages all and calls none without a grant.
      expect(yield* codeOf(models.callable("see", admin.caller, "m"))).toBe("LLM_PERM_001")
      // What the platform calls by its settings is granted to nobody; no request can say that it is the platform.
      const platform = { ...admin.caller, isPlatform: true } as const
      expect((yield* models.callable("see", platform, "m")).model.id).toBe(id)
      expect(yield* codeOf(models.callable("other", platform, id))).toBe("LLM_MODEL_001")
      expect(yield* namesSeen(admin)).toEqual(["m", "offline"])
      expect(yield* namesSeen(admin, true)).toEqual(["offline"])
    }),
  )

  it.effect("to a group counts while the user is in it and active", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const { within } = yield* Tenancy
      const [admin, ann] = [yield* makeAdmin("group"), yield* makeUser("group", "ann")]
      const { id } = yield* activeModel(admin, "m")
      const group = yield* makeGroup("group", "engineers", [ann])
      const granted = yield* models.grant(admin, toGroup(id, group))
      expect([granted.grantee_type, granted.grantee_name]).toEqual(["GROUP", "engineers"])
      const call = codeOf(models.callable("group", ann.caller, id))
      expect(yield* call).toBe("done")
      const setActive = (active: boolean) =>
        within("group", (sql) => sql`UPDATE users SET is_active = ${active} WHERE id = ${ann.id}::uuid`)
      yield* setActive(false)
      expect(yield* call).toBe("LLM_MODEL_001")
      yield* setActive(true)
      expect(yield* call).toBe("done")
      yield* within("group", (sql) => sql`DELETE FROM memberships WHERE user_id = ${ann.id}::uuid`)
      expect(yield* call).toBe("LLM_MODEL_001")
    }),
  )

  it.effect("adds up with the others, and goes with its user or group", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const { within } = yield* Tenancy
      const [admin, ann] = [yield* makeAdmin("union"), yield* makeUser("union", "ann")]
      const { id } = yield* activeModel(admin, "m")
      const group = yield* makeGroup("union", "engineers", [ann])
      yield* models.grant(admin, toUser(id, ann, ["use"]))
      yield* models.grant(admin, toGroup(id, group, ["share"]))
      expect((yield* models.read("union", ann.caller, id)).rights).toEqual(["use", "share"])
      yield* within("union", (sql) => sql`DELETE FROM groups WHERE id = ${group}::uuid`)
      expect((yield* models.read("union", ann.caller, id)).rights).toEqual(["use"])
      yield* within("union", (sql) => sql`DELETE FROM users WHERE id = ${ann.id}::uuid`)
      expect(yield* models.permissions("union", admin.caller, id)).toEqual([])
    }),
  )

  it.effect("is refused for who is not there, in another tenant, or granted already", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const [admin, ann] = [yield* makeAdmin("refused"), yield* makeUser("refused", "ann")]
      const stranger = yield* makeUser("refused-2", "ann")
      const { id } = yield* activeModel(admin, "m")
      const grant = (wanted: NewGrant) => codeOf(models.grant(admin, wanted))
      expect(yield* grant(toUser(id, ann))).toBe("done")
      expect(yield* grant(toUser(id, ann))).toBe("LLM_PERM_003")
      expect(yield* grant(toUser(id, ann, ["manage"]))).toBe("LLM_PERM_003")
      expect(yield* grant(toUser(id, stranger))).toBe("LLM_PERM_002")
      expect(yield* grant(toGroup(id, ann.id))).toBe("LLM_PERM_002")
      expect(yield* grant(toUser(randomUUID(), ann))).toBe("LLM_MODEL_001")
      expect(yield* grant(toGroup(id, "engineers"))).toBe("LLM_PERM_005")
    }),
  )

  it.effect("can be passed on by who shares: to call, and no more than that", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const [admin, ann, bob, cid] = [
        yield* makeAdmin("escalation"),
        yield* makeUser("escalation", "ann"),
        yield* makeUser("escalation", "bob"),
        yield* makeUser("escalation", "cid"),
      ]
      const { id } = yield* activeModel(admin, "m")
      const { id: annsOwn } = yield* models.grant(admin, toUser(id, ann, ["use", "share"]))
      const { id: bobs } = yield* models.grant(admin, toUser(id, bob))
      for (const rights of [["manage"], ["share"], ["use", "share"], ["use", "manage"]] as const)
        expect(yield* codeOf(models.grant(ann, toUser(id, cid, rights)))).toBe("LLM_PERM_001")
      expect(yield* codeOf(models.grant(bob, toUser(id, cid)))).toBe("LLM_PERM_001")
      expect(yield* codeOf(models.permissions("escalation", bob.caller, id))).toBe("LLM_PERM_001")
      expect(yield* codeOf(models.permissions("escalation", cid.caller, id))).toBe("LLM_MODEL_001")
      const { id: cids } = yield* models.grant(ann, toUser(id, cid))
      // Who shares sees and takes back what this one gave, and nothing else.
      const seen = yield* models.permissions("escalation", ann.caller, id)
      expect(seen.map((permission) => permission.id)).toEqual([cids])
      expect(yield* codeOf(models.revoke(ann, id, bobs))).toBe("LLM_PERM_004")
      expect(yield* codeOf(models.revoke(ann, id, annsOwn))).toBe("LLM_PERM_004")
      expect(yield* codeOf(models.change(ann, id, { time_out_ms: 5_000 }))).toBe("LLM_PERM_001")
      yield* models.revoke(ann, id, cids)
      expect(yield* codeOf(models.callable("escalation", cid.caller, id))).toBe("LLM_MODEL_001")
      // Sharing what one may not call oneself is nothing to share.
      yield* models.grant(admin, toUser(id, cid, ["share"]))
      expect(yield* codeOf(models.grant(cid, toUser(id, cid)))).toBe("LLM_PERM_001")
    }),
  )

  it.effect("of manage opens settings and all grants, but no price, and no call", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const [admin, ann, bob] = [
        yield* makeAdmin("manage"),
        yield* makeUser("manage", "ann"),
        yield* makeUser("manage", "bob"),
      ]
      const { id } = yield* activeModel(admin, "m")
      yield* models.grant(admin, toUser(id, ann, ["manage"]))
      expect((yield* models.change(ann, id, { time_out_ms: 5_000 })).time_out_ms).toBe(5_000)
      const { id: bobs } = yield* models.grant(ann, toUser(id, bob, ["use", "share", "manage"]))
      expect((yield* models.permissions("manage", ann.caller, id)).length).toBe(2)
      expect(yield* codeOf(models.callable("manage", ann.caller, id))).toBe("LLM_PERM_001")
      const price = { input_per_million: 0, output_per_million: 0, currency: "USD" }
      expect(yield* codeOf(models.setPrice(ann, id, price))).toBe("LLM_PERM_001")
      const key = { ...ann, caller: { ...ann.caller, permissions: new Set(["llm-model:read"]) } }
      expect(yield* codeOf(models.revoke(key, id, bobs))).toBe("LLM_PERM_001")
      yield* models.revoke(ann, id, bobs)
      expect(yield* codeOf(models.revoke(ann, id, bobs))).toBe("LLM_PERM_004")
      const elsewhere = yield* activeModel(admin, "other")
      const onOther = yield* models.grant(admin, toUser(elsewhere.id, bob))
      expect(yield* codeOf(models.revoke(ann, id, onOther.id))).toBe("LLM_PERM_004")
    }),
  )
})

layer(llmModelsOnDatabase, { timeout: 60_000 })("many grants at once", (it) => {
  it.effect("succeed or fail each by itself", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const [admin, ann, bob] = [
        yield* makeAdmin("batch"),
        yield* makeUser("batch", "ann"),
        yield* makeUser("batch", "bob"),
      ]
      const { id } = yield* activeModel(admin, "m")
      yield* models.grant(admin, toUser(id, ann, ["use", "share"]))
      const gone = randomUUID()
      const wanted = [
        toUser(id, bob),
        toUser(id, ann),
        toUser(id, bob),
        toUser(gone, bob),
        toGroup(id, gone),
        toGroup("x", gone),
      ]
      const { success, failed, total } = yield* models.grantMany(admin, wanted)
      expect(total).toBe(6)
      const listed = yield* models.permissions("batch", admin.caller, id)
      expect(success).toEqual([
        {
          model_id: id,
          grantee_id: bob.id,
          permission_id: listed.find(({ grantee_id }) => grantee_id === bob.id)!.id,
        },
      ])
      expect(failed.map(({ error_code }) => error_code)).toEqual([
        "LLM_PERM_003",
        "LLM_PERM_003",
        "LLM_MODEL_001",
        "LLM_PERM_002",
        "LLM_PERM_005",
      ])
      // Who shares may pass on the call in a batch as well, and no more.
      const [cid, dan] = [yield* makeUser("batch", "cid"), yield* makeUser("batch", "dan")]
      const passed = yield* models.grantMany(ann, [toUser(id, cid), toUser(id, dan, ["manage"])])
      expect([passed.success.length, passed.failed[0]?.error_code]).toEqual([1, "LLM_PERM_001"])
    }),
  )

  it.effect("are compared with what stands before anything is changed", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const [admin, ann, bob] = [
        yield* makeAdmin("dry"),
        yield* makeUser("dry", "ann"),
        yield* makeUser("dry", "bob"),
      ]
      const { id } = yield* activeModel(admin, "m")
      const standing = yield* models.grant(admin, toUser(id, ann))
      const wanted = [toUser(id, ann), toUser(id, bob), toUser(randomUUID(), bob)]
      const before = yield* tablesOf("dry")
      const difference = yield* models.compareMany(admin, wanted)
      expect(yield* tablesOf("dry")).toEqual(before)
      const place = { model_id: id, grantee_type: "USER", rights: ["use"] }
      expect(difference.would_grant).toEqual([{ ...place, grantee_id: bob.id }])
      expect(difference.unchanged).toEqual([{ ...place, grantee_id: ann.id, permission_id: standing.id }])
      expect(difference.would_fail.map(({ error_code }) => error_code)).toEqual(["LLM_MODEL_001"])
      const { success } = yield* models.grantMany(admin, wanted)
      expect(success.map(({ grantee_id }) => grantee_id)).toEqual([bob.id])
    }),
  )

  it.effect("are written in a handful of statements, each with its audit entry", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const { within } = yield* Tenancy
      const admin = yield* makeAdmin("many")
      const { id } = yield* activeModel(admin, "m")
      const users = Array.from({ length: 1_000 }, (_, index) => ({ id: randomUUID(), name: `u${index}` }))
      yield* within(
        "many",
        (sql) => sql`INSERT INTO users (tenant, id, issuer, subject, username, username_key, email)
          SELECT 'many', r.id, 'test', r.name, r.name, r.name, r.name
          FROM jsonb_to_recordset(${JSON.stringify(users)}::text::jsonb) AS r(id uuid, name text)`,
      )
      const wanted = users.map(({ id: grantee_id }) => ({
        model_id: id,
        grantee_type: "USER" as const,
        grantee_id,
      }))
      const { success } = yield* models.grantMany(admin, wanted)
      expect(success.length).toBe(1_000)
      const [audited] = yield* within(
        "many",
        (sql) => sql<{ count: number }>`
        SELECT count(*)::int AS count FROM audit_log WHERE action = 'llm-model-permission.grant'`,
      )
      expect(audited?.count).toBe(1_000)
      expect(yield* codeOf(models.grantMany(admin, [...wanted, ...wanted]))).toBe("LLM_MODEL_009")
    }),
  )
})
