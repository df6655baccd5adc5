/** The call path with a registry and a ledger in memory, for suites that look at calls. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import {
  Egress,
  Llm,
  type LlmCall,
  type LlmLimits,
  LlmModels,
  type LlmService,
  LlmUsage,
  type LlmUsageService,
  type Model,
  type Piece,
  type Price,
  parseAllowList,
  RateLimits,
  type Refused,
  refuse,
} from "../../resources/index.ts"

export const modelAt = (endpoint: string, more: Partial<Model> = {}): Model => ({
  id: randomUUID(),
  tenant: "t",
  name: "stub",
  provider: "Custom",
  endpoint,
  model_name: "stub-model",
  is_active: true,
  health_status: "unknown",
  last_health_check: null,
  health_detail: null,
  has_api_key: true,
  api_key_hint: null,
  context_tokens_max: null,
  time_out_ms: 20_000,
  rate_per_minute: null,
  fallback_model_id: null,
  owner_id: null,
  is_builtin: false,
  version: 1,
  created_at: "2026-01-01T00:00:00.000Z",
  updated_at: "2026-01-01T00:00:00.000Z",
  ...more,
})

export const price: Price = {
  input_per_million: 2,
  output_per_million: 6,
  currency: "USD",
  valid_from: "2026-01-01T00:00:00.000Z",
}

type Entry = Parameters<LlmUsageService["record"]>[0]

export interface LlmWorld {
  readonly models: Array<Model>
  /** Models that nobody may call. */
  readonly forbidden: Set<string>
  readonly entries: Array<Entry>
  readonly unhealthy: Array<string>
  readonly rated: Array<string>
  rateAllows: boolean
}

export const llmWorld = (): LlmWorld => ({
  models: [],
  forbidden: new Set(),
  entries: [],
  unhealthy: [],
  rated: [],
  rateAllows: true,
})

const unused = (): never => {
  throw new Error("not part of this suite")
}

const modelsOf = (world: LlmWorld) =>
  new Proxy({} as (typeof LlmModels)["Service"], {
    get: (_, name) => {
      if (name === "callable")
        return (_tenant: string, _caller: unknown, wanted: string) => {
          const model = world.models.find(({ id, name: named }) => id === wanted || named === wanted)
          if (model === undefined) return Effect.fail(refuse("not-found", "LLM_MODEL_001", "no such model"))
          if (world.forbidden.has(model.id)) return Effect.fail(refuse("forbidden", "LLM_PERM_001", "no"))
          return Effect.succeed({ model, apiKey: Redacted.make("sk-upstream"), price })
        }
      if (name === "healthChanged")
        return (_tenant: string, id: string, { detail }: { detail?: string }) =>
          Effect.sync(() => void world.unhealthy.push(`${id} ${detail}`))
      return unused
    },
  })

const usageOf = (world: LlmWorld): LlmUsageService => ({
  reserve: () => Effect.succeed(false),
  release: () => Effect.void,
  record: (entry) => Effect.sync(() => void world.entries.push(entry)),
  report: unused,
  recompute: unused,
  prune: unused,
  budgets: unused,
  setBudget: unused,
  waiting: () => 0,
})

const ratesOf = (world: LlmWorld) =>
  RateLimits.of({
    take: ({ identity, policy }) =>
      Effect.sync(() => {
        world.rated.push(identity)
        return { allowed: world.rateAllows, limit: policy.limit, remaining: 0, resetMs: 30_000 }
      }),
    takeHeld: unused,
    exhausted: unused,
    figures: unused,
  })

/** Pauses between tries are short, so that suites need not wait. */
const quick: Partial<LlmLimits> = { retryBaseMs: 1, retryMaxMs: 2 }

export const llmLayer = (world: LlmWorld, limits: Partial<LlmLimits> = {}) =>
  Llm.layer({ ...quick, ...limits }).pipe(
    Layer.provide(
      Layer.mergeAll(
        Layer.sync(LlmModels, () => modelsOf(world)),
        Layer.sync(LlmUsage, () => usageOf(world)),
        Layer.sync(RateLimits, () => ratesOf(world)),
        Egress.layer({ allow: parseAllowList("127.0.0.1") }),
      ),
    ),
  )

export const callOf = (model: string, more: Partial<LlmCall["request"]> = {}): LlmCall => ({
  caller: {
    tenant: "t",
    user: "ann",
    userId: "u-1",
    permissions: new Set(["llm-model:use"]),
    agent: "guide",
  },
  model,
  request: { messages: [{ role: "user", content: "Hello there, how are you?" }], ...more },
})

export const textOf = (pieces: ReadonlyArray<Piece>): string =>
  pieces.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? "")).join("")

/** Calls of the model `stub` in the world that the suite has at that moment. */
export const llmRunner = (world: () => LlmWorld) => {
  const run = <A>(use: (llm: LlmService) => Effect.Effect<A, unknown>, limits: Partial<LlmLimits> = {}) =>
    Effect.runPromise(
      Effect.gen(function* () {
        return yield* use(yield* Llm)
      }).pipe(Effect.provide(llmLayer(world(), limits))),
    )

  /** The pieces, and how the call ended. */
  const streamed = async (model = "stub", limits: Partial<LlmLimits> = {}) => {
    const pieces: Array<Piece> = []
    const ended = await run((llm) => {
      const deliver = (piece: Piece) => Effect.sync(() => void pieces.push(piece))
      return Effect.result(llm.stream(callOf(model), deliver))
    }, limits)
    return { pieces, ended, refused: ended._tag === "Failure" ? (ended.failure as Refused) : undefined }
  }

  const completed = async (limits: Partial<LlmLimits> = {}, model = "stub") => {
    const ended = await run((llm) => Effect.result(llm.complete(callOf(model))), limits)
    return { ended, refused: ended._tag === "Failure" ? (ended.failure as Refused) : undefined }
  }
  return { run, streamed, completed }
}
