/** What the official client of the Model Context Protocol gets from a node, and what is refused before it is asked. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { AgentIndex } from "../../actors/index.ts"
import type { AgentView } from "../../schemas/index.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { questionsTo, registerStubAgent } from "../support/stub-agent.ts"
import {
  answers,
  breaksAfter,
  fails,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

let node: TestNode
const clients: Array<Client> = []

const connect = async (token: string): Promise<Client> => {
  const client = new Client({ name: "test", version: "1.0.0" })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${node.url}/mcp`), { requestInit }))
  clients.push(client)
  return client
}

/** Known to lists only: enough to see who is shown it. */
const listed = (agent: string, more: Partial<AgentView> = {}): AgentView => ({
  agent,
  name: agent,
  framework: "builtin",
  behaviour: "guide",
  description: `The agent ${agent}.`,
  skills: [],
  status: "PRODUCTION",
  archived: false,
  version: 1,
  revision: 1,
  health: { status: "unknown", consecutiveFailures: 0 },
  registeredAt: 0,
  updatedAt: 0,
  running: 0,
  answered: 0,
  failed: 0,
  ...more,
})

const put = (view: AgentView) => node.run(AgentIndex.use((index) => index.put("default", { view })))

let ann: Client
let bob: Client
let upstream: StubModelServer

beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
  await registerStubAgent(node, upstream, { id: "remote" })
  await put(listed("anns-own", { accessLevel: "private", owner: "ann" }))
  await put(listed("strange.name:1"))
  ann = await connect(await node.login("ann"))
  bob = await connect(await node.login("bob"))
}, 60_000)
afterAll(async () => {
  for (const client of clients) await client.close()
  await node.stop()
  await upstream.stop()
})

const allTools = async (client: Client) => {
  const tools = []
  let cursor: string | undefined
  let pages = 0
  do {
    const page = await client.listTools(cursor === undefined ? {} : { cursor })
    tools.push(...page.tools)
    cursor = page.nextCursor
    pages += 1
  } while (cursor !== undefined)
  return { pages, names: tools.map(({ name }) => name), tools }
}

const failureOf = (asking: Promise<unknown>) =>
  asking.then(
    () => undefined,
    ({ code, message, data }: { code: number; message: string; data?: unknown }) => ({ code, message, data }),
  )

describe("the tools", () => {
  it("are the agents that the caller may use, and what there is for everybody", async () => {
    const { names } = await allTools(bob)
    expect(names).toEqual(
      expect.arrayContaining([
        "list_agents",
        "recommend_agents",
        "execute_agent",
        "ops_question",
        "recent_alerts",
        "ask_guide",
        "ask_ops",
      ]),
    )
    expect(names).not.toContain("ask_anns-own")
    expect((await allTools(ann)).names).toContain("ask_anns-own")
  })

  it("have names that every client takes; an agent of another name is asked by its id", async () => {
    const { names } = await allTools(ann)
    expect(names.filter((name) => !/^[A-Za-z0-9_-]{1,64}$/.test(name))).toEqual([])
    const agents = await ann.callTool({ name: "list_agents", arguments: { search: "strange" } })
    expect(agents.structuredContent).toMatchObject({ agents: [{ agent_id: "strange.name:1" }], total: 1 })
  })

  it("are only those that the rights of an API key allow", async () => {
    const token = await node.login("carol")
    const asks = await connect(await node.narrow(token, ["agent:execute"]))
    expect((await allTools(asks)).names).toEqual(expect.arrayContaining(["execute_agent", "ask_guide"]))
    expect((await allTools(asks)).names).not.toContain("ops_question")
    const reads = await connect(await node.narrow(token, ["agent:read"]))
    expect((await allTools(reads)).names).toEqual(["list_agents", "recommend_agents"])
    expect(
      await failureOf(reads.callTool({ name: "ask_guide", arguments: { message: "hi" } })),
    ).toMatchObject({ code: -32602, data: { code: "USR_AUTH_003" } })
    expect(
      await failureOf(reads.callTool({ name: "ops_question", arguments: { question: "hi" } })),
    ).toMatchObject({ code: -32602, data: { code: "USR_AUTH_003" } })
  })

  it("come in pages", async () => {
    for (let index = 0; index < 55; index++)
      await put(listed(`many-${index}`, { accessLevel: "user_specific", allowedUsers: ["dora"] }))
    const { names, pages } = await allTools(await connect(await node.login("dora")))
    expect(pages).toBe(2)
    expect(names.filter((name) => name.startsWith("ask_many-"))).toHaveLength(55)
    expect(new Set(names).size).toBe(names.length)
    expect(await failureOf(ann.listTools({ cursor: "forged" }))).toMatchObject({ code: -32602 })
  })
})

describe("a call", () => {
  it("is answered by the agent, in text and in structure that fits its schema", async () => {
    await ann.listTools()
    const answer = await ann.callTool({ name: "ask_guide", arguments: { message: "hello" } })
    expect(answer).toMatchObject({ structuredContent: { agent_id: "guide", status: "completed" } })
    expect(JSON.stringify(answer.content)).toContain("offline agent")
  })

  it("is answered by the agent that the question was handed to", async () => {
    const arguments_ = { agent_id: "guide", message: "which alerts were there" }
    const answer = await ann.callTool({ name: "execute_agent", arguments: arguments_ })
    expect(answer.structuredContent).toMatchObject({ agent_id: "ops", status: "completed" })
  })

  it("asks about infrastructure and its alerts", async () => {
    const answer = await ann.callTool({ name: "ops_question", arguments: { question: "what time is it" } })
    expect(answer.structuredContent).toMatchObject({ status: "answered", route: "DIRECT" })
    const alerts = await ann.callTool({ name: "recent_alerts", arguments: { limit: 5 } })
    // The machine that the suite runs on may be busy.
    const { alerts: some, total } = alerts.structuredContent as { alerts: Array<unknown>; total: number }
    expect(total).toBe(some.length)
  })

  it("of an agent that one may not use is refused, as is one of no agent", async () => {
    const asked = { arguments: { message: "hello" } }
    expect(await failureOf(bob.callTool({ name: "ask_anns-own", ...asked }))).toMatchObject({
      code: -32602,
      data: { code: "AGT_AUTH_001" },
    })
    expect(await failureOf(bob.callTool({ name: "ask_nobody", ...asked }))).toMatchObject({
      code: -32602,
      data: { code: "AGT_REG_001" },
    })
    expect(await failureOf(bob.callTool({ name: "no_tool", ...asked }))).toMatchObject({
      code: -32602,
      message: expect.stringContaining("no_tool"),
    })
    const byId = { agent_id: "anns-own", message: "hello" }
    expect(await bob.callTool({ name: "execute_agent", arguments: byId })).toMatchObject({ isError: true })
  })

  it("with arguments that do not fit tells the model which, and why", async () => {
    const answer = await ann.callTool({ name: "ask_guide", arguments: { mesage: "hello" } })
    expect(answer.isError).toBe(true)
    expect(JSON.stringify(answer.content)).toContain("mesage")
  })
})

describe("while an agent answers", () => {
  const asked = { name: "ask_remote", arguments: { message: "hello" } }

  it("its caller is told what it says, when it asks for that", async () => {
    upstream.behave(answers(["One", " two", " three"]))
    const pieces: Array<string> = []
    const numbers: Array<number> = []
    const answer = await ann.callTool(asked, undefined, {
      onprogress: ({ message = "", progress }) => {
        pieces.push(message)
        numbers.push(progress)
      },
    })
    expect(pieces.join("")).toBe("One two three")
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(answer.structuredContent).toMatchObject({ text: "One two three", status: "completed" })
  })

  it.each(["without", "with"])("a caller that cancels ends its work, %s progress", async (how) => {
    upstream.behave(breaksAfter(["Thinking"], "silence"))
    const before = questionsTo(upstream).length
    const stop = new AbortController()
    const calling = ann.callTool(asked, undefined, {
      signal: stop.signal,
      ...(how === "with" ? { onprogress: () => stop.abort("enough") } : {}),
    })
    const failed = failureOf(calling)
    if (how === "without") {
      await vi.waitFor(() => expect(questionsTo(upstream).length).toBeGreaterThan(before), 10_000)
      stop.abort("enough")
    }
    expect(await failed).toBeDefined()
    await questionsTo(upstream).at(-1)!.closed
  })

  it("its failure is told to the model, with a code", async () => {
    upstream.behave(fails(400))
    const answer = await ann.callTool(asked)
    expect(answer).toMatchObject({ isError: true, structuredContent: { status: "failed" } })
  })
})
