/** Answers that are kept: read once, told apart by user and query, and ended by any change they depend on. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { anonymous, type Identity } from "../../../gateway/auth/identity.ts"
import { keptAnswerLimits, keptRoute } from "../../../gateway/http/llm-models/kept-answers.ts"
import { beginRequest } from "../../../gateway/request-context.ts"
import { Envelope, type GatewayRequest } from "../../../gateway/route.ts"
import type { GatewayServices } from "../../../gateway/services.ts"
import { accessTopic, Changes, llmModelsTopic } from "../../../resources/index.ts"
import { llmModelV2Endpoints, llmPermissionEndpoints } from "../../../schemas/index.ts"

const requestOf = (url: string, who: Partial<Identity>): GatewayRequest => {
  const incoming = { headers: {}, url, method: "GET", socket: {} }
  return {
    http: { env: { incoming }, req: { method: "GET", path: url, param: () => ({}) } },
    context: beginRequest({}, { headersFor: () => ({}) } as never, "v2"),
    identity: { ...anonymous, tenant: "t", user: "ann", userId: "1", ...who },
  } as unknown as GatewayRequest
}

/** A plain answer is a list, and one in the envelope has this as well. */
type Answered = ReadonlyArray<string> & { readonly request_id?: string }

const kept = async (answer: (reads: number) => unknown = (reads) => [reads]) => {
  const changes = await Effect.runPromise(Effect.provide(Changes, Changes.layerLocal))
  const services = {
    context: Context.make(Changes, changes),
    limits: { bodyBytesMax: 1_024, bodyDepthMax: 8 },
  } as unknown as GatewayServices
  let reads = 0
  const read = () => Effect.sync(() => answer(++reads) as never)
  const of = (endpoint: Parameters<typeof keptRoute>[1]) => {
    const { handle } = keptRoute(services, endpoint, 60_000, read)
    return async (url: string, who: Partial<Identity> = {}) =>
      (await (await handle(requestOf(url, who))).json()) as Answered
  }
  const announce = (topic: string) => Effect.runPromise(changes.announce(topic))
  return {
    plain: of(llmPermissionEndpoints.models),
    v2: of(llmModelV2Endpoints.models),
    announce,
    reads: () => reads,
  }
}

describe("an answer that is kept", () => {
  it("is read once per user, rights and query", async () => {
    const { plain, reads } = await kept()
    expect([await plain("/a"), await plain("/a")]).toEqual([[1], [1]])
    expect(await plain("/a?accessible_only=true")).toEqual([2])
    expect(await plain("/a", { userId: "2", user: "bob" })).toEqual([3])
    expect(await plain("/a", { tenant: "u" })).toEqual([4])
    expect(await plain("/a", { permissions: new Set(["*"]) })).toEqual([5])
    expect(await plain("/a")).toEqual([1])
    expect(reads()).toBe(5)
  })

  it("is read once for all who ask for it at the same time", async () => {
    const { plain, reads } = await kept()
    expect(await Promise.all([plain("/a"), plain("/a"), plain("/a")])).toEqual([[1], [1], [1]])
    expect(reads()).toBe(1)
  })

  it("is read again by those who joined a read that failed, once for all of them", async () => {
    const { plain, reads } = await kept((reads) => {
      if (reads === 1) throw new Error("its time is over")
      return [reads]
    })
    const [first, second, third] = await Promise.allSettled([plain("/a"), plain("/a"), plain("/a")])
    expect(first.status).toBe("rejected")
    expect([second, third]).toEqual([
      { status: "fulfilled", value: [2] },
      { status: "fulfilled", value: [2] },
    ])
    expect(reads()).toBe(2)
  })

  it("ends with a change of models, grants, users or groups of its tenant, and of no other", async () => {
    const { plain, announce } = await kept()
    expect(await plain("/a")).toEqual([1])
    await announce(llmModelsTopic("t"))
    expect(await plain("/a")).toEqual([2])
    await announce(accessTopic("t"))
    expect(await plain("/a")).toEqual([3])
    await announce(llmModelsTopic("u"))
    await announce(accessTopic("u"))
    expect(await plain("/a")).toEqual([3])
  })

  it("is ended by each request itself where it has an envelope", async () => {
    const { v2 } = await kept((reads) => new Envelope([reads], { message: 'a "quoted" one' }))
    const [first, second] = [await v2("/b"), await v2("/b")]
    expect(second).toEqual({
      success: true,
      data: [1],
      message: 'a "quoted" one',
      request_id: expect.any(String),
      timestamp: expect.stringMatching(/Z$/),
    })
    expect(second.request_id).not.toBe(first.request_id)
  })

  it("is read anew each time when it is long", async () => {
    const { plain } = await kept((reads) => [`${reads}${"x".repeat(keptAnswerLimits.charactersMax)}`])
    expect((await plain("/a"))[0]?.startsWith("1x")).toBe(true)
    expect((await plain("/a"))[0]?.startsWith("2x")).toBe(true)
  })
})
