/** What is particular to each framework whose agents run elsewhere: its words, its streams, its templates. */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { Framework } from "../../schemas/index.ts"
import { json, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { type Asking, type RemoteAgents, remoteAgents, sendEvents } from "./remote-agents/remote-agent.ts"

let server: ScriptedServer
let agents: RemoteAgents
beforeAll(async () => {
  server = await startScriptedServer()
})
afterAll(() => server.stop())
beforeEach(async () => {
  agents = await remoteAgents()
})
afterEach(() => agents.stop())

const ask = (framework: Framework, asking: Asking = {}, path = "/agent") =>
  Effect.runPromise(agents.ask(framework, `${server.url}${path}`, asking))
const bodyOf = (at = -1) => JSON.parse(server.asked.at(at)!.body)

describe("an agent of Agno", () => {
  it("gets what the seed says, with its command, and gives its payload along", async () => {
    server.answer = (_, response) =>
      json(response, 200, { response: { payload: { analysis: "bad mood", sentiment: "negative" } } })
    const asking = { view: { connection: { target: "analyze" } }, question: { question: "고객 불만" } }
    const { text, outcome } = await ask("agno", asking)
    expect(bodyOf()).toEqual({
      version: "1.0",
      session_id: "conversation-1",
      request: { type: "execute", payload: { command: "analyze", data: "고객 불만" } },
    })
    expect(text).toBe("bad mood")
    expect(outcome).toMatchObject({
      blocks: [{ type: "reference", language: "json", text: expect.stringContaining("negative") }],
    })
  })

  it("that says no text of its own is heard as JSON", async () => {
    server.answer = (_, response) => json(response, 200, { response: { payload: { confidence: 0.89 } } })
    expect(JSON.parse((await ask("agno")).text)).toEqual({ confidence: 0.89 })
  })
})

describe("an agent of ADK", () => {
  it("gets what the seed says", async () => {
    server.answer = (_, response) =>
      json(response, 200, { status: "success", result: { items: [{ id: 1 }] } })
    const asking = { view: { connection: { target: "search" } }, question: { parameters: { limit: 3 } } }
    const { text } = await ask("adk", asking)
    expect(bodyOf()).toEqual({
      task: "search",
      parameters: { limit: 3, query: "how are you?", user_id: "ann" },
      context: { session: "conversation-1" },
    })
    expect(JSON.parse(text)).toEqual({ items: [{ id: 1 }] })
  })

  it("that reports a failure ends the answer with what it says", async () => {
    server.answer = (_, response) => json(response, 200, { status: "error", message: "no such order" })
    expect((await ask("adk")).failure).toMatchObject({
      code: "AgentFailed",
      detail: "the agent says error: no such order",
    })
  })

  it("that got the conversation from another agent is told what was said before", async () => {
    server.answer = (_, response) => json(response, 200, { status: "success", result: "ok" })
    const handover = { from: "guide", turn: 2, reason: "r", context: "full" as const }
    const history = [{ turn: 1, role: "user" as const, content: "earlier", at: 0 }]
    await ask("adk", { question: { turn: 2, history, handover } })
    expect(bodyOf().context.history).toEqual([{ role: "user", content: "earlier" }])
    await ask("adk", { question: { turn: 2, history } })
    expect(bodyOf().context.history).toBeUndefined()
  })
})

const steps = [
  { type: "thought", content: "searching" },
  { type: "action", tool: "search", input: "sales" },
  { type: "observation", content: "3 documents" },
]

describe("an agent of LangChain", () => {
  it("streams: results are the answer, its other steps are not", async () => {
    const results = ["Total ", "sales"].map((content) => ({ type: "result", content }))
    server.answer = (_, response) => sendEvents(response, [...steps, ...results])
    const { pieces, outcome } = await ask("langchain", {}, "/execute")
    expect(pieces).toEqual(["Total ", "sales"])
    expect(outcome).toEqual({ _tag: "Said" })
    expect(server.asked.at(-1)!.path).toBe("/execute")
    expect(bodyOf()).toEqual({
      input: "how are you?",
      config: { configurable: { session_id: "conversation-1" } },
    })
  })

  it("has its thoughts, actions and observations in the answer's trace, without secrets and not without end", async () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      },
    })
    const secret = { type: "thought", content: "the key is sk-1234567890abcdef" }
    const many = Array.from({ length: 100 }, () => steps[1])
    const events = [steps[0], secret, ...many, { type: "result", content: "done" }]
    server.answer = (_, response) => sendEvents(response, events)
    const asking = agents.ask("langchain", server.url)
    const { text } = await Effect.runPromise(Effect.withTracer(asking, tracer))
    expect(text).toBe("done")
    const told = spans.filter(({ name }) => name.startsWith("agent "))
    expect(told).toHaveLength(64)
    expect(told[0]).toMatchObject({ name: "agent thought", traceId: spans[0]!.traceId })
    expect(told[0]!.attributes.get("millrace.agent.thought")).toBe('{"content":"searching"}')
    expect(told[1]!.attributes.get("millrace.agent.thought")).not.toContain("1234567890")
  })

  it("is understood without empty lines between its events, whatever ends the lines and wherever pieces end", async () => {
    const events = [...steps, { type: "result", content: "매출은 …" }]
    for (const end of ["\n", "\r\n", "\r"]) {
      const bytes = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}`).join(end))
      server.answer = async (_, response) => {
        response.writeHead(200, { "content-type": "text/plain" })
        for (const byte of bytes) {
          response.write(Buffer.of(byte))
          if (byte > 127) await new Promise((next) => setImmediate(next))
        }
        response.end()
      }
      expect((await ask("langchain")).text).toBe("매출은 …")
    }
  })

  it("that ends without a result, or reports an error, gave no answer", async () => {
    server.answer = (_, response) => sendEvents(response, steps)
    expect((await ask("langchain")).failure).toMatchObject({ code: "AgentMalformed" })
    server.answer = (_, response) => sendEvents(response, [...steps, { type: "error", message: "no tool" }])
    expect((await ask("langchain")).failure).toMatchObject({
      code: "AgentFailed",
      detail: expect.stringContaining("no tool"),
    })
  })

  it("that dies after it began keeps what it said, and is not asked again", async () => {
    const before = server.asked.length
    server.answer = (_, response) =>
      sendEvents(response, [{ type: "result", content: "Total" }], ({ socket }) => void socket!.destroy())
    const { text, failure } = await ask("langchain")
    expect(text).toBe("Total")
    expect(failure).toMatchObject({ code: "AgentBrokeOff", retryable: false })
    expect(server.asked.length - before).toBe(1)
  })

  it("that never ends an event is cut off", async () => {
    server.answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.end("data: [\n".repeat(100))
    }
    expect((await ask("langchain")).failure).toMatchObject({ code: "AgentMalformed" })
    server.answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.end(`data: "${"x".repeat(2 * 1024 * 1024)}`)
    }
    expect((await ask("langchain")).failure).toMatchObject({ code: "AgentMalformed" })
  })
})

describe("an agent with a protocol of its own", () => {
  const asWith = (request: unknown, question: Asking["question"] = {}) =>
    ask("custom", { view: { connection: { request } }, question })

  it("gets its template, filled in, and is heard where its answers are", async () => {
    server.answer = (_, response) => json(response, 200, { custom_response: "processed" })
    const history = [{ turn: 1, role: "user" as const, content: "before", at: 0 }]
    const request = {
      action: "process",
      data: { q: "Q: {{question}} ({{ user_id }})", all: ["{{history}}", "{{parameters}}", 7, null] },
      id: "{{session_id}}",
    }
    const { text } = await asWith(request, { history, parameters: { depth: 2 } })
    expect(bodyOf()).toEqual({
      action: "process",
      data: {
        q: "Q: how are you? (ann)",
        all: [[{ role: "user", content: "before" }], { depth: 2 }, 7, null],
      },
      id: "conversation-1",
    })
    expect(JSON.parse(text)).toEqual({ custom_response: "processed" })
  })

  it("gets the question as data, placeholders and all", async () => {
    server.answer = (_, response) => json(response, 200, { text: "x" })
    await asWith({ q: "{{question}}", r: "<{{question}}>" }, { question: '{{user_id}} $& "}' })
    expect(bodyOf()).toEqual({ q: '{{user_id}} $& "}', r: '<{{user_id}} $& "}>' })
  })

  it("gets question and session when it has no template, and may answer plain text", async () => {
    server.answer = (_, response) =>
      void response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("plainly")
    expect((await ask("custom")).text).toBe("plainly")
    expect(bodyOf()).toEqual({ question: "how are you?", session_id: "conversation-1" })
  })

  it("is not asked with a template beyond its bounds", async () => {
    const before = server.asked.length
    let deep: unknown = "{{question}}"
    for (let level = 0; level < 20; level++) deep = [deep]
    const wide = Array.from({ length: 1_001 }, () => 1)
    const long = Array.from({ length: 500 }, () => "{{question}}")
    for (const request of [deep, wide])
      expect((await asWith(request)).failure).toMatchObject({ code: "AgentSettingsInvalid" })
    const question = "x".repeat(16_000)
    expect((await asWith(long, { question })).failure).toMatchObject({ code: "AgentSettingsInvalid" })
    expect(server.asked.length).toBe(before)
  })

  it("is not heard where objects keep what is not theirs", async () => {
    server.answer = (_, response) => json(response, 200, { text: "x" })
    for (const responsePath of ["constructor.name", "__proto__", "text.length.constructor"]) {
      const { failure } = await ask("custom", { view: { connection: { responsePath } } })
      expect(failure).toMatchObject({ code: "AgentMalformed" })
    }
  })
})

describe("whoever stops an answer", () => {
  it("ends the connection to the agent", async () => {
    const closed = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    server.answer = (_, response) => {
      response.on("close", () => closed.resolve())
      asked.resolve()
    }
    const stop = new AbortController()
    const answer = Effect.runPromise(agents.ask("agno", `${server.url}/agent`), { signal: stop.signal })
    const stopped = expect(answer).rejects.toThrow()
    await asked.promise
    stop.abort()
    await closed.promise
    await stopped
  })
})
