/** Agents that run elsewhere, over small real servers that speak each framework's protocol. */
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { answerCharactersMax, type Framework } from "../../schemas/index.ts"
import { json, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { type Asking, credential, type RemoteAgents, remoteAgents } from "./remote-agents/remote-agent.ts"

let server: ScriptedServer
let agents: RemoteAgents
beforeAll(async () => {
  server = await startScriptedServer()
})
afterAll(() => server.stop())
const fresh = async () => {
  agents = await remoteAgents()
}
afterEach(() => agents.stop())

const ask = async (framework: Framework, asking: Asking = {}, path = "/agent") => {
  await fresh()
  return Effect.runPromise(agents.ask(framework, `${server.url}${path}`, asking))
}
const _bodyOf = (at = -1) => JSON.parse(server.asked.at(at)!.body)

interface Spoken {
  readonly framework: Exclude<Framework, "builtin" | "llm" | "a2a">
  readonly view?: Asking["view"]
  readonly path: string
  /** What the framework's agents answer when they say this. */
  readonly answer: (text: string) => unknown
  /** Something of JSON that is no answer of theirs. */
  readonly malformed: unknown
}

const spoken: ReadonlyArray<Spoken> = [
  {
    framework: "agno",
    path: "/agent",
    answer: (text) => ({ version: "1.0", response: { type: "result", payload: { text } } }),
    malformed: { version: "1.0" },
  },
  {
    framework: "adk",
    path: "/agent/execute",
    answer: (text) => ({ status: "success", result: text }),
    malformed: { result: "no status" },
  },
  {
    framework: "langchain",
    path: "/agent/execute",
    answer: (text) => ({ output: text }),
    malformed: {},
  },
  {
    framework: "custom",
    view: { connection: { responsePath: "results.0.text" } },
    path: "/agent",
    answer: (text) => ({ results: [{ text }] }),
    malformed: { results: [] },
  },
  {
    framework: "openai",
    view: { connection: { target: "m" } },
    path: "/agent/chat/completions",
    answer: (text) => ({ choices: [{ message: { role: "assistant", content: text } }] }),
    malformed: { choices: [] },
  },
]
const withConnection = ({ view }: Spoken, connection: object): Asking => ({
  view: { ...view, connection: { ...view?.connection, ...connection } },
})

describe.each(spoken)("an agent of $framework", (one) => {
  const { framework, path, answer, malformed, view = {} } = one

  it("is asked with its credential, the answer's key and the trace, and what it says is the answer", async () => {
    server.answer = (_, response) => json(response, 200, answer("all is well"))
    const { text, outcome } = await ask(framework, { view })
    expect(text).toBe("all is well")
    expect(outcome).toMatchObject({ _tag: "Said" })
    const asked = server.asked.at(-1)!
    expect(asked.path).toBe(path)
    expect(asked.headers).toMatchObject({
      authorization: `Bearer ${credential}`,
      "idempotency-key": "activity-key-1",
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    })
    expect(Object.keys(asked.headers).filter((name) => name.includes("millrace"))).toEqual([])
  })

  it("gets its credential in the header that its settings name", async () => {
    server.answer = (_, response) => json(response, 200, answer("x"))
    await ask(framework, withConnection(one, { credentialHeader: "X-Api-Key" }))
    expect(server.asked.at(-1)!.headers).toMatchObject({ "x-api-key": credential })
    expect(server.asked.at(-1)!.headers.authorization).toBeUndefined()
  })

  it("is asked again when it was busy, and waits as it was told", async () => {
    let times = 0
    server.answer = (_, response) => {
      times += 1
      if (times < 3) json(response, times === 1 ? 503 : 429, {}, { "retry-after": "0" })
      else json(response, 200, answer("now"))
    }
    expect((await ask(framework, { view })).text).toBe("now")
    expect(times).toBe(3)
  })

  it("is not asked again when it wants too long a pause, or settings want no retries", async () => {
    const before = server.asked.length
    server.answer = (_, response) => json(response, 503, {}, { "retry-after": "3600" })
    expect((await ask(framework, { view })).failure).toMatchObject({ code: "AgentFailed", retryable: false })
    server.answer = (_, response) => json(response, 503, {}, { "retry-after": "0" })
    await ask(framework, withConnection(one, { retriesMax: 0 }))
    expect(server.asked.length - before).toBe(2)
  })

  it("is asked once when it refuses or fails, and its words are told without the credential", async () => {
    const before = server.asked.length
    const words = (asked: { readonly headers: object }) => ({ error: "no", seen: asked.headers })
    server.answer = (asked, response) => json(response, 401, words(asked))
    const refused = await ask(framework, { view })
    server.answer = (asked, response) => json(response, 500, words(asked))
    const failed = await ask(framework, { view })
    expect(server.asked.length - before).toBe(2)
    expect(refused.failure).toMatchObject({ code: "AgentRefused", detail: expect.stringContaining("401") })
    expect(failed.failure).toMatchObject({ code: "AgentFailed", detail: expect.stringContaining("no") })
    expect(JSON.stringify([refused, failed])).not.toContain(credential)
    expect(failed.failure!.detail.length).toBeLessThan(300)
  })

  it("that answers something else is malformed", async () => {
    server.answer = (_, response) => json(response, 200, malformed)
    expect((await ask(framework, { view })).failure).toMatchObject({ code: "AgentMalformed" })
    server.answer = (_, response) =>
      void response.writeHead(200, { "content-type": "application/json" }).end("<html>")
    expect((await ask(framework, { view })).failure).toMatchObject({ code: "AgentMalformed" })
    server.answer = (_, response) => void response.socket!.end("not HTTP at all\r\n\r\n")
    expect((await ask(framework, { view })).failure).toMatchObject({ code: "AgentMalformed" })
  })

  it("that answers deeper than anybody walks down is malformed", async () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000)
    const text = JSON.stringify(answer("DEEP")).replaceAll('"DEEP"', deep)
    server.answer = (_, response) =>
      void response
        .writeHead(200, { "content-type": "application/json" })
        .end(text.replace(/}$/, `,"error":${deep}}`))
    expect((await ask(framework, { view })).failure).toMatchObject({ code: "AgentMalformed" })
  })

  it("that is not there is unreachable", async () => {
    await fresh()
    const gone = await startScriptedServer()
    await gone.stop()
    const asking = agents.ask(framework, gone.url, withConnection(one, { retriesMax: 0 }))
    expect((await Effect.runPromise(asking)).failure).toMatchObject({ code: "AgentUnreachable" })
    const noPort = agents.ask(framework, "http://127.0.0.1:1/", { view })
    expect((await Effect.runPromise(noPort)).failure).toMatchObject({ code: "AgentEgressRefused" })
  })

  it("that says nothing in time is given up, before and within its answer", async () => {
    const hasten = withConnection(one, { timeoutMs: 100 })
    server.answer = () => {}
    expect((await ask(framework, hasten)).failure).toMatchObject({ code: "AgentTimeout" })
    server.answer = (_, response) =>
      void response.writeHead(200, { "content-type": "application/json" }).write("{")
    expect((await ask(framework, hasten)).failure).toMatchObject({ code: "AgentTimeout" })
  })

  it("that dies before or within its answer broke off, and is not asked again", async () => {
    const before = server.asked.length
    server.answer = (_, response) => void response.socket!.destroy()
    expect((await ask(framework, { view })).failure).toMatchObject({ code: "AgentBrokeOff" })
    server.answer = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" })
      response.write("{", () => response.socket!.destroy())
    }
    const { failure } = await ask(framework, { view })
    expect(failure).toMatchObject({ code: "AgentBrokeOff", retryable: false })
    expect(server.asked.length - before).toBe(2)
  })

  it("that answers too much is told so", async () => {
    server.answer = (_, response) => json(response, 200, answer("x".repeat(answerCharactersMax + 1)))
    expect((await ask(framework, { view })).failure).toMatchObject({ code: "AgentAnswerTooLong" })
    server.answer = (_, response) =>
      void response
        .writeHead(200, { "content-type": "application/json", "content-length": String(2 ** 30) })
        .write("{")
    expect((await ask(framework, { view })).failure).toMatchObject({ code: "AgentAnswerTooLong" })
  })

  it("is left alone after five failures, and asked again after a pause", async () => {
    await fresh()
    const asking = withConnection(one, { retriesMax: 0 })
    const once = agents.ask(framework, `${server.url}/agent`, asking)
    const elsewhere = agents.ask(framework, `${server.url}/other`, asking)
    await Effect.runPromise(
      Effect.gen(function* () {
        server.answer = (_, response) => json(response, 500, {})
        for (let time = 0; time < 5; time++) expect((yield* once).failure!.code).toBe("AgentFailed")
        server.answer = (_, response) => json(response, 200, answer("back"))
        const before = server.asked.length
        expect((yield* once).failure).toMatchObject({ code: "AgentBreakerOpen", retryable: false })
        expect(server.asked.length).toBe(before)
        expect((yield* elsewhere).text).toBe("back")
        yield* TestClock.adjust("5 seconds")
        expect((yield* once).text).toBe("back")
        expect((yield* once).text).toBe("back")
      }).pipe(Effect.provide(TestClock.layer())),
    )
  })

  it("is not left alone because callers were refused", async () => {
    await fresh()
    server.answer = (_, response) => json(response, 400, {})
    const once = agents.ask(framework, `${server.url}/agent`, { view })
    for (let time = 0; time < 12; time++)
      expect((await Effect.runPromise(once)).failure!.code).toBe("AgentRefused")
  })

  it("whose credential no header carries is not asked, and the credential is not told", async () => {
    const before = server.asked.length
    const secret = "line\r\nx-injected: 1"
    const { failure } = await ask(framework, { view, credential: secret })
    expect(failure).toMatchObject({ code: "AgentSettingsInvalid" })
    expect(failure!.detail).not.toContain("injected")
    const header = withConnection(one, { credentialHeader: "host" })
    expect((await ask(framework, header)).failure).toMatchObject({ code: "AgentSettingsInvalid" })
    expect(server.asked.length).toBe(before)
  })

  it("is well when it answers anything below 500, and unwell otherwise, with the reason", async () => {
    await fresh()
    const check = (endpoint = `${server.url}/agent`) =>
      Effect.runPromise(agents.check(framework, endpoint, { view }))
    server.answer = (_, response) => json(response, 405, {})
    expect(await check()).toMatchObject({ status: "healthy", latencyMs: expect.any(Number) })
    server.answer = (_, response) => json(response, 503, {})
    expect(await check()).toMatchObject({ status: "unhealthy", detail: expect.stringContaining("503") })
    expect(await check("http://127.0.0.1:1/")).toMatchObject({ status: "unhealthy" })
    expect(await check("http://10.0.0.1/")).toMatchObject({
      status: "unhealthy",
      detail: expect.stringContaining("EGRESS_ALLOW"),
    })
    expect(await check("nonsense")).toMatchObject({
      status: "unhealthy",
      detail: expect.stringContaining("URL"),
    })
  })
})
