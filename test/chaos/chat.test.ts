/**
 * Conversations while what serves them dies: a node is killed in the middle of an answer and started again, and the
 * server beneath it is. Whoever resumes sees every event once and in order, and each turn ends within half a minute.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { type NodeProcess, startNodeProcess } from "../support/node-process.ts"
import { type ResumingClient, resumingClient } from "../support/resuming-client.ts"
import type { Frame } from "../support/session-client.ts"
import {
  answers,
  type Behaviour,
  breaksAfter,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

/** From the kill to the end of the turn. Source: issue "Agents, chat and A2A", chat. */
const terminalWithinMs = 30_000

let nats: TestNatsServer
let home: string
let node: NodeProcess
let model: StubModelServer
let client: ResumingClient | undefined

const start = async () => {
  const { user, pass } = nats.connection
  const connection = { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: pass, MILLRACE_SYNC: "always" }
  node = await startNodeProcess(home, { ...connection, EGRESS_ALLOW: "127.0.0.1" })
}

const post = async (path: string, body: unknown) => {
  const response = await fetch(node.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${node.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  expect(response.ok, text).toBe(true)
  return JSON.parse(text) as Record<string, unknown>
}

/** A client of a new conversation, which has said something. */
const converse = async (agent: string, question: string): Promise<ResumingClient> => {
  const { session_id } = await post("/api/chat/sessions/", { agent_id: agent, title: "test" })
  client = resumingClient(() => node, String(session_id))
  await expect.poll(client.connections, { timeout: 10_000 }).toBe(1)
  client.say(question, "question-1")
  return client
}

const isToken = ({ type }: Frame) => type === "token"
const isEnd = ({ type }: Frame) => type === "stream_end" || type === "error"
const count = (events: ReadonlyArray<Frame>, type: Frame["type"]) =>
  events.filter((event) => event.type === type).length

/** Kills the node, starts it again on what it left, and gives how the turn ended. */
const killAndRestart = async (talking: ResumingClient): Promise<Frame> => {
  expect(talking.events.some(isEnd), "the answer was over before the kill").toBe(false)
  const killedAt = performance.now()
  await node.kill()
  await start()
  const end = await talking.until(isEnd)
  expect(performance.now() - killedAt).toBeLessThan(terminalWithinMs)
  return end
}

beforeAll(async () => {
  nats = await testNatsServer({ sync: "always" })
  home = await mkdtemp(join(tmpdir(), "millrace-chaos-chat-"))
  model = await startStubModelServer()
  await start()
})
afterEach(() => client?.close())
afterAll(async () => {
  await node?.kill()
  await model?.stop()
  await nats?.stop()
  await rm(home, { recursive: true, force: true })
})

const words = (text: string) => text.split(/(?<= )/)
const agentAt = async (url: string): Promise<string> => {
  const body = { name: `stub ${url}`, framework: "OpenAI", endpoint: url, connection: { target: "stub" } }
  return String((await post("/api/agents/", body)).id)
}

describe("a node that is killed in the middle of an answer", () => {
  it("completes what the built-in guide was saying", async () => {
    const talking = await converse("guide", "what can you do")
    await talking.until(isToken)
    const seen = talking.events.length
    expect((await killAndRestart(talking)).type).toBe("stream_end")
    expect(talking.events.length).toBeGreaterThan(seen)
    expect(count(talking.events, "stream_restart")).toBe(0)
    talking.close()
    const undisturbed = await converse("guide", "what can you do")
    await undisturbed.until(isEnd)
    expect(talking.text()).toBe(undisturbed.text())
  })

  it("goes on seamlessly where an agent says the same again", async () => {
    const said = words("The mill stands by the river and turns all night.")
    model.behave(breaksAfter(said.slice(0, 4), "silence"), answers(said))
    const talking = await converse(await agentAt(model.url), "where is the mill")
    await talking.until(({ index }) => index === 3)
    expect((await killAndRestart(talking)).type).toBe("stream_end")
    expect(talking.text()).toBe(said.join(""))
    expect([count(talking.events, "token"), count(talking.events, "stream_restart")]).toEqual([
      said.length,
      0,
    ])
  })

  it("says so where an agent says something else, and then gives that whole", async () => {
    const other = words("The mill burned down last year.")
    model.behave(breaksAfter(words("The mill stands by "), "silence"), answers(other))
    const talking = await converse(await agentAt(model.url), "where is the mill")
    await talking.until(({ index }) => index === 3)
    expect((await killAndRestart(talking)).type).toBe("stream_end")
    expect(count(talking.events, "stream_restart")).toBe(1)
    expect(talking.text()).toBe(other.join(""))
  })

  it("ends the turn with an error where the agent is gone as well", async () => {
    const dying = await startStubModelServer()
    dying.behave(breaksAfter(words("The mill stands "), "silence"))
    const talking = await converse(await agentAt(dying.url), "where is the mill")
    await talking.until(({ index }) => index === 2)
    await dying.stop()
    expect((await killAndRestart(talking)).type).toBe("error")
    expect(talking.text()).toBe("The mill stands ")
  })
})

describe("a server that is killed in the middle of an answer", () => {
  it("loses and doubles no token of it", async () => {
    const said = words("The mill stands by the river and turns all night.")
    const { promise: isAway, resolve: goOn } = Promise.withResolvers<void>()
    /** Half of it, and the rest while the server is away. */
    const inTwoParts: Behaviour = (asked, response) => {
      breaksAfter(said.slice(0, 4), "silence")(asked, response)
      void isAway.then(() => {
        for (const content of said.slice(4))
          response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)
        response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
      })
    }
    model.behave(inTwoParts, answers(said))
    const talking = await converse(await agentAt(model.url), "where is the mill")
    await talking.until(({ index }) => index === 3)
    await nats.kill("SIGKILL")
    goOn()
    await nats.restart()
    expect((await talking.until(isEnd)).type).toBe("stream_end")
    expect(talking.text()).toBe(said.join(""))
    expect([count(talking.events, "token"), count(talking.events, "stream_restart")]).toEqual([
      said.length,
      0,
    ])
  })
})
