/**
 * `npm run bench:recommend -- [--agents N]`: how long a recommendation, and a page of the list, take on the embedded
 * Postgres, or on an empty database that `DATABASE_URL` names, by the offline model and by one of 1,536 dimensions; that
 * it is exact; and where chance ends.
 */
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { AgentIndex, AgentRecommendations } from "../../actors/index.ts"
import { Database, lexicalVector } from "../../resources/index.ts"
import { ephemeralDatabase } from "../../test/support/database.ts"
import { callerNamed, models, recommendationServicesOn, setModel } from "../../test/support/recommend.ts"
import { makeAgent, questions, textOf, unrelated } from "./agents.ts"

const { values } = parseArgs({ options: { agents: { type: "string", default: "10000" } } })
const count = Number(values.agents)
const [tenant, k] = ["bench", 5]
const everybody = callerNamed("root", { isAdministrator: true })
const somebody = callerNamed("user-1", { department: "CS팀", groups: ["g-1", "g-2"] })

/** Of length 1, and the same for the same text. */
const modelVector = (text: string, dimensions = 1_536): ReadonlyArray<number> => {
  let state = [...text].reduce((sum, character) => (Math.imul(sum, 31) + character.codePointAt(0)!) | 0, 7)
  const values = Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return state / 2 ** 31
  })
  const length = Math.hypot(...values)
  return values.map((value) => value / length)
}
models.embed = (text) => modelVector(text)

const quantile = (sorted: ReadonlyArray<number>, part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
const shown = (times: ReadonlyArray<number>) => {
  const sorted = times.toSorted((one, other) => one - other)
  const [p50, p95, most] = [quantile(sorted, 0.5), quantile(sorted, 0.95), sorted.at(-1) ?? 0]
  return `P50 ${p50.toFixed(1)} ms, P95 ${p95.toFixed(1)} ms, most ${most.toFixed(1)} ms`
}
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.map(effect, (answer) => ({ answer, ms: performance.now() - began }))
  })

const ask = (query: string, caller = everybody, minimumScore?: number) =>
  Effect.flatMap(AgentRecommendations, ({ recommend }) =>
    Effect.map(
      recommend(tenant, caller, [{ query, k, filters: {}, minimumScore }]),
      ([answer]) => answer!.recommendations,
    ),
  )

const latencies = Effect.fnUntraced(function* (what: string) {
  const cold = yield* Effect.forEach(questions, (query) => timed(ask(query)))
  console.log(`${what}, all agents:            ${shown(cold.map(({ ms }) => ms))}`)
  const narrow = yield* Effect.forEach(questions, (query) => timed(ask(query, somebody)))
  console.log(`${what}, what somebody may use: ${shown(narrow.map(({ ms }) => ms))}`)
  const kept = yield* Effect.forEach(questions, (query) => timed(ask(query)))
  console.log(`${what}, kept answers:          ${shown(kept.map(({ ms }) => ms))}`)
  const { recommend } = yield* AgentRecommendations
  const batches = yield* Effect.forEach([0, 20, 40, 60, 80], (from) =>
    timed(
      recommend(
        tenant,
        everybody,
        questions.slice(from, from + 20).map((query) => ({ query, k: 6, filters: {} })),
      ),
    ),
  )
  console.log(`${what}, batches of 20:         ${shown(batches.map(({ ms }) => ms))}`)
  const together = yield* Effect.forEach(questions, (query) => timed(ask(`${query} `, somebody)), {
    concurrency: 8,
  })
  console.log(`${what}, 8 at once:             ${shown(together.map(({ ms }) => ms))}`)
})

const listing = Effect.fnUntraced(function* (what: string, search: object, caller = everybody) {
  const { list } = yield* AgentIndex
  const pages = Array.from({ length: 50 }, (_, index) => index + 1)
  const read = yield* Effect.forEach(pages, (page) =>
    timed(list(tenant, caller, { page, limit: 20, ...search })),
  )
  console.log(`list, ${what}: ${shown(read.map(({ ms }) => ms))}`)
})

/** Which part of the five best, by a search through all, is among the five given; ties count. */
const recall = Effect.fnUntraced(function* (what: string, vectorOf: (text: string) => ArrayLike<number>) {
  const places = Array.from({ length: count }, (_, index) => vectorOf(textOf(makeAgent(index))))
  const dot = (one: ArrayLike<number>, other: ArrayLike<number>) => {
    let sum = 0
    for (let index = 0; index < one.length; index++) sum += one[index]! * other[index]!
    return sum
  }
  let found = 0
  const sample = questions.slice(0, 50)
  for (const query of sample) {
    const asked = vectorOf(query)
    const scores = places.map((place) => dot(place, asked)).sort((one, other) => other - one)
    const given = yield* ask(query, everybody, 0)
    found += given.filter(({ score }) => score >= scores[k - 1]! - 1e-5).length
  }
  console.log(`${what}, recall@5 against a search through all: ${(found / (sample.length * k)).toFixed(3)}`)
})

const scores = Effect.gen(function* () {
  for (const [what, queries] of [
    ["related", questions],
    ["unrelated", unrelated],
  ] as const) {
    const best = yield* Effect.forEach(queries, (query) =>
      Effect.map(ask(query, everybody, 0), ([first]) => first?.score ?? 0),
    )
    const sorted = best.toSorted((one, other) => one - other)
    const parts = [0, 0.05, 0.5, 0.95, 1].map((part) => quantile(sorted, part).toFixed(3))
    console.log(`offline, best score of ${what} questions: least, P5, P50, P95, most: ${parts.join(", ")}`)
  }
})

const program = Effect.gen(function* () {
  const [index, recommendations] = [yield* AgentIndex, yield* AgentRecommendations]
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${count} agents`)
  for (let at = 0; at < count; at++) yield* index.put(tenant, { view: makeAgent(at) })
  const offline = yield* timed(recommendations.keepAll(tenant))
  console.log(`offline, all agents embedded in ${(offline.ms / 1_000).toFixed(1)} s`)
  yield* listing("pages of all agents", {})
  yield* listing("pages of what somebody may use", {}, somebody)
  yield* listing("pages of those with a word in them", { search: "report" }, somebody)
  yield* latencies("offline")
  yield* scores
  yield* recall("offline", lexicalVector)
  yield* setModel(tenant, "model-1536")
  const model = yield* timed(recommendations.keepAll(tenant))
  console.log(`1,536 dimensions, all agents embedded in ${(model.ms / 1_000).toFixed(1)} s`)
  yield* latencies("1,536 dimensions")
  yield* recall("1,536 dimensions", modelVector)
})

const url = process.env.DATABASE_URL
const database = url === undefined ? ephemeralDatabase() : Database.layer({ url: Redacted.make(url) })
await Effect.runPromise(Effect.scoped(Effect.provide(program, recommendationServicesOn(database))))
