/** Two nodes over one PostgreSQL and one NATS server: conversations that one of them answers when it is killed are taken over by the other. */
import { randomBytes } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, inject, it } from "vitest"
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
import { newDatabase } from "./new-database.ts"

/** More than there are partitions on one node, so that each node answers some. */
const conversations = 12
const terminalWithinMs = 30_000

const [[, server] = ["", ""]] = inject("databases")
let nats: TestNatsServer
let model: StubModelServer
const homes: Array<string> = []
const nodes: Array<NodeProcess> = []

beforeAll(async () => {
  nats = await testNatsServer({ sync: "always" })
  model = await startStubModelServer()
  const { user, pass } = nats.connection
  const settings = {
    DATABASE_URL: await newDatabase(server),
    NATS_URL: nats.url,
    NATS_USER: user,
    NATS_PASSWORD: pass,
    MILLRACE_SYNC: "always",
    MILLRACE_SECRET_KEYS: `k1:${randomBytes(32).toString("base64")}`,
    EGRESS_ALLOW: "127.0.0.1",
  }
  for (let count = 0; count < 2; count++) {
    const home = await mkdtemp(join(tmpdir(), "millrace-takeover-"))
    homes.push(home)
    nodes.push(await startNodeProcess(home, settings))
  }
}, 120_000)

afterAll(async () => {
  for (const node of nodes) await node.kill()
  await model?.stop()
  await nats?.stop()
  for (const home of homes) await rm(home, { recursive: true, force: true })
})

const post = async (node: NodeProcess, path: string, body: unknown) => {
  const response = await fetch(node.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${node.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  expect(response.ok, text).toBe(true)
  return JSON.parse(text) as Record<string, unknown>
}

const isEnd = ({ type }: Frame) => type === "stream_end" || type === "error"
const said = "The mill stands by the river and turns all night.".split(/(?<= )/)
const heard = 4

it("every conversation is completed by the node that is left, and every client sees each token once", async () => {
  const [dying, staying] = nodes as [NodeProcess, NodeProcess]
  const { promise: isKilled, resolve: goOn } = Promise.withResolvers<void>()
  let again = 0
  /** The first time in two parts, with the kill between them; whoever asks after it gets all at once. */
  const begin: Behaviour = (asked, response) => {
    breaksAfter(said.slice(0, heard), "silence")(asked, response)
    void isKilled.then(() => {
      for (const content of said.slice(heard))
        response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)
      response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    })
  }
  const repeat: Behaviour = (asked, response) => {
    again += 1
    answers(said)(asked, response)
  }
  model.behave(...Array.from({ length: conversations }, () => begin), repeat)
  const body = { name: "stub", framework: "OpenAI", endpoint: model.url, connection: { target: "stub" } }
  const { id: agent_id } = await post(dying, "/api/agents/", body)

  let isAlive = true
  const clients: Array<ResumingClient> = []
  for (let index = 0; index < conversations; index++) {
    const { session_id } = await post(staying, "/api/chat/sessions/", { agent_id, title: "test" })
    const place = () => (isAlive && index % 2 === 0 ? dying : staying)
    const client = resumingClient(() => ({ url: place().url, token: staying.token }), String(session_id))
    clients.push(client)
    await expect.poll(client.connections, { timeout: 10_000 }).toBe(1)
    client.say("where is the mill", "question-1")
    await client.until((event) => event.index === heard - 1)
  }

  const killedAt = performance.now()
  await dying.kill()
  isAlive = false
  goOn()
  const ends = await Promise.all(clients.map((client) => client.until(isEnd)))
  const tookMs = performance.now() - killedAt
  console.info(
    `${again} of ${conversations} conversations taken over, all over after ${Math.round(tookMs)} ms`,
  )
  expect(tookMs).toBeLessThan(terminalWithinMs)
  expect(ends.map(({ type }) => type)).toEqual(ends.map(() => "stream_end"))
  expect(again, "conversations that the killed node answered").toBeGreaterThan(0)
  expect(again).toBeLessThan(conversations)
  for (const client of clients) {
    expect(client.text()).toBe(said.join(""))
    expect(client.events.filter(({ type }) => type === "stream_restart")).toEqual([])
    client.close()
  }
})
