/** Which agents a node recommends over HTTP: to whom, by what, and what of a wrong question it says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
let ann: string
let ben: string

interface Given {
  readonly agent_id: string
  readonly similarity_score: number
  readonly match_reason: string
}

const complaint = "고객 불만 처리를 도와줄 에이전트가 필요해"

const register = async (id: string, more: Record<string, unknown>, token = ann) => {
  const body = { id, name: id, framework: "LLM", ...more }
  const answer = await node.request("POST", "/api/agents/", { token, body })
  expect(answer.status, await answer.clone().text()).toBeLessThan(300)
}

const promote = async (id: string, token = ann) => {
  for (const status of ["STAGING", "PRODUCTION"]) {
    const answer = await node.request("POST", `/api/agents/${id}/status`, { token, body: { status } })
    expect(answer.status, await answer.clone().text()).toBe(200)
  }
}

const recommend = async (body: Record<string, unknown>, token = ann) => {
  const answer = await node.request("POST", "/api/agents/recommend", { token, body })
  expect(answer.status, await answer.clone().text()).toBe(200)
  return (await answer.json()) as {
    readonly recommendations: ReadonlyArray<Given>
    readonly model: string
    readonly message?: string
  }
}
const idsFor = async (body: Record<string, unknown>, token = ann) =>
  (await recommend(body, token)).recommendations.map((one) => one.agent_id)

beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: "developer,ann" })
  ann = await node.login("ann", { department: "CS팀" })
  ben = await node.login("ben", { department: "영업팀" })
  await register("cs-helper", {
    department: "고객센터",
    capabilities: {
      description: "고객 문의에 답하고 환불을 도와줍니다",
      skills: [
        { name: "고객 지원", description: "고객의 문의에 답합니다" },
        { name: "불만 처리", description: "민원과 클레임을 접수합니다" },
      ],
    },
  })
  await register("complaint-analyzer", {
    capabilities: {
      description: "Classifies customer complaints by sentiment",
      skills: [{ name: "Sentiment analysis", description: "Finds angry customers" }],
    },
  })
  await register("report-writer", {
    framework: "Agno",
    a2a_endpoint: "http://agno.example.org/reports",
    capabilities: { description: "Summarizes sales reports", skills: ["summary"] },
  })
  await register("own-desk", {
    access_level: "private",
    capabilities: { description: "고객 불만 처리", skills: ["불만 처리"] },
  })
  await register("cs-team", {
    access_level: "team",
    allowed_teams: ["CS팀"],
    capabilities: { description: "고객 불만 처리", skills: ["불만 처리"] },
  })
  for (const id of ["cs-helper", "complaint-analyzer", "report-writer", "own-desk", "cs-team"])
    await promote(id)
  await register("draft", { capabilities: { description: "고객 불만 처리 초안", skills: ["불만 처리"] } })
}, 120_000)
afterAll(() => node.stop())

describe("recommended agents", () => {
  it("are those that suit a question, best first, with a reason in its language", async () => {
    const { recommendations, model } = await recommend({ query: complaint }, ben)
    expect(recommendations.map(({ agent_id }) => agent_id)).toEqual(["cs-helper", "complaint-analyzer"])
    expect(recommendations[0]).toMatchObject({
      name: "cs-helper",
      match_reason: expect.stringMatching(/불만 처리.*기능과 일치/),
      framework: "LLM",
      status: "PRODUCTION",
      department: "고객센터",
    })
    expect(model).toBe("offline")
    const scores = recommendations.map(({ similarity_score }) => similarity_score)
    expect(scores).toEqual([...scores].sort((one, other) => other - one))
    expect(scores.every((score) => score > 0.15 && score <= 1)).toBe(true)
    const english = await recommend({ query: "handle the complaints of customers" }, ben)
    expect(english.recommendations.map(({ agent_id }) => agent_id).sort()).toEqual([
      "complaint-analyzer",
      "cs-helper",
    ])
    expect(english.recommendations[0]!.match_reason).toMatch(/^Matches the skills |^Words in common: /)
  })

  it("are none where nothing suits the question, which the answer says", async () => {
    expect(await recommend({ query: "quantum chromodynamics" })).toMatchObject({
      recommendations: [],
      message: "No good match.",
    })
    expect((await recommend({ query: "고양이 낮잠" })).message).toContain("없습니다")
    expect(await idsFor({ query: complaint, min_score: 0.99 })).toEqual([])
  })

  it("are never those that the caller may not use, and take nobody's place", async () => {
    expect(await idsFor({ query: complaint, k: 1 }, ben)).toEqual(["cs-helper"])
    expect(await idsFor({ query: complaint, k: 20, min_score: 0 }, ben)).not.toContain("own-desk")
    expect(await idsFor({ query: complaint, k: 20, min_score: 0 }, ben)).not.toContain("cs-team")
    const dora = await node.login("dora", { department: "CS팀" })
    const seen = await idsFor({ query: complaint, k: 20 }, dora)
    expect(seen).toContain("cs-team")
    expect(seen).not.toContain("own-desk")
    expect(await idsFor({ query: complaint, k: 20 })).toContain("own-desk")
  })

  it("are in the status, of the framework and of the department that were asked for", async () => {
    expect(await idsFor({ query: complaint, filters: { status: "DEVELOPMENT" } })).toEqual(["draft"])
    expect(await idsFor({ query: complaint, filters: { department: "고객센터" } })).toEqual(["cs-helper"])
    const reports = { query: "매출 보고서 요약" }
    expect(await idsFor({ ...reports, filters: { framework: "agno" } })).toEqual(["report-writer"])
    expect(await idsFor({ ...reports, filters: { framework: "LLM" } })).toEqual([])
  })

  it("follow a change of an agent at once", async () => {
    const query = "반도체 설비 정비"
    expect(await idsFor({ query })).toEqual([])
    const body = { capabilities: { description: "반도체 설비의 정비 일정을 알려 줍니다" } }
    const changed = await node.request("PATCH", "/api/agents/report-writer", { token: ann, body })
    expect(changed.status, await changed.clone().text()).toBe(200)
    expect(await idsFor({ query })).toEqual(["report-writer"])
    const hidden = await node.request("PATCH", "/api/agents/report-writer", {
      token: ann,
      body: { access_level: "private" },
    })
    expect(hidden.status).toBe(200)
    expect(await idsFor({ query }, ben)).toEqual([])
    expect((await node.request("DELETE", "/api/agents/report-writer", { token: ann })).status).toBeLessThan(
      300,
    )
    expect(await idsFor({ query })).toEqual([])
  })

  it("answer a batch question by question, in its order", async () => {
    const queries = [
      { query: complaint, k: 1 },
      { query: "nothing of the kind" },
      { query: complaint, filters: { status: "DEVELOPMENT" } },
    ]
    const answer = await node.request("POST", "/api/agents/recommend/batch", {
      token: ben,
      body: { queries },
    })
    const { results } = (await json(answer)) as {
      readonly results: ReadonlyArray<{ readonly recommendations: ReadonlyArray<Given> }>
    }
    expect(results.map((one) => one.recommendations.map(({ agent_id }) => agent_id))).toEqual([
      ["cs-helper"],
      [],
      ["draft"],
    ])
    const single = await recommend(queries[0]!, ben)
    expect(results[0]).toEqual(single)
  })

  it.each<readonly [what: string, body: Record<string, unknown>, field: string]>([
    ["an empty question", { query: "" }, "query"],
    ["spaces alone", { query: "  " }, "query"],
    ["a question that is too long", { query: "a".repeat(2_001) }, "query"],
    ["a zero character", { query: "a\u0000" }, "query"],
    ["no agents at all", { query: "a", k: 0 }, "k"],
    ["too many agents", { query: "a", k: 21 }, "k"],
    ["a score above 1", { query: "a", min_score: 2 }, "min_score"],
    ["an unknown status", { query: "a", filters: { status: "LIVE" } }, "filters.status"],
    ["an unknown framework", { query: "a", filters: { framework: "none" } }, "filters.framework"],
    ["an unknown filter", { query: "a", filters: { owner: "x" } }, "filters"],
  ])("are refused for %s, by the field's name", async (_, body, field) => {
    const answer = await node.request("POST", "/api/agents/recommend", { token: ben, body })
    const { status, code, details } = await errorOf(answer)
    expect([status, code]).toEqual([400, "GTW_BODY_006"])
    expect(JSON.stringify(details)).toContain(field)
  })

  it("are refused for a batch of none or of too many, and without the right to read agents", async () => {
    for (const queries of [[], Array.from({ length: 21 }, () => ({ query: "a" }))]) {
      const body = { queries }
      const answer = await node.request("POST", "/api/agents/recommend/batch", { token: ben, body })
      expect(answer.status).toBe(400)
    }
    const narrow = await node.narrow(ben, ["llm-model:use"])
    for (const path of ["/api/agents/recommend", "/api/agents/recommend/batch"])
      expect((await node.request("POST", path, { token: narrow, body: { query: "a" } })).status).toBe(403)
  })

  it("say which model failed when the tenant chose one that gives no vectors", async () => {
    const set = (embedding_model: string) =>
      node.request("PATCH", "/api/admin/settings/agents", { body: { settings: { embedding_model } } })
    expect((await set("no-such-model")).status).toBe(200)
    const answer = await node.request("POST", "/api/agents/recommend", { token: ben, body: { query: "a" } })
    const { status, code, details } = await errorOf(answer)
    expect([status, code, details]).toMatchObject([
      503,
      "AGT_REC_001",
      { model: "no-such-model", setting: "agents.embedding_model" },
    ])
    expect((await set("")).status).toBe(200)
    expect(await idsFor({ query: complaint, k: 1 }, ben)).toEqual(["cs-helper"])
  })
})
