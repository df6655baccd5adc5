/** That the offline embedder puts texts side by side that share words, in either language, and no others. */
import { describe, expect, it } from "vitest"
import { lexicalDimensions, lexicalVector, wordsOf } from "../../../resources/index.ts"
import type { EmbeddingRequest } from "../../../resources/llm/call.ts"
import { offlineUpstream } from "../../../resources/llm/offline-upstream.ts"

const likeness = (one: string, other: string): number => {
  const [a, b] = [lexicalVector(one), lexicalVector(other)]
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0)
}

const agents = {
  complaints: "고객 지원 전문 에이전트. 고객 지원, 불만 처리. 민원과 클레임을 접수하고 해결합니다",
  sales: "Sales analyst. Writes and summarizes quarterly sales reports",
  translator: "Translator. Translates documents between Korean, English and Japanese",
  operations: "Finds the cause of incidents in server logs and deploys services",
  leave: "인사 도우미. 휴가, 급여, 채용에 대한 질문에 답합니다",
}
type Name = keyof typeof agents

const ranked = (query: string) =>
  (Object.entries(agents) as ReadonlyArray<[Name, string]>)
    .map(([name, text]) => ({ name, score: likeness(query, text) }))
    .sort((one, other) => other.score - one.score)

describe("the offline embedder", () => {
  it("gives the same vector of length 1 for the same text, and zeros for one that says nothing", () => {
    const vector = lexicalVector("고객 불만 complaint")
    expect(vector.length).toBe(lexicalDimensions)
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5)
    expect(lexicalVector("고객 불만 complaint")).toEqual(vector)
    expect(lexicalVector("").every((value) => value === 0)).toBe(true)
    expect(lexicalVector("the agent that helps me").every((value) => value === 0)).toBe(true)
  })

  it.each<readonly [query: string, first: Name]>([
    ["고객 불만 처리를 도와줄 에이전트가 필요해", "complaints"],
    ["I need an agent that handles customer complaints", "complaints"],
    ["2023년 매출 보고서를 요약해줘", "sales"],
    ["summarize the sales report", "sales"],
    ["이 문서를 영어로 번역해 주세요", "translator"],
    ["translate this document", "translator"],
    ["서버 로그에서 장애 원인을 찾아줘", "operations"],
    ["who deploys to the servers?", "operations"],
    ["휴가가 며칠 남았는지 알려줘", "leave"],
    ["vacation and payroll", "leave"],
  ])("ranks “%s” first where it belongs, in either language", (query, first) => {
    const [best, next] = ranked(query)
    expect(best?.name).toBe(first)
    expect(best!.score).toBeGreaterThan(0.2)
    expect(next!.score).toBeLessThan(best!.score * 0.7)
  })

  it.each(["고양이가 낮잠을 자요", "quantum chromodynamics on a lattice", "오늘 저녁은 김치찌개", "zzz qqq"])(
    "finds nothing like “%s”",
    (query) => expect(ranked(query)[0]!.score).toBeLessThan(0.15),
  )

  it("sees a word in a compound, behind a particle and in the other number", () => {
    expect(likeness("고객지원", "고객 지원")).toBeGreaterThan(0.7)
    expect(likeness("보고서를", "보고서")).toBeGreaterThan(0.99)
    expect(likeness("refund requests", "refunds request")).toBeGreaterThan(0.95)
  })

  it("tells words of one language from those of the other where they stand together", () => {
    expect(wordsOf("CPU사용률 kubernetesCluster").map(({ stem }) => stem)).toEqual([
      "cpu",
      "사용률",
      "kubernet",
      "cluster",
    ])
  })

  it("takes time in proportion to the text", () => {
    const text = `${"가".repeat(50_000)} ${"a".repeat(50_000)}`
    expect(lexicalVector(text).length).toBe(lexicalDimensions)
  })
})

describe("the offline model", () => {
  const embed = async (request: EmbeddingRequest) =>
    (await offlineUpstream.embed!(request, new AbortController().signal)).data

  it("gives the same numbers as a list and as base64, text by text", async () => {
    const input = ["고객 불만", "kubernetes"]
    const plain = await embed({ input })
    const packed = await embed({ input, encoding_format: "base64" })
    expect(plain.map(({ index }) => index)).toEqual([0, 1])
    for (const [index, { embedding }] of packed.entries()) {
      const bytes = Buffer.from(embedding as unknown as string, "base64")
      const numbers = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
      expect(numbers).toEqual(plain[index]!.embedding)
    }
    expect(plain[1]!.embedding).toEqual(Array.from(lexicalVector("kubernetes")))
  })

  it("refuses other dimensions, and tokens instead of texts, by the parameter's name", async () => {
    const refusal = (request: EmbeddingRequest) => expect(embed(request)).rejects
    await refusal({ input: "a", dimensions: 3 }).toMatchObject({
      kind: "caller",
      more: { param: "dimensions" },
    })
    await refusal({ input: [1, 2] }).toMatchObject({ kind: "caller", more: { param: "input" } })
  })
})
