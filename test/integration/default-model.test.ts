/** The model that a node's environment names, over a real database. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { LlmModels, platformTenant, Tenancy } from "../../resources/index.ts"
import { readSettings } from "../../settings.ts"
import { keepDefaultModel } from "../../upkeep.ts"
import { custom, llmModelsOnDatabase, makeAdmin } from "../support/llm-models.ts"

const keeping = (environment: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    yield* keepDefaultModel(readSettings(environment), (line) => Effect.sync(() => void lines.push(line)))
    return lines.join("\n")
  })

const audited = Effect.gen(function* () {
  const { within } = yield* Tenancy
  const rows = yield* within(
    platformTenant,
    (sql) => sql<{ action: string; actor: string }>`SELECT action, actor FROM audit_log
      WHERE object_type = 'llm-model' AND concat(before, after) LIKE '%openai-default%' ORDER BY sequence`,
  )
  return rows.map(({ action, actor }) => `${actor} ${action}`)
})

const first = { OPENAI_API_KEY: "sk-first-0123456789abcdef", OPENAI_MODEL: "gpt-5" }

layer(llmModelsOnDatabase, { timeout: 60_000 })("the model of the environment", (it) => {
  it.effect("is registered and activated once by nodes that start together, changed, and then left", () =>
    Effect.gen(function* () {
      expect(yield* keeping({})).toBe("")
      const models = yield* LlmModels
      const admin = yield* makeAdmin(platformTenant)
      const starts = yield* Effect.all([keeping(first), keeping(first), keeping(first)], {
        concurrency: "unbounded",
      })
      expect(starts.map((text) => text.includes("was registered")).sort()).toEqual([false, false, true])
      const find = Effect.map(
        models.list(platformTenant, admin.caller, { page: 1, per_page: 10, accessible_only: false }),
        ({ models: all }) => all.find(({ name }) => name === "openai-default")!,
      )
      const model = yield* find
      expect([model.provider, model.endpoint, model.model_name, model.is_active, model.owner_id]).toEqual([
        "OpenAI",
        "https://api.openai.com/v1",
        "gpt-5",
        true,
        null,
      ])
      const before = ["system llm-model.register", "system llm-model.activate"]
      expect(yield* audited).toEqual(before)

      const second = { ...first, OPENAI_API_KEY: "sk-second-0123456789abcdef" }
      expect(yield* keeping(second)).toContain("was changed")
      expect(yield* keeping(second)).toContain("is as OPENAI_")
      yield* models.grant(admin, { model_id: model.id, grantee_type: "USER", grantee_id: admin.id })
      const { apiKey } = yield* models.callable(platformTenant, admin.caller, "openai-default")
      expect(Redacted.value(apiKey!)).toBe(second.OPENAI_API_KEY)
      expect((yield* audited).slice(2)).toEqual(["system llm-model.change"])

      yield* models.setActive(admin, model.id, false)
      expect(yield* keeping({ OPENAI_BASE_URL: "http://127.0.0.1:11434/v1" })).toContain("was changed")
      const moved = yield* find
      expect([moved.provider, moved.has_api_key, moved.is_active]).toEqual(["Custom", false, false])
    }),
  )

  it.effect("changes nothing of a person's model, and starts the node although it cannot be registered", () =>
    Effect.gen(function* () {
      const models = yield* LlmModels
      const admin = yield* makeAdmin(platformTenant, "owner")
      const { models: all } = yield* models.list(platformTenant, admin.caller, {
        page: 1,
        per_page: 10,
        accessible_only: false,
      })
      for (const { id, is_builtin } of all) if (!is_builtin) yield* models.remove(admin, id)
      const bad = { OPENAI_BASE_URL: "https://models.example.org/v1?api_key=abc" }
      expect(yield* keeping(bad)).toContain("is not up to date")
      yield* models.register(admin, custom("openai-default"))
      expect(yield* keeping(first)).toContain("a person registered")
      expect(() => readSettings({ OPENAI_BASE_URL: "nowhere" })).toThrow("OPENAI_BASE_URL")
    }),
  )
})
