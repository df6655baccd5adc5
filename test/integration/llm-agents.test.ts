/** Agents with a language model over HTTP: a node with a provider behind it that does as it is told. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { type Frame, openSession, readEvents } from "../support/session-client.ts"
import {
  answers,
  breaksAfter,
  callsTool,
  type StubModelServer,
  startStubModelServer,
  usage,
} from "../support/stub-model-server.ts"

let node: TestNode
let upstream: StubModelServer
let modelId: string
let ann: string
let bob: string
/** Of the turn before. */
let traceId: string

const register = async (id: string, body: object = {}) => {
  const agent = { id, name: `Agent ${id}`, framework: "LLM", capabilities: { description: `knows ${id}` } }
  const response = await node.request("POST", "/api/agents/", { body: { ...agent, ...body } })
  expect(response.status, await response.clone().text()).toBe(201)
}

const grantTo = async (token: string) => {
  const me = await json(await node.request("GET", "/api/users/me", { token }))
  const body = { grantee_type: "USER", grantee_id: me.id, rights: ["use"] }
  const response = await node.request("POST", `/api/llm-models/${modelId}/permissions`, { body })
  expect(response.status, await response.clone().text()).toBeLessThan(300)
}

beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  const model = {
    name: "gpt-stub",
    provider: "Custom",
    endpoint: upstream.url,
    api_key: "sk-upstream-secret",
  }
  modelId = String((await json(await node.request("POST", "/api/admin/llm-models/", { body: model }))).id)
  expect((await node.request("POST", `/api/admin/llm-models/${modelId}/activate`)).status).toBe(200)
  ;[ann, bob] = [await node.login("ann"), await node.login("bob")]
  await grantTo(ann)
  await register("a", { llm: { prompt: "Be kind.", transfer_to: ["b", "secret"], tools: ["recent_alerts"] } })
  await register("b")
  await register("secret", { access_level: "user_specific", allowed_users: ["bob"] })
})
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

const say = (session: string, content: string, token = ann) =>
  node.request("POST", `/api/chat/sessions/${session}/messages/`, { token, body: { content } })

const turn = async (session: string, content: string, token = ann): Promise<ReadonlyArray<Frame>> => {
  const response = await say(session, content, token)
  expect(response.status).toBe(200)
  traceId = response.headers.get("traceparent")!.split("-")[1]!
  return (await readEvents(response)).map(({ data }) => data)
}
const textOf = (frames: ReadonlyArray<Frame>) =>
  frames.map(({ type, content }) => (type === "token" ? content : "")).join("")
const toolsIn = (index: number): ReadonlyArray<string> =>
  ((upstream.asked.at(index)!.body.tools ?? []) as ReadonlyArray<{ function: { name: string } }>).map(
    ({ function: { name } }) => name,
  )

describe("a conversation with an agent that has a language model", () => {
  it("moves to another agent by a tool, with the usage of both and a line in the trace", async () => {
    const session = await openSession(node, "a", ann)
    upstream.behave(
      callsTool("transfer_to_b", { reason: "b knows more" }, ["One moment.", " "]),
      answers(["I am", " b."]),
    )
    const frames = await turn(session, "something for b")
    expect(textOf(frames)).toBe("One moment. I am b.")
    expect(frames.find(({ type }) => type === "agent_transfer")).toMatchObject({
      from_agent: "a",
      to_agent: "b",
      reason: "b knows more",
    })
    expect(frames.at(-1)).toMatchObject({
      type: "end",
      usage: { input: 2 * usage.prompt_tokens, output: 2 * usage.completion_tokens, estimated: false },
    })
    // `secret` is not Ann's to use.
    expect(toolsIn(-2)).toEqual(["transfer_to_b", "recent_alerts"])
    expect(JSON.stringify(upstream.asked.at(-2)!.body.messages)).toMatch(/Be kind\./)
    const path = `/api/tracing/logs/${traceId}?wait_ms=5000`
    const { logs } = await json(await node.request("GET", path, { token: ann }))
    expect(logs).toContainEqual(
      expect.objectContaining({ message: "[Agent Transfer] a → b", is_transfer: true, agent_id: "a" }),
    )
    // The next turn is b's, and goes back.
    upstream.behave(callsTool("transfer_back", { reason: "a again" }), answers(["I am a."]))
    const back = await turn(session, "and back")
    expect(toolsIn(-2)).toEqual(["transfer_back"])
    expect(textOf(back)).toBe("I am a.")
    expect(back.find(({ type }) => type === "agent_transfer")).toMatchObject({
      from_agent: "b",
      to_agent: "a",
    })
  })

  it("looks up with a tool, and says on", async () => {
    const session = await openSession(node, "a", ann)
    upstream.behave(callsTool("recent_alerts", {}, ["Let me see."]), answers(["All", " quiet."]))
    expect(textOf(await turn(session, "what happened?"))).toBe("Let me see.\n\nAll quiet.")
    const told = upstream.asked.at(-1)!.body.messages as ReadonlyArray<Record<string, unknown>>
    expect(told.at(-1)).toMatchObject({ role: "tool", tool_call_id: "call-1" })
    expect(told.at(-1)!.content).toMatch(/<data from="tool recent_alerts">/)
  })

  it("is told when it hands over to whom the person may not use, and answers itself", async () => {
    const session = await openSession(node, "a", ann)
    upstream.behave(callsTool("transfer_to_secret", { reason: "why not" }), answers(["Then I answer."]))
    const frames = await turn(session, "the secret one, please")
    expect(textOf(frames)).toBe("Then I answer.")
    expect(frames.filter(({ type }) => type === "agent_transfer")).toEqual([])
  })

  it("ends with the reason when the model breaks off, and keeps what was said", async () => {
    const session = await openSession(node, "a", ann)
    upstream.behave(breaksAfter(["Half", " of it"], "reset"))
    const frames = await turn(session, "go")
    expect(textOf(frames)).toBe("Half of it")
    expect(frames.at(-1)).toMatchObject({ type: "error", code: "LLM_CALL_008" })
  })

  it("is stopped at the provider too", async () => {
    const session = await openSession(node, "a", ann)
    upstream.behave(breaksAfter(["Some", " words"], "silence"))
    const response = await say(session, "go")
    await readEvents(response, ({ data }) => data.type === "token")
    const { closed } = upstream.asked.at(-1)!
    const stopped = await node.request("POST", `/api/chat/sessions/${session}/stop`, { token: ann, body: {} })
    expect(await stopped.json()).toMatchObject({ stopped: true })
    await closed
  })
})

describe("the rights on a model", () => {
  it("are those of who asks: without a grant the offline model says what it is", async () => {
    const before = upstream.asked.length
    const session = await openSession(node, "assistant", bob)
    expect(textOf(await turn(session, "hello", bob))).toMatch(/no language model is connected/)
    expect(upstream.asked).toHaveLength(before)
  })

  it("are those of who asks: a model that is named and not granted is refused", async () => {
    await register("named", { llm: { model: "gpt-stub" } })
    const session = await openSession(node, "named", bob)
    expect((await turn(session, "hello", bob)).at(-1)).toMatchObject({ type: "error", code: "LLM_MODEL_001" })
  })

  it("follow the tenant's choice of a model", async () => {
    const set = (default_model: string) =>
      node.request("PATCH", "/api/admin/settings/agents", { body: { settings: { default_model } } })
    const response = await set("offline")
    expect(response.status, await response.clone().text()).toBe(200)
    const session = await openSession(node, "b", ann)
    expect(textOf(await turn(session, "hello"))).toMatch(/no language model is connected/)
    expect((await set("")).status).toBe(200)
    upstream.behave(answers(["Hello"]))
    expect(textOf(await turn(session, "hello"))).toBe("Hello")
  })
})

describe("the tools of an administrator's conversation", () => {
  let root: string
  beforeAll(async () => {
    root = await node.login("developer")
    await grantTo(root)
  })

  it.each([
    ["a login", async (token: string) => token],
    [
      "an API key with the rights that the tools need",
      (token: string) => node.narrow(token, ["chat:use", "agent:execute", "agent:read"]),
    ],
  ])("reach nobody's private agent, over %s", async (_, credentialOf) => {
    const id = `private-${await openSession(node, "a", ann)}`
    const own = { id, name: "Ann's own", framework: "LLM", access_level: "private" }
    expect((await node.request("POST", "/api/agents/", { token: ann, body: own })).status).toBe(201)
    const asker = `asker-of-${id}`
    await register(asker, { llm: { tools: ["ask_agent", "recommend_agents"], transfer_to: [id] } })
    const token = await credentialOf(root)
    const session = await openSession(node, asker, token)
    upstream.behave(callsTool("ask_agent", { agent: id, task: "what do you know?" }), answers(["Nothing."]))
    const before = upstream.asked.length
    expect(textOf(await turn(session, "ask Ann's agent", token))).toBe("Nothing.")
    expect(upstream.asked).toHaveLength(before + 2)
    const told = upstream.asked.at(-1)!.body.messages as ReadonlyArray<Record<string, unknown>>
    expect(told.at(-1)!.content).toMatch(/Refused \(AgentForbidden\)/)
    expect(toolsIn(-1)).toEqual(["ask_agent", "recommend_agents"])
  })
})

it("names the tools that there are when another one is wanted", async () => {
  const body = { id: "c", name: "C", framework: "LLM", llm: { tools: ["delete_everything"] } }
  const response = await node.request("POST", "/api/agents/", { body })
  expect(response.status).toBe(400)
  expect(await response.text()).toMatch(/llm\.tools.*ops_question/)
})
