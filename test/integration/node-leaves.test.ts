/** That a node which is stopped fails no answer by it: what was under way is gone on with by the node that comes after it. */
import { randomBytes } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { type ResumingClient, resumingClient } from "../support/resuming-client.ts"
import { openSession } from "../support/session-client.ts"
import { registerStubAgent } from "../support/stub-agent.ts"
import {
  answers,
  type Behaviour,
  breaksAfter,
  raw,
  type StubModelServer,
  startStubModelServer,
} from "../support/stub-model-server.ts"

const said = "The mill stands by the river and turns all night.".split(/(?<= )/)
const heard = 4

let home: string
let nats: TestNatsServer
let upstream: StubModelServer
let node: TestNode
let client: ResumingClient | undefined
let answering: Behaviour = breaksAfter(said.slice(0, heard), "silence")

const secretKeys = `k1:${randomBytes(32).toString("base64")}`
const start = async () => {
  node = await startTestNode({
    MILLRACE_HOME: home,
    DATABASE_DIRECTORY: join(home, "pg"),
    NATS_URL: nats.url,
    NATS_USER: nats.connection.user,
    NATS_PASSWORD: nats.connection.pass,
    MILLRACE_SECRET_KEYS: secretKeys,
    EGRESS_ALLOW: "127.0.0.1",
  })
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "millrace-leaves-"))
  nats = await testNatsServer()
  upstream = await startStubModelServer()
  upstream.behave((asked, response) =>
    "messages" in asked.body ? answering(asked, response) : raw('{"data":[]}')(asked, response),
  )
  await start()
})
afterAll(async () => {
  client?.close()
  await node?.stop()
  await upstream?.stop()
  await nats?.stop()
  await rm(home, { recursive: true, force: true })
})

it("an answer from elsewhere goes on at the next node, and its client sees each token once", async () => {
  await registerStubAgent(node, upstream, { id: "miller" })
  const session = await openSession(node, "miller")
  const talking = resumingClient(() => node, session)
  client = talking
  await expect.poll(talking.connections, { timeout: 10_000 }).toBe(1)
  talking.say("where is the mill", "question-1")
  await talking.until(({ index }) => index === heard - 1)
  answering = answers(said)
  await node.stop()
  await start()
  const end = await talking.until(({ type }) => type === "stream_end" || type === "error")
  expect(end).toMatchObject({ type: "stream_end", total_tokens: said.length })
  expect(talking.text()).toBe(said.join(""))
})
