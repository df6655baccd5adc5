/** Where remote A2A agents are found, how they go on and end, and what they get of us. */
import { TaskState } from "@a2a-js/sdk"
import * as Effect from "effect/Effect"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { json, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { type A2aAgent, resultsOf, scriptA2a, serveA2a } from "./remote-agents/a2a-agent.ts"
import {
  type Asking,
  credential,
  type RemoteAgents,
  remoteAgents,
  sendEvents,
} from "./remote-agents/remote-agent.ts"

const {
  TASK_STATE_COMPLETED: completed,
  TASK_STATE_INPUT_REQUIRED: inputRequired,
  TASK_STATE_WORKING: working,
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

const streaming = { version: "1.0", streaming: true } as const
const delta = (text: string, append = true) => ({
  artifactUpdate: { taskId: "t1", contextId: "c", artifact: { artifactId: "a", parts: [{ text }] }, append },
})
const begun = { task: { id: "t1", contextId: "c", status: { state: "TASK_STATE_WORKING" } } }

describe("an agent of A2A", () => {
  it("is heard piece by piece, as it speaks", async () => {
    scriptA2a(server, streaming, ({ body }, response) => {
      const end = {
        statusUpdate: { taskId: "t1", contextId: "c", status: { state: "TASK_STATE_COMPLETED" } },
      }
      return sendEvents(response, resultsOf(body, begun, delta("a", false), delta("b"), delta("c"), end))
    })
    expect((await ask()).pieces).toEqual(["a", "b", "c"])
  })

  it("that dies after it began keeps what it said, and is not asked again", async () => {
    const before = calls().length
    scriptA2a(server, streaming, ({ body }, response) =>
      sendEvents(response, resultsOf(body, begun, delta("half")), ({ socket }) => void socket!.destroy()),
    )
    expect(await ask()).toMatchObject({ text: "half", failure: { code: "AgentBrokeOff", retryable: false } })
    expect(calls().length - before).toBe(1)
  })

  it("that goes on with its task after its stream ended is asked how it went", async () => {
    const task = {
      id: "t1",
      contextId: "c",
      status: { state: "TASK_STATE_COMPLETED" },
      artifacts: [{ artifactId: "a", parts: [{ text: "half and whole" }] }],
    }
    scriptA2a(server, streaming, ({ body }, response) =>
      JSON.parse(body).method === "GetTask"
        ? json(response, 200, resultsOf(body, task)[0])
        : sendEvents(response, resultsOf(body, begun, delta("half", false))),
    )
    expect(await ask()).toMatchObject({ text: "half and whole", outcome: { _tag: "Said" } })
  })

  it("is not asked the question again once it said something, whatever happens then", async () => {
    const before = calls().length
    scriptA2a(server, streaming, ({ body }, response) =>
      JSON.parse(body).method === "GetTask"
        ? json(response, 503, {}, { "retry-after": "0" })
        : sendEvents(response, resultsOf(body, begun, delta("half", false))),
    )
    expect(await ask()).toMatchObject({ text: "half", failure: { code: "AgentFailed" } })
    const methods = calls()
      .slice(before)
      .map(({ method }) => method)
    expect(methods).toEqual(["SendStreamingMessage", "GetTask"])
  })

  it("that says more than an answer holds is told so", async () => {
    scriptA2a(server, streaming, ({ body }, response) =>
      sendEvents(
        response,
        resultsOf(body, begun, ...Array.from({ length: 30 }, () => delta("x".repeat(5_000)))),
      ),
    )
    expect((await ask()).failure).toMatchObject({ code: "AgentAnswerTooLong" })
  })

  it("gets the next question as the input that its task waits for, and repeats nothing of before", async () => {
    const tasks: Array<string> = []
    serveA2a(server, {
      ...streaming,
      execute: (says, { taskId, task }) => {
        tasks.push(taskId)
        says.task()
        if (task === undefined) {
          says.artifact("a", false, "I looked. ")
          says.status(inputRequired, "Which host?")
        } else {
          says.artifact("b", false, "web-1 is well.")
          says.status(completed)
        }
      },
    })
    expect((await ask()).outcome).toMatchObject({ awaitsInput: true })
    const said = { turn: 1, role: "assistant" as const, agent: "remote", content: "Which host?", at: 0 }
    const { text, outcome } = await ask({ question: { turn: 2, question: "web-1", history: [said] } })
    expect(text).toBe("web-1 is well.")
    expect(outcome).toEqual({ _tag: "Said" })
    expect(new Set(tasks).size).toBe(1)
  })

  it("has its task cancelled when the answer is stopped, and its connection closed", async () => {
    const atWork = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    const { cancelled } = serveA2a(server, {
      ...streaming,
      execute: async (says) => {
        says.task()
        says.status(working)
        says.artifact("a", false, "half")
        atWork.resolve()
        await end.promise
      },
    })
    const closed = Promise.withResolvers<void>()
    const { answer } = server
    server.answer = (asked, response) => {
      if (asked.body.includes("SendStreamingMessage")) response.on("close", () => closed.resolve())
      return answer(asked, response)
    }
    const heard = Promise.withResolvers<void>()
    const stop = new AbortController()
    const stopped = expect(
      Effect.runPromise(agents.ask("a2a", server.url, { said: () => heard.resolve() }), {
        signal: stop.signal,
      }),
    ).rejects.toThrow()
    await atWork.promise
    await heard.promise
    stop.abort()
    await stopped
    await closed.promise
    end.resolve()
    expect(cancelled).toHaveLength(1)
  })
})

describe("an agent's endpoint", () => {
  const agent = { ...streaming, execute: (says) => says.reply("here") } satisfies A2aAgent

  it.each([
    ["the base", "", "/.well-known/agent-card.json"],
    ["a base with a path", "/agents/one/", "/agents/one/.well-known/agent-card.json"],
    ["where the card was before", "", "/.well-known/agent.json"],
    ["the card itself", "/cards/one.json", "/cards/one.json"],
    ["what takes JSON-RPC, with a card at the origin", "/rpc", "/.well-known/agent-card.json"],
  ])("may be %s", async (_, path, card) => {
    serveA2a(server, { ...agent, card })
    expect((await ask({}, path)).text).toBe("here")
  })

  it.each(["1.0", "0.3"] as const)(
    "may be what takes JSON-RPC, without any card, in release %s",
    async (version) => {
      serveA2a(server, { ...agent, version, streaming: false, card: null })
      expect((await ask({}, "/rpc")).text).toBe("here")
    },
  )

  it("is not taken for the agent whose card is at the origin", async () => {
    serveA2a(server, agent)
    const before = server.asked.length
    await ask({}, "/another")
    const posts = server.asked.slice(before).filter(({ method }) => method === "POST")
    expect(posts.map(({ path }) => path)).toEqual(["/another"])
  })

  it("gives its credential to no other origin, whatever its card says", async () => {
    const elsewhere = await startScriptedServer()
    serveA2a(elsewhere, agent)
    const { answer } = elsewhere
    server.answer = (asked, response) => answer(asked, response)
    expect((await ask()).text).toBe("here")
    const [posted] = elsewhere.asked.filter(({ method }) => method === "POST")
    expect(posted!.headers.authorization).toBeUndefined()
    expect(JSON.stringify(elsewhere.asked)).not.toContain(credential)
    await elsewhere.stop()
  })

  it("is well when it has a card, or answers at all", async () => {
    serveA2a(server, agent)
    const check = Effect.suspend(() => agents.check("a2a", server.url))
    expect(await Effect.runPromise(check)).toMatchObject({ status: "healthy" })
    server.answer = (_, response) => json(response, 502, {})
    expect(await Effect.runPromise(check)).toMatchObject({ status: "unhealthy" })
  })
})
