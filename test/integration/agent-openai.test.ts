/** Agents that speak OpenAI's chat protocol: what they get of the conversation, and how their streams end. */
import * as Effect from "effect/Effect"
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

describe("an agent that speaks OpenAI's protocol", () => {
  const view = { connection: { target: "m-1" } }
  const chunk = (content: string) => ({ choices: [{ index: 0, delta: { content } }] })
  const last = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }

  it("gets the conversation and streams its answer, with the tokens it took", async () => {
    const usage = { choices: [], usage: { prompt_tokens: 7, completion_tokens: 2 } }
    server.answer = (_, response) => sendEvents(response, [chunk("Hel"), chunk("lo"), last, usage, "[DONE]"])
    const history = [
      { turn: 1, role: "user" as const, content: "first", at: 0 },
      { turn: 1, role: "assistant" as const, agent: "remote", content: "yes", at: 0 },
    ]
    const { pieces, outcome } = await ask("openai", { view, question: { turn: 2, history } }, "/v1")
    expect(pieces).toEqual(["Hel", "lo"])
    expect(outcome).toEqual({ _tag: "Said", usage: { input: 7, output: 2, estimated: false } })
    expect(bodyOf()).toEqual({
      model: "m-1",
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        { role: "user", content: "first" },
        { role: "assistant", content: "yes" },
        { role: "user", content: "how are you?" },
      ],
    })
  })

  it("that got the conversation from another agent is told as much as the hand-over says", async () => {
    server.answer = (_, response) => sendEvents(response, [chunk("x"), last])
    const history = [
      { turn: 1, role: "user" as const, content: "old", at: 0 },
      { turn: 2, role: "user" as const, content: "new", at: 0 },
    ]
    const handover = { from: "guide", turn: 2, reason: "r", context: "summary" as const, summary: "sum" }
    await ask("openai", { view, question: { turn: 3, history, handover } })
    expect(bodyOf().messages).toEqual([
      { role: "system", content: "The conversation before: sum" },
      { role: "user", content: "new" },
      { role: "user", content: "how are you?" },
    ])
  })

  it("whose stream ends without an end broke off, and what it said stays", async () => {
    server.answer = (_, response) => sendEvents(response, [chunk("Hel")])
    expect(await ask("openai", { view })).toMatchObject({ text: "Hel", failure: { code: "AgentBrokeOff" } })
    server.answer = (_, response) =>
      sendEvents(response, [chunk("Hel"), { error: { message: "out of memory" } }])
    expect(await ask("openai", { view })).toMatchObject({
      text: "Hel",
      failure: { code: "AgentFailed", detail: expect.stringContaining("out of memory") },
    })
  })

  it("is asked over the connections that there are, time after time", async () => {
    const sockets = new Set<unknown>()
    server.answer = (_, response) => {
      sockets.add(response.socket)
      return sendEvents(response, [chunk("x"), last, "[DONE]"])
    }
    for (let time = 0; time < 12; time++) expect((await ask("openai", { view })).text).toBe("x")
    // One may be about to become free when the next question comes.
    expect(sockets.size).toBeLessThanOrEqual(3)
  })

  it("that holds its connection open after its last word has answered", async () => {
    server.answer = (_, response) => sendEvents(response, [chunk("x"), last, "[DONE]"], () => {})
    expect(await ask("openai", { view })).toMatchObject({ text: "x", outcome: { _tag: "Said" } })
  })

  it("that names no model is not asked", async () => {
    const before = server.asked.length
    expect((await ask("openai")).failure).toMatchObject({ code: "AgentSettingsInvalid" })
    expect(server.asked.length).toBe(before)
  })

  it("is checked by its list of models, which shows whether the credential is taken", async () => {
    const check = Effect.suspend(() => agents.check("openai", `${server.url}/v1`, { view }))
    server.answer = (_, response) => json(response, 200, { data: [] })
    expect(await Effect.runPromise(check)).toMatchObject({ status: "healthy" })
    expect(server.asked.at(-1)).toMatchObject({ method: "GET", path: "/v1/models" })
    server.answer = (_, response) => json(response, 401, {})
    expect(await Effect.runPromise(check)).toMatchObject({ status: "unhealthy" })
  })
})
