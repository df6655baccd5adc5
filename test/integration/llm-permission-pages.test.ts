/** That no list of grants is cut without a word. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { LlmModels, llmModelLimits, Tenancy } from "../../resources/index.ts"
import { activeModel, codeOf, llmModelsOnDatabase, makeAdmin } from "../support/llm-models.ts"

const grantToMany = Effect.fnUntraced(function* (tenant: string, model: string, count: number) {
  const { within } = yield* Tenancy
  yield* within(tenant, (sql) =>
    Effect.gen(function* () {
      yield* sql`INSERT INTO users (tenant, id, issuer, subject, username, username_key, email)
        SELECT ${tenant}::text, gen_random_uuid(), 'test', 's' || n, 's' || n, 's' || n, ''
        FROM generate_series(1, ${count}::int) AS n`
      yield* sql`INSERT INTO llm_model_permissions (tenant, id, model_id, user_id, can_use, can_share, can_manage,
          granted_by, granted_by_name, created_at, updated_at)
        SELECT ${tenant}::text, gen_random_uuid(), ${model}::uuid, id, true, false, false, 'x', 'x', now(), now()
        FROM users WHERE subject LIKE 's%'`
    }),
  )
})

layer(llmModelsOnDatabase, { timeout: 60_000 })("the grants on a model", (it) => {
  it.effect("are all listed, or by pages, and refused as a whole when they are too many for one answer", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("many")
      const { id } = yield* activeModel(admin, "m")
      yield* grantToMany("many", id, llmModelLimits.permissionsMax)
      const all = yield* models.permissions("many", admin.caller, id)
      expect(all.length).toBe(llmModelLimits.permissionsMax)
      yield* models.grant(admin, { model_id: id, grantee_type: "USER", grantee_id: admin.id })
      expect(yield* codeOf(models.permissions("many", admin.caller, id))).toBe("LLM_PERM_006")
      const page = (number: number) =>
        models.permissionsPage("many", admin.caller, id, { page: number, per_page: 100 })
      const first = yield* page(1)
      expect([first.total, first.permissions.length]).toEqual([llmModelLimits.permissionsMax + 1, 100])
      expect((yield* page(101)).permissions).toHaveLength(1)
      const twoPages = [...first.permissions, ...(yield* page(2)).permissions]
      expect(new Set(twoPages.map((grant) => grant.id)).size).toBe(200)
    }),
  )
})
