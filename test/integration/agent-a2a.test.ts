/** Remote agents that speak A2A, on the protocol's own server parts and on scripted ones for what those never do. */
import { TaskState } from "@a2a-js/sdk"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { json, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { type A2aAgent, scriptA2a, serveA2a } from "./remote-agents/a2a-agent.ts"
import { type Asking, credential, type RemoteAgents, remoteAgents } from "./remote-agents/remote-agent.ts"

const {
  TASK_STATE_COMPLETED: completed,
  TASK_STATE_FAILED: failed,
  TASK_STATE_INPUT_REQUIRED: inputRequired,
  TASK_STATE_REJECTED: rejected,
  TASK_STATE_AUTH_REQUIRED: authRequired,
} = TaskState

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

const ask = (asking: Asking = {}, path = "") =>
  Effect.runPromise(agents.ask("a2a", `${server.url}${path}`, asking))
const calls = () => server.asked.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body))

const speaking: ReadonlyArray<Pick<A2aAgent, "version" | "streaming">> = [
  { version: "1.0", streaming: true },
  { version: "1.0", streaming: false },
  { version: "0.3", streaming: true },
  { version: "0.3", streaming: false },
]

describe.each(speaking)("an agent of A2A $version, streaming: $streaming", (agent) => {
  it("is asked in the conversation's context, and its artifacts are the answer", async () => {
    let context = ""
    serveA2a(server, {
      ...agent,
      execute: (says, { contextId, userMessage }) => {
        context = contextId
        const asked = userMessage.parts[0]!.content!.value
        says.task()
        says.artifact("a", false, "You asked ")
        says.artifact("a", true, `"${asked}". `)
        says.artifact("b", false, "All is well.", { load: 0.5 })
        says.status(completed)
      },
    })
    const { text, outcome } = await ask()
    expect(text).toBe('You asked "how are you?". \n\nAll is well.')
    expect(outcome).toMatchObject({
      _tag: "Said",
      blocks: [{ text: JSON.stringify({ load: 0.5 }, undefined, 2) }],
    })
    expect(context).toBe("conversation-1")
    expect(server.asked.at(-1)!.headers).toMatchObject({
      authorization: `Bearer ${credential}`,
      "idempotency-key": "activity-key-1",
      traceparent: expect.any(String),
    })
    expect(JSON.stringify(calls().at(-1))).toContain('"messageId":"activity-key-1"')
  })

  it("may answer with a message alone", async () => {
    serveA2a(server, { ...agent, execute: (says) => says.reply("hello") })
    expect(await ask()).toMatchObject({ text: "hello", outcome: { _tag: "Said" } })
  })

  it("says nothing twice, though the protocol gives its words more than once", async () => {
    serveA2a(server, {
      ...agent,
      execute: (says) => {
        says.task()
        says.artifact("a", false, "All ")
        says.artifact("a", false, "All is well.")
        says.artifact("copy", false, "All is  well.")
        says.status(completed, "All is well.")
      },
    })
    expect((await ask()).text.replaceAll(/\s+/g, " ")).toBe("All is well.")
  })

  it("that asks something back awaits input", async () => {
    serveA2a(server, {
      ...agent,
      execute: (says) => {
        says.task()
        says.status(inputRequired, "Which host?")
      },
    })
    expect(await ask()).toMatchObject({ text: "Which host?", outcome: { _tag: "Said", awaitsInput: true } })
  })

  it.each([
    [failed, "AgentFailed"],
    [rejected, "AgentRefused"],
    [authRequired, "AgentRefused"],
  ])("whose task ends in state %s gave no answer", async (state, code) => {
    serveA2a(server, {
      ...agent,
      execute: (says) => {
        says.task()
        says.status(state, `because of ${credential}`)
      },
    })
    const { failure, text } = await ask()
    expect(failure).toMatchObject({ code, retryable: false, detail: expect.stringContaining("because of") })
    expect(failure!.detail).not.toContain(credential)
    expect(text).toBe("")
  })

  it("whose task ends without a word is malformed", async () => {
    serveA2a(server, {
      ...agent,
      execute: (says) => {
        says.task()
        says.status(completed)
      },
    })
    expect((await ask()).failure).toMatchObject({ code: "AgentMalformed" })
  })

  it("is asked again when it was busy", async () => {
    serveA2a(server, { ...agent, execute: (says) => says.reply("now") })
    const { answer } = server
    let busy = 2
    server.answer = (asked, response) => {
      if (asked.method === "GET" || busy === 0) return answer(asked, response)
      busy -= 1
      return json(response, 503, {}, { "retry-after": "0" })
    }
    expect((await ask()).text).toBe("now")
  })

  it("that answers something else is malformed, and one that refuses is told of without the credential", async () => {
    const once = { view: { connection: { retriesMax: 0 } } }
    scriptA2a(server, agent, (_, response) => json(response, 200, { jsonrpc: "1.0" }))
    expect((await ask(once)).failure).toMatchObject({ code: "AgentMalformed" })
    scriptA2a(server, agent, (_, response) => void response.writeHead(200).end("<html>"))
    expect((await ask(once)).failure).toMatchObject({ code: "AgentMalformed" })
    scriptA2a(server, agent, ({ headers }, response) => json(response, 401, headers))
    const refused = (await ask(once)).failure!
    expect(refused.code).toBe("AgentRefused")
    expect(refused.detail).not.toContain(credential)
    scriptA2a(server, agent, ({ body }, response) => {
      const error = { code: -32602, message: `bad params for ${credential}` }
      json(response, 200, { jsonrpc: "2.0", id: JSON.parse(body).id, error })
    })
    const { failure } = await ask(once)
    expect(failure).toMatchObject({ code: "AgentRefused", detail: expect.stringContaining("bad params") })
    expect(failure!.detail).not.toContain(credential)
  })

  it("is given up when it is silent, and broke off when it dies", async () => {
    scriptA2a(server, agent, () => {})
    expect((await ask({ view: { connection: { timeoutMs: 300 } } })).failure).toMatchObject({
      code: "AgentTimeout",
    })
    scriptA2a(server, agent, (_, response) => void response.socket!.destroy())
    expect((await ask()).failure).toMatchObject({ code: "AgentBrokeOff" })
  })

  it("is left alone after five failures, and asked again after a pause", async () => {
    const once = agents.ask("a2a", server.url, { view: { connection: { retriesMax: 0 } } })
    await Effect.runPromise(
      Effect.gen(function* () {
        scriptA2a(server, agent, (_, response) => json(response, 500, {}))
        for (let time = 0; time < 5; time++) expect((yield* once).failure!.code).toBe("AgentFailed")
        serveA2a(server, { ...agent, execute: (says) => says.reply("back") })
        expect((yield* once).failure!.code).toBe("AgentBreakerOpen")
        yield* TestClock.adjust("5 seconds")
        expect((yield* once).text).toBe("back")
      }).pipe(Effect.provide(TestClock.layer())),
    )
  })
})
