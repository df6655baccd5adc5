/** That recommendations are those that a search through everything would give, whoever asks and whatever happens to models. */
import { expect, layer } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { beforeEach } from "vitest"
import { AgentRecommendations, mayUseAgent, runEmbeddingUpkeep } from "../../actors/index.ts"
import { Engine, type EngineShape } from "../../engine/index.ts"
import { lexicalVector, refuse, TenantPlaces } from "../../resources/index.ts"
import { AccessLevel, type AgentView, LifecycleStatus } from "../../schemas/index.ts"
import {
  agentView,
  callerNamed,
  models,
  putAgent,
  recommendationServices,
  setModel,
} from "../support/recommend.ts"

beforeEach(() => {
  models.asked.length = 0
  models.embed = () => [1, 0]
  models.answeredBy = undefined
})

const ask = (tenant: string, query: string, caller = callerNamed("ann")) =>
  Effect.gen(function* () {
    const { recommend } = yield* AgentRecommendations
    const [answer] = yield* recommend(tenant, caller, [{ query, k: 5, filters: {} }])
    return answer!
  })
const namesOf = (answer: { readonly recommendations: ReadonlyArray<{ readonly agent: string }> }) =>
  answer.recommendations.map(({ agent }) => agent)

const Name = Schema.Literals(["ann", "ben", "CS팀", "g-1", "'"])
const Topic = Schema.Literals([
  "고객 불만 처리",
  "customer refunds",
  "매출 보고서 요약",
  "translate documents",
  "",
])
const Agent = Schema.Struct({
  text: Topic,
  skill: Topic,
  status: LifecycleStatus,
  archived: Schema.Boolean,
  framework: Schema.Literals(["llm", "agno"]),
  department: Schema.optionalKey(Name),
  accessLevel: AccessLevel,
  owner: Schema.optionalKey(Name),
  allowedUsers: Schema.Array(Name).check(Schema.isMaxLength(2)),
  allowedTeams: Schema.Array(Name).check(Schema.isMaxLength(2)),
})
const Asking = Schema.Struct({
  query: Schema.Literals([
    "고객 불만 처리해줘",
    "refund a customer",
    "요약",
    "quantum physics",
    "please help",
  ]),
  k: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
  user: Name,
  department: Schema.UndefinedOr(Name),
  groups: Schema.Array(Name).check(Schema.isMaxLength(2)),
  isAdministrator: Schema.Boolean,
  status: Schema.optionalKey(LifecycleStatus),
  framework: Schema.optionalKey(Schema.Literals(["llm", "agno"])),
  inDepartment: Schema.optionalKey(Name),
  minimumScore: Schema.optionalKey(Schema.Literals([0, 0.2, 0.5])),
})
const World = Schema.Struct({
  agents: Schema.Array(Agent).check(Schema.isMinLength(5), Schema.isMaxLength(12)),
  questions: Schema.Array(Asking).check(Schema.isMinLength(4), Schema.isMaxLength(8)),
})

const dot = (one: Float32Array, other: Float32Array) =>
  one.reduce((sum, value, index) => sum + value * other[index]!, 0)

const viewOf = ({ text, skill, ...more }: typeof Agent.Type, index: number) =>
  agentView(`a${index}`, {
    ...more,
    name: "",
    description: text,
    skills: [{ id: "s", name: skill, description: "" }],
  })

const callerOf = (asking: typeof Asking.Type) => ({ ...asking, permissions: new Set<string>() })

/** All allowed ones with their scores, by the words of the embedder itself. */
const bruteForce = (views: ReadonlyArray<AgentView>, asking: typeof Asking.Type) => {
  const { query, status = "PRODUCTION", framework, inDepartment, minimumScore = 0.18 } = asking
  return views
    .filter((view) => mayUseAgent(view, callerOf(asking)) && !view.archived && view.status === status)
    .filter((view) => framework === undefined || view.framework === framework)
    .filter((view) => inDepartment === undefined || view.department === inDepartment)
    .map((view) => {
      const text = [view.description, view.skills[0]!.name].filter((part) => part !== "").join("\n")
      const [place, asked] = [lexicalVector(text), lexicalVector(query)]
      return { agent: view.agent, score: dot(place, asked), says: place.some(Boolean) && asked.some(Boolean) }
    })
    .filter(({ score, says }) => says && score >= minimumScore)
    .sort((one, other) => other.score - one.score)
}

layer(recommendationServices, { excludeTestServices: true, timeout: "2 minutes" })(
  "recommendations",
  (it) => {
    it.effect("are the nearest of what the caller may use, by a search through all", () =>
      Effect.gen(function* () {
        const { recommend } = yield* AgentRecommendations
        let [world, found, none] = [0, 0, 0]
        const result = yield* Arbitrary.checkEffect(
          Arbitrary.schema(World),
          ({ agents, questions }) =>
            Effect.gen(function* () {
              const tenant = `world-${world++}`
              const views = agents.map(viewOf)
              yield* Effect.forEach(views, (view) => putAgent(tenant, view))
              for (const asking of questions) {
                const { query, k, status, framework, inDepartment: department, minimumScore } = asking
                const question = { query, k, filters: { status, framework, department }, minimumScore }
                const [answer] = yield* recommend(tenant, callerOf(asking), [question])
                const wanted = bruteForce(views, asking)
                const scores = wanted.slice(0, k).map(({ score }) => score)
                const given = answer!.recommendations
                expect(given.length).toBe(scores.length)
                for (const [index, { agent, score }] of given.entries()) {
                  expect(score).toBeCloseTo(scores[index]!, 4)
                  // Of agents that say the same, any may come first.
                  expect(wanted.find((one) => one.agent === agent)?.score).toBeCloseTo(score, 4)
                }
                expect(new Set(given.map(({ agent }) => agent)).size).toBe(given.length)
                expect(answer!.notEmbedded).toBe(0)
                if (given.length === 0) none++
                else found++
              }
              return true
            }),
          { runs: 40, size: 12 },
        )
        expect(Arbitrary.formatCheckFailure(result)).toBeUndefined()
        // Of hundreds of random questions; how many find nothing differs from run to run.
        expect(Math.min(found, none)).toBeGreaterThan(5)
      }),
    )

    it.effect("embed a text again when it changed, and only then", () =>
      Effect.gen(function* () {
        yield* setModel("texts", "m1")
        const view = agentView("one", { description: "first" })
        yield* putAgent("texts", view)
        yield* putAgent("texts", { ...view, revision: 2, answered: 7 })
        yield* putAgent("texts", { ...view, revision: 3, version: 2, owner: "ben" })
        expect(models.asked).toEqual([["one\nfirst"]])
        yield* putAgent("texts", { ...view, revision: 4, version: 3, description: "second" })
        expect(models.asked).toEqual([["one\nfirst"], ["one\nsecond"]])
        const { stale } = yield* AgentRecommendations
        expect(yield* stale("texts")).toBe(0)
      }),
    )

    it.effect(
      "are refused when the model fails, is unknown, or another one answered; the offline one never steps in",
      () =>
        Effect.gen(function* () {
          yield* putAgent("failing", agentView("one", { description: "customer complaints" }))
          yield* setModel("failing", "m1")
          const failure = (query: string) =>
            Effect.flip(ask("failing", query)).pipe(
              Effect.map((error) => ("code" in error ? error : undefined)),
            )
          models.embed = () => refuse("upstream", "LLM_CALL_001", "The model's provider failed.")
          expect(yield* failure("customer")).toMatchObject({
            code: "AGT_REC_001",
            reason: "unavailable",
            details: { model: "m1", cause: "LLM_CALL_001", setting: "agents.embedding_model" },
          })
          models.embed = () => [1, 0]
          models.answeredBy = "m2"
          expect((yield* failure("customer"))?.details.reason).toContain("fell back")
          models.answeredBy = undefined
          models.embed = () => [Number.NaN]
          expect((yield* failure("customer"))?.details.reason).toContain("no vectors")
          yield* setModel("failing", "unknown")
          expect(yield* failure("customer")).toMatchObject({ details: { cause: "LLM_MODEL_001" } })
        }),
    )

    it.effect("compare no vectors of two models: agents come back as they are embedded anew", () =>
      Effect.gen(function* () {
        const { keepAll, stale } = yield* AgentRecommendations
        for (const name of ["a", "b", "c"])
          yield* putAgent("switching", agentView(name, { description: "customer complaints" }))
        yield* putAgent("switching", agentView("gone", { archived: true }))
        expect(namesOf(yield* ask("switching", "customer complaint")).sort()).toEqual(["a", "b", "c"])
        yield* setModel("switching", "m1")
        expect(yield* ask("switching", "customer complaint")).toMatchObject({
          recommendations: [],
          model: "m1",
          notEmbedded: 3,
        })
        expect(yield* stale("switching")).toBe(3)
        expect(yield* keepAll("switching")).toBe(0)
        expect(yield* ask("switching", "customer complaint")).toMatchObject({ notEmbedded: 0 })
        expect(namesOf(yield* ask("switching", "customer complaint")).sort()).toEqual(["a", "b", "c"])
        expect(models.asked.filter((texts) => texts.length === 3)).toHaveLength(1)
      }),
    )

    it.effect("are complete again after a change of the model by themselves, by the work of one node", () =>
      Effect.gen(function* () {
        for (const name of ["a", "b"]) yield* putAgent("upkeep", agentView(name))
        yield* setModel("upkeep", "m1")
        let held = true
        const asked: Array<string> = []
        const engine = {
          ask: (_protocol: unknown, _lock: string, { _tag }: { readonly _tag: string }) =>
            Effect.sync(() => {
              asked.push(_tag)
              return held ? { _tag: "TimedOut" } : { _tag: "Granted", fence: 1, expiresAt: 0 }
            }),
        } as unknown as EngineShape
        const places = {
          register: { all: [{ id: "upkeep" }] },
        } as unknown as (typeof TenantPlaces)["Service"]
        yield* Effect.forkScoped(
          runEmbeddingUpkeep({ node: "n1", everyMs: 5 }).pipe(
            Effect.provideService(Engine, engine),
            Effect.provideService(TenantPlaces, places),
          ),
        )
        const { stale } = yield* AgentRecommendations
        const until = <E>(condition: Effect.Effect<boolean, E>) =>
          Effect.repeat(Effect.delay(condition, 5), { until: (holds) => holds })
        yield* until(Effect.sync(() => asked.length > 3))
        expect(yield* stale("upkeep")).toBe(2)
        held = false
        yield* until(Effect.map(stale("upkeep"), (left) => left === 0))
        expect(namesOf(yield* ask("upkeep", "anything"))).toEqual(["a", "b"])
        yield* until(Effect.sync(() => asked.at(-1) === "Release"))
      }).pipe(Effect.scoped),
    )

    it.effect(
      "lose one agent, not all, to a provider that refuses its text; and gain it once it is taken",
      () =>
        Effect.gen(function* () {
          const { keepAll } = yield* AgentRecommendations
          yield* setModel("refusing", "m1")
          const refused = refuse("malformed", "LLM_CALL_002", "The model's provider refused the request.")
          models.embed = (text) => (text.includes("bad") ? refused : [0, 1])
          for (const name of ["bad", "good"]) yield* putAgent("refusing", agentView(name))
          expect(yield* keepAll("refusing")).toBe(1)
          const answer = yield* ask("refusing", "anything")
          expect([namesOf(answer), answer.notEmbedded]).toEqual([["good"], 1])
          models.embed = () => [0, 1]
          expect(yield* keepAll("refusing")).toBe(0)
          expect(namesOf(yield* ask("refusing", "anything"))).toEqual(["bad", "good"])
        }),
    )

    it.effect("ask a model once for all questions of a batch, and for none that was asked before", () =>
      Effect.gen(function* () {
        const { recommend } = yield* AgentRecommendations
        yield* setModel("batches", "m1")
        yield* putAgent("batches", agentView("one"))
        models.asked.length = 0
        const asked = ["x", "y", "x"].map((query) => ({ query, k: 1, filters: {} }))
        expect(yield* recommend("batches", callerNamed("ann"), asked)).toHaveLength(3)
        expect(models.asked).toEqual([["x", "y"]])
        yield* putAgent("batches", agentView("one", { revision: 2, version: 2, owner: "ann" }))
        yield* recommend("batches", callerNamed("ben"), asked)
        expect(models.asked).toEqual([["x", "y"]])
      }),
    )

    it.effect("are those of the caller's rights, and of the agents as they are now", () =>
      Effect.gen(function* () {
        const view = agentView("team", {
          description: "customer complaints",
          accessLevel: "team",
          allowedTeams: ["g-1"],
        })
        yield* putAgent("rights", view)
        const inGroup = callerNamed("ann", { groups: ["g-1"] })
        expect(namesOf(yield* ask("rights", "customer"))).toEqual([])
        expect(namesOf(yield* ask("rights", "customer", inGroup))).toEqual(["team"])
        expect(namesOf(yield* ask("rights", "customer"))).toEqual([])
        yield* putAgent("rights", { ...view, revision: 2, version: 2, accessLevel: "private", owner: "ben" })
        expect(namesOf(yield* ask("rights", "customer", inGroup))).toEqual([])
        expect(namesOf(yield* ask("rights", "customer", callerNamed("ben")))).toEqual(["team"])
        yield* putAgent("rights", { ...view, revision: 3, version: 3, archived: true })
        expect(namesOf(yield* ask("rights", "customer", inGroup))).toEqual([])
        expect(namesOf(yield* ask("other-tenant", "customer", inGroup))).toEqual([])
      }),
    )
  },
)
