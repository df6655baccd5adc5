/** The registry of models over a real database: settings, keys, prices, health, and the offline model of each tenant. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Changes, LlmModels, llmModelsTopic, Tenancy } from "../../resources/index.ts"
import {
  activeModel,
  apiKey,
  codeOf,
  custom,
  healthByName,
  llmModelsOnDatabase,
  makeAdmin,
  makeUser,
  secretKeys,
  withKeys,
} from "../support/llm-models.ts"

const everything = { page: 1, per_page: 100, accessible_only: false }

const auditOf = Effect.fnUntraced(function* (tenant: string) {
  const { within } = yield* Tenancy
  return yield* within(
    tenant,
    (sql) => sql<{ action: string; actor: string; text: string }>`
      SELECT action, actor, concat(before, after) AS text FROM audit_log ORDER BY sequence`,
  )
})

layer(llmModelsOnDatabase, { timeout: 60_000 })("the registry of models", (it) => {
  it.effect("gives each tenant the offline model, which is there once and stays as it is", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("built-in")
      const user = yield* makeUser("built-in", "ann")
      yield* Effect.all(
        [
          models.list("built-in", admin.caller, everything),
          models.list("built-in", admin.caller, everything),
        ],
        {
          concurrency: "unbounded",
        },
      )
      const { models: listed } = yield* models.list("built-in", user.caller, everything)
      expect(listed.map(({ name, rights }) => [name, rights])).toEqual([["offline", ["use"]]])
      const { model, apiKey: key } = yield* models.callable("built-in", user.caller, "offline")
      expect([model.provider, key]).toEqual(["Offline", undefined])
      expect(yield* codeOf(models.change(admin, model.id, { name: "other" }))).toBe("LLM_MODEL_007")
      expect(yield* codeOf(models.remove(admin, model.id))).toBe("LLM_MODEL_007")
      yield* models.setActive(admin, model.id, false)
      expect(yield* codeOf(models.callable("built-in", user.caller, "offline"))).toBe("LLM_MODEL_003")
    }),
  )

  it.effect("registers a model that is inactive and unknown, and keeps its name to itself", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("names")
      const user = yield* makeUser("names", "ann")
      const model = yield* models.register(admin, custom("GPT"))
      expect([model.is_active, model.health_status, model.model_name, model.version]).toEqual([
        false,
        "unknown",
        "GPT",
        1,
      ])
      expect(yield* codeOf(models.register(admin, custom("gpt")))).toBe("LLM_MODEL_002")
      expect(yield* codeOf(models.register(user, custom("mine")))).toBe("LLM_PERM_001")
      const elsewhere = yield* makeAdmin("names-2")
      expect((yield* models.register(elsewhere, custom("GPT"))).tenant).toBe("names-2")
      expect(yield* codeOf(models.read("names-2", elsewhere.caller, model.id))).toBe("LLM_MODEL_001")
    }),
  )

  it.effect("refuses settings that are not possible, by field", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("settings")
      const fieldOf = (given: object) =>
        Effect.match(models.register(admin, { ...custom("x"), ...given }), {
          onSuccess: () => "taken",
          onFailure: (failure) => ("details" in failure ? failure.details.field : failure),
        })
      expect(yield* fieldOf({ endpoint: "ftp://x" })).toBe("endpoint")
      expect(yield* fieldOf({ endpoint: "https://user:pass@x.example" })).toBe("endpoint")
      expect(yield* fieldOf({ endpoint: "https://x.example/?api_key=1" })).toBe("endpoint")
      expect(yield* fieldOf({ endpoint: "nowhere" })).toBe("endpoint")
      expect(yield* fieldOf({ name: " x" })).toBe("name")
      expect(yield* fieldOf({ name: "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b" })).toBe("name")
      expect(yield* fieldOf({ time_out_ms: 1 })).toBe("time_out_ms")
      expect(yield* fieldOf({ rate_per_minute: 0 })).toBe("rate_per_minute")
      expect(yield* fieldOf({ api_key: "" })).toBe("api_key")
      expect(yield* fieldOf({ fallback_model_id: "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b" })).toBe(
        "fallback_model_id",
      )
    }),
  )

  it.effect("changes only the version that the caller knows, and stays when a fallback names it", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("fallback")
      const [a, b] = [yield* activeModel(admin, "a"), yield* activeModel(admin, "b")]
      const changed = yield* models.change(admin, a.id, { fallback_model_id: b.id }, a.version)
      expect([changed.version, changed.fallback_model_id]).toEqual([a.version + 1, b.id])
      expect(yield* codeOf(models.change(admin, a.id, { name: "c" }, a.version))).toBe("LLM_MODEL_005")
      expect(yield* codeOf(models.change(admin, b.id, { fallback_model_id: a.id }))).toBe("LLM_MODEL_006")
      expect(yield* codeOf(models.change(admin, b.id, { fallback_model_id: b.id }))).toBe("LLM_MODEL_006")
      expect(yield* codeOf(models.change(admin, b.id, { name: "A" }))).toBe("LLM_MODEL_002")
      expect(yield* codeOf(models.remove(admin, b.id))).toBe("LLM_MODEL_004")
      yield* models.change(admin, a.id, { fallback_model_id: null })
      yield* models.remove(admin, b.id)
      expect(yield* codeOf(models.read("fallback", admin.caller, b.id))).toBe("LLM_MODEL_001")
    }),
  )

  it.effect("opens a key for the call path alone, and shows it to nobody else, not even the audit log", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("keys")
      const model = yield* activeModel(admin, "m")
      const other = `${apiKey.slice(0, -4)}ABCD`
      const changed = yield* models.change(admin, model.id, { api_key: other })
      expect([model.api_key_hint, changed.api_key_hint]).toEqual(["WXYZ", "ABCD"])
      yield* models.grant(admin, { model_id: model.id, grantee_type: "USER", grantee_id: admin.id })
      const { apiKey: opened } = yield* models.callable("keys", admin.caller, "m")
      expect(Redacted.value(opened!)).toBe(other)
      const list = yield* models.list("keys", admin.caller, everything)
      const shown = JSON.stringify([model, changed, list, opened, yield* auditOf("keys")])
      expect(shown).not.toContain(apiKey)
      expect(shown).not.toContain(other)
      expect(shown).not.toContain("v1.old.")
      const { within } = yield* Tenancy
      const [row] = yield* within(
        "keys",
        (sql) => sql<{ sealed_key: string }>`
        SELECT sealed_key FROM llm_models WHERE sealed_key IS NOT NULL`,
      )
      expect(row!.sealed_key.startsWith("v1.old.")).toBe(true)
    }),
  )

  it.effect("never sends a key elsewhere than it was given for", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("moved")
      const { id } = yield* activeModel(admin, "m")
      const endpoint = "https://evil.example.org/v1"
      expect(yield* codeOf(models.change(admin, id, { endpoint }))).toBe("LLM_MODEL_006")
      expect(yield* codeOf(models.change(admin, id, { provider: "OpenAI" }))).toBe("LLM_MODEL_006")
      const moved = yield* models.change(admin, id, { endpoint, api_key: null })
      expect([moved.endpoint, moved.has_api_key]).toEqual([endpoint, false])
    }),
  )

  it.effect("seals keys again under the newest key, once, and then needs the old one no more", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("rotation")
      const { id } = yield* activeModel(admin, "m")
      yield* models.grant(admin, { model_id: id, grantee_type: "USER", grantee_id: admin.id })
      const reseal = Effect.flatMap(LlmModels, (service) => service.resealKeys(admin.by))
      const call = Effect.flatMap(LlmModels, (service) => service.callable("rotation", admin.caller, id))
      const both = [secretKeys.new, secretKeys.old]
      expect(yield* codeOf(withKeys([secretKeys.new], call))).toBe("LLM_MODEL_008")
      expect(yield* withKeys([secretKeys.new], reseal)).toEqual({ resealed: 0, unreadable: 1 })
      expect(yield* withKeys(both, reseal)).toEqual({ resealed: 1, unreadable: 0 })
      expect(yield* withKeys(both, reseal)).toEqual({ resealed: 0, unreadable: 0 })
      expect(Redacted.value((yield* withKeys([secretKeys.new], call)).apiKey!)).toBe(apiKey)
      expect((yield* auditOf("rotation")).filter(({ action }) => action === "llm-model.reseal").length).toBe(
        1,
      )
    }),
  )

  it.effect("keeps prices by when they begin, and never one of the past", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin("prices")
      const { id } = yield* activeModel(admin, "m")
      const price = { input_per_million: 2.5, output_per_million: 10, currency: "USD" }
      const first = yield* models.setPrice(admin, id, { ...price, valid_from: "2030-01-01T00:00:00Z" })
      yield* models.setPrice(admin, id, {
        ...price,
        input_per_million: 1.25,
        valid_from: "2031-01-01T00:00:00Z",
      })
      expect(first.valid_from).toBe("2030-01-01T00:00:00.000Z")
      const at = (text: string) => models.priceAt("prices", id, Date.parse(text))
      expect(yield* at("2029-12-31T23:59:59Z")).toBeUndefined()
      expect((yield* at("2030-06-01T00:00:00Z"))?.input_per_million).toBe(2.5)
      expect((yield* at("2031-01-01T00:00:00Z"))?.input_per_million).toBe(1.25)
      expect((yield* models.prices("prices", admin.caller, id)).length).toBe(2)
      const refused = (more: object) => codeOf(models.setPrice(admin, id, { ...price, ...more }))
      expect(yield* refused({ valid_from: "1969-01-01T00:00:00Z" })).toBe("LLM_MODEL_006")
      expect(yield* refused({ input_per_million: -1 })).toBe("LLM_MODEL_006")
      expect(yield* refused({ currency: "dollars" })).toBe("LLM_MODEL_006")
    }),
  )

  it.effect("checks active models, and writes down as the system when one turns", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const changes = yield* Changes
      const admin = yield* makeAdmin("health")
      const model = yield* activeModel(admin, "sick")
      yield* models.register(admin, custom("idle"))
      healthByName.set("sick", { status: "unhealthy", detail: `refused the key ${apiKey}` })
      const before = changes.generation(llmModelsTopic("health"))
      expect(yield* models.checkHealth("health")).toEqual({ checked: 2, unhealthy: 1 })
      yield* models.checkHealth("health")
      expect(changes.generation(llmModelsTopic("health"))).toBeGreaterThan(before)
      const seen = yield* models.read("health", admin.caller, model.id)
      expect([seen.health_status, seen.version]).toEqual(["unhealthy", model.version])
      expect(seen.last_health_check).not.toBeNull()
      expect(seen.health_detail).not.toContain(apiKey)
      yield* models.healthChanged("health", model.id, { status: "healthy" })
      const turns = (yield* auditOf("health")).filter(({ action }) => action === "llm-model.health")
      expect(turns.map(({ actor }) => actor)).toEqual(["system", "system", "system"])
      expect((yield* models.read("health", admin.caller, model.id)).health_detail).toBeNull()
    }),
  )
})
