/** That agents are the same on two nodes: who may use them, what they are sent, what is recommended, and who looks after them. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { AgentIndex, AgentRecommendations } from "../../actors/index.ts"
import { Database } from "../../resources/index.ts"
import { chatClient, textOf } from "../support/chat-client.ts"
import { ephemeralDatabase } from "../support/database.ts"
import type { TestNode } from "../support/node.ts"
import { callerNamed, putAgent, recommendationServicesOn } from "../support/recommend.ts"
import { openSession } from "../support/session-client.ts"
import { questionsTo, registerStubAgent } from "../support/stub-agent.ts"
import { answers, raw, type StubModelServer, startStubModelServer } from "../support/stub-model-server.ts"
import { newDatabase } from "./new-database.ts"
import { keyAt, promptMs, startTwoNodes, type TwoNodes } from "./two-node-deployment.ts"

/** Both nodes look that often for agents that have to be embedded anew, and once more. */
const upkeepMs = 40_000

const databases = inject("databases")
const [, server] = databases.at(-1)!

let upstream: StubModelServer
let both: TwoNodes
let a: TestNode
let b: TestNode
let ann: string
let ben: string

const asked = (path: string) => upstream.asked.filter((one) => one.path.endsWith(path))
const embedded = () => asked("/embeddings").flatMap(({ body }) => body.input as ReadonlyArray<string>)
const vectors = (input: ReadonlyArray<string>) => ({
  object: "list",
  model: "stub",
  data: input.map((text, index) => ({ object: "embedding", index, embedding: [text.length, 1] })),
  usage: { prompt_tokens: 1, total_tokens: 1 },
})

beforeAll(async () => {
  upstream = await startStubModelServer()
  upstream.behave((one, response) => {
    if (one.path.endsWith("/models")) return raw('{"data":[]}')(one, response)
    if (!one.path.endsWith("/embeddings")) return answers(["Hello", " world"])(one, response)
    return raw(JSON.stringify(vectors(one.body.input as ReadonlyArray<string>)))(one, response)
  })
  both = await startTwoNodes(server, { EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  ;[a, b] = [both.a, both.b]
  ann = await a.login("ann", { department: "CS" })
  ben = await b.login("ben")
}, 120_000)
afterAll(async () => {
  await both?.stop()
  await upstream?.stop()
})

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field
type Json = any

const send = async (node: TestNode, method: string, path: string, token: string, body?: unknown) => {
  const headers = { accept: "application/json, text/event-stream" }
  const response = await node.request(method, path, {
    token,
    headers,
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as Json }
}
const done = async (...sent: Parameters<typeof send>): Promise<Json> => {
  const { status, body } = await send(...sent)
  expect(status, JSON.stringify(body)).toBeLessThan(300)
  return body
}
const idsOf = (listed: ReadonlyArray<{ readonly id: string }>) => listed.map(({ id }) => id)

const complaints = { skills: ["refunds"], description: "Handles complaints of customers" }
const question = { query: "complaints of customers", k: 20 }
const development = { status: "DEVELOPMENT" }

/** Each way in which somebody may come upon an agent, at one node. */
const waysTo = async (node: TestNode, token: string, agent: string) => {
  const list = await done(node, "GET", "/api/agents/?limit=100", token)
  const asking = { ...question, filters: development }
  const recommended = await done(node, "POST", "/api/agents/recommend", token, asking)
  const mcp = { jsonrpc: "2.0", id: 1, method: "tools/list" }
  const { result } = await done(node, "POST", "/mcp", token, mcp)
  const models = await done(node, "GET", "/v1/models", token)
  const body = { agent_id: agent, title: "" }
  return {
    list: idsOf(list.agents).includes(agent),
    read: (await send(node, "GET", `/api/agents/${agent}`, token)).status,
    recommended: recommended.recommendations.some((one: Json) => one.agent_id === agent),
    tool: result.tools.some((tool: Json) => tool.name === `ask_${agent}`),
    model: idsOf(models.data).includes(`agent:${agent}`),
    chat: (await send(node, "POST", "/api/chat/sessions/", token, body)).status,
  }
}
const usable = { list: true, read: 200, recommended: true, tool: true, model: true, chat: 201 }
const nowhere = { list: false, recommended: false, tool: false, model: false }

describe.each(["a", "b"] as const)("an agent whose actor is on node %s", (owner) => {
  const soon = (ways: () => Promise<object>, expected: object) =>
    expect.poll(ways, { timeout: promptMs }).toEqual(expected)

  it("is at one node what was made of it at the other, for everybody", async () => {
    const agent = await keyAt(both[owner], "agent", "desk")
    const at = `/api/agents/${agent}`
    const registered = { id: agent, name: agent, framework: "LLM", capabilities: complaints }
    expect((await send(b, "GET", at, ben)).status).toBe(404)
    await done(a, "POST", "/api/agents/", ann, registered)
    await soon(() => waysTo(b, ben, agent), usable)
    const begun = await openSession(b, agent, ben)
    await done(a, "PATCH", at, ann, { access_level: "private" })
    await soon(() => waysTo(b, ben, agent), { ...nowhere, read: 403, chat: 403 })
    expect(await waysTo(b, ann, agent)).toEqual(usable)
    const more = await send(b, "POST", `/api/chat/sessions/${begun}/messages/`, ben, { content: "hi" })
    expect([more.status, more.body.error.code]).toEqual([403, "AGT_AUTH_001"])
    await done(a, "DELETE", at, ann)
    await soon(() => waysTo(b, ann, agent), { ...nowhere, read: 200, chat: 422 })
    const archived = await done(b, "GET", "/api/agents/?archived=true", ann)
    expect(idsOf(archived.agents)).toContain(agent)
    await done(b, "POST", `${at}/restore`, ann)
    await soon(() => waysTo(a, ann, agent), usable)
  })

  it("is changed at both nodes one change after the other, and none is lost", async () => {
    const agent = await keyAt(both[owner], "agent", "busy")
    await done(a, "POST", "/api/agents/", ann, { id: agent, name: agent, framework: "LLM" })
    const path = `/api/agents/${agent}`
    await Promise.all([
      done(a, "PATCH", path, ann, { capabilities: { description: "Sums up reports" } }),
      done(b, "PATCH", path, ann, { capabilities: { skills: ["summary"] } }),
    ])
    for (const node of [a, b])
      expect(await done(node, "GET", path, ann)).toMatchObject({
        version: 3,
        description: "Sums up reports",
        capabilities: { skills: ["summary"] },
      })
    const stale = { method: "PATCH", headers: { "if-match": '"1"' }, body: { name: "late" } }
    expect((await b.request(stale.method, path, { ...stale, token: ann })).status).toBe(412)
  })

  it("is sent the credential that it was given at one node by both", async () => {
    const agent = await keyAt(both[owner], "agent", "locked")
    await registerStubAgent(a, upstream, { id: agent, credential: "first" }, ann)
    const sentBy = async (node: TestNode) => {
      const chat = chatClient(() => node)
      const session = await openSession(node, agent)
      expect(textOf((await chat.answered(session, "hi")).map(({ data }) => data))).toBe("Hello world")
      return questionsTo(upstream).at(-1)!.headers.authorization
    }
    for (const node of [b, a]) expect(await sentBy(node)).toBe("Bearer first")
    await done(a, "PATCH", `/api/agents/${agent}`, ann, { credential: "second" })
    for (const node of [b, a]) expect(await sentBy(node)).toBe("Bearer second")
    await done(b, "PATCH", `/api/agents/${agent}`, ann, { credential: null })
    for (const node of [b, a]) expect(await sentBy(node)).toBeUndefined()
  })

  it("is asked how it is by one node", async () => {
    const agent = await keyAt(both[owner], "agent", "checked")
    const before = asked(`/${agent}/models`).length
    const there = { ...upstream, url: upstream.url.replace("/v1", `/${agent}`) }
    await registerStubAgent(a, there, { id: agent }, ann)
    const health = async (node: TestNode) => (await done(node, "GET", `/api/agents/${agent}`, ann)).health
    await expect.poll(async () => (await health(b)).status, { timeout: 5_000 }).toBe("healthy")
    await done(b, "POST", `/api/agents/${agent}/health-check`, ann)
    await done(a, "POST", `/api/agents/${agent}/health-check`, ann)
    expect(asked(`/${agent}/models`).length - before).toBe(3)
    expect(await health(a)).toEqual(await health(b))
  })
})

describe("what is counted", () => {
  it("has the agents of both nodes, whichever is asked", async () => {
    const count = async (node: TestNode) =>
      (await done(node, "GET", "/api/admin/statistics/", node.token)).statistics.total_agents
    const before = await count(a)
    expect(await count(b)).toBe(before)
    await done(a, "POST", "/api/agents/", ann, { name: "counted", framework: "LLM" })
    await done(b, "POST", "/api/agents/", ben, { name: "counted too", framework: "LLM" })
    for (const node of [a, b]) expect(await count(node)).toBe(before + 2)
  })
})

describe("recommendations", () => {
  const queries = ["customers complain about a refund", "매출 보고서 요약", "summary of sales", "refund"]
  const descriptions = [
    "Answers complaints of customers and refunds what they paid",
    "매출 보고서를 요약하고 표로 만듭니다",
    "Writes a summary of sales reports",
    "Sends refunds after a complaint",
  ]

  /** By the layer alone, on another database: what it recommends of the same agents. */
  const recommendedOn = (database: ReturnType<typeof ephemeralDatabase>) =>
    Effect.gen(function* () {
      const { rows } = yield* Effect.promise(() =>
        a.run(AgentIndex.use((index) => index.list("default", admin, all))),
      )
      for (const view of rows) yield* putAgent("default", view)
      const { recommend } = yield* AgentRecommendations
      const questions = queries.map((query) => ({ query, k: 10, filters: development, minimumScore: 0.1 }))
      const found = yield* recommend("default", callerNamed("ann", { department: "CS" }), questions as never)
      return found.map(({ recommendations }) =>
        recommendations.map(({ agent, score, reason }) => [agent, score.toFixed(4), reason]),
      )
    }).pipe(Effect.provide(recommendationServicesOn(database)), Effect.scoped, Effect.runPromise)
  const admin = callerNamed("root", { isAdministrator: true })
  const all = { page: 1, limit: 500 }

  const recommendedAt = async (node: TestNode) => {
    const asking = {
      queries: queries.map((query) => ({ query, k: 10, filters: development, min_score: 0.1 })),
    }
    const { results } = await done(node, "POST", "/api/agents/recommend/batch", ann, asking)
    return results.map(({ recommendations }: Json) =>
      recommendations.map((one: Json) => [one.agent_id, one.similarity_score.toFixed(4), one.match_reason]),
    )
  }

  it("are the same on both nodes, on every PostgreSQL, and on the embedded one", async () => {
    for (const [index, description] of descriptions.entries()) {
      const more = index === 3 ? { access_level: "team", allowed_teams: ["CS"] } : {}
      const body = {
        id: `same-${index}`,
        name: `same ${index}`,
        framework: "LLM",
        capabilities: { description },
      }
      await done(index % 2 === 0 ? a : b, "POST", "/api/agents/", ben, { ...body, ...more })
    }
    const given = await recommendedAt(a)
    expect(given[0].map(([agent]: ReadonlyArray<string>) => agent)).toContain("same-0")
    expect(JSON.stringify(given)).toContain("same-3")
    expect(await recommendedAt(b)).toEqual(given)
    expect(await recommendedOn(ephemeralDatabase())).toEqual(given)
    for (const [, url] of databases) {
      const real = Database.layer({ url: Redacted.make(await newDatabase(url)), maxConnections: 4 })
      expect(await recommendedOn(real)).toEqual(given)
    }
  })

  it("compare by another model once one node has embedded every agent, each of them once", async () => {
    const model = {
      name: "vectors",
      provider: "Custom",
      endpoint: upstream.url,
      api_key: "sk-1234567890abcdef",
    }
    const { id } = await done(a, "POST", "/api/admin/llm-models/", a.token, model)
    await done(a, "POST", `/api/admin/llm-models/${id}/activate`, a.token)
    const settings = { settings: { embedding_model: "vectors" } }
    await done(a, "PATCH", "/api/admin/settings/agents", a.token, settings)
    const ask = async (node: TestNode): Promise<Json> =>
      done(node, "POST", "/api/agents/recommend", node.token, { ...question, min_score: 0 })
    const complete = async (node: TestNode) => {
      const { model, not_embedded } = await ask(node)
      return { model, not_embedded }
    }
    const all = { model: "vectors", not_embedded: 0 }
    for (const node of [b, a])
      await expect.poll(() => complete(node), { timeout: upkeepMs, interval: 200 }).toEqual(all)
    const texts = embedded().filter((text) => text !== question.query)
    expect(texts.length).toBeGreaterThan(10)
    expect(new Set(texts).size).toBe(texts.length)
  }, 90_000)
})
