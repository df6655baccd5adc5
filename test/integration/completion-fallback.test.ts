/** Which model's name a streamed answer bears when the one that was asked for could not give it. */
import OpenAI from "openai"
import { afterAll, beforeAll, expect, it } from "vitest"
import { json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { answers, fails, type StubModelServer, startStubModelServer } from "../support/stub-model-server.ts"

let node: TestNode
let upstream: StubModelServer

beforeAll(async () => {
  upstream = await startStubModelServer()
  node = await startTestNode({ EGRESS_ALLOW: `127.0.0.1:${upstream.port}` })
})
afterAll(async () => {
  await node.stop()
  await upstream.stop()
})

/** A model that the token's user may call; gives its id. */
const makeModel = async (name: string, more: Readonly<Record<string, unknown>>): Promise<unknown> => {
  const model = { name, provider: "Custom", endpoint: upstream.url, api_key: "sk-upstream-secret", ...more }
  const { id } = await json(await node.request("POST", "/api/admin/llm-models/", { body: model }))
  await node.request("POST", `/api/admin/llm-models/${id}/activate`)
  const me = await json(await node.request("GET", "/api/users/me"))
  const body = { grantee_type: "USER", grantee_id: me.id, rights: ["use"] }
  const granted = await node.request("POST", `/api/llm-models/${id}/permissions`, { body })
  expect(granted.status, await granted.text()).toBeLessThan(300)
  return id
}

it("each piece names the model that answers", async () => {
  const spare = await makeModel("gpt-spare", { model_name: "spare" })
  await makeModel("gpt-broken", { model_name: "broken", fallback_model_id: spare })
  upstream.behave((asked, response) =>
    (asked.body.model === "broken" ? fails(500) : answers(["Hello", " world"]))(asked, response),
  )
  const client = new OpenAI({
    baseURL: `${node.url}/v1`,
    apiKey: node.apiKey,
    maxRetries: 0,
    logLevel: "off",
  })
  const stream = await client.chat.completions.create({
    model: "gpt-broken",
    messages: [{ role: "user", content: "Hello there" }],
    stream: true,
    stream_options: { include_usage: true },
  })
  const models: Array<string> = []
  for await (const { model } of stream) models.push(model)
  expect(models.length).toBeGreaterThan(2)
  expect(new Set(models)).toEqual(new Set(["gpt-spare"]))
})
