/** How much one user may keep: conversations, and tasks that have not ended. What is there already goes on. */
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ownedSessionsMax } from "../../gateway/session/owned.ts"
import { unfinishedTasksMax } from "../../gateway/tasks/unfinished.ts"
import { Tenancy } from "../../resources/index.ts"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { openSession, readEvents } from "../support/session-client.ts"

let node: TestNode
let hoarder: string
let other: string
beforeAll(async () => {
  node = await startTestNode()
  hoarder = await node.login("hoarder")
  other = await node.login("other")
})
afterAll(() => node.stop())

type Sql = Parameters<Parameters<(typeof Tenancy)["Service"]["within"]>[1]>[0]
const inDatabase = <A>(query: (sql: Sql) => Effect.Effect<A, never>) =>
  node.run(Effect.flatMap(Tenancy, ({ within }) => within("default", query)))

describe("the number of one user's conversations", () => {
  const begin = (token: string) =>
    node.request("POST", "/api/chat/sessions/", { token, body: { agent_id: "guide" } })

  it("is bounded: what there is goes on, and who deletes some may begin others", async () => {
    const session = await openSession(node, "guide", hoarder)
    const listed = async () =>
      (await json(await node.request("GET", "/api/chat/sessions/", { token: hoarder }))).total
    await expect.poll(listed).toBe(1)
    await inDatabase((sql) =>
      Effect.orDie(sql`
        INSERT INTO chat_sessions
        SELECT (jsonb_populate_record(s, jsonb_build_object('id', 'hoard-' || n))).*
        FROM chat_sessions s, generate_series(1, ${ownedSessionsMax - 1}::int) n
        WHERE s.tenant = 'default' AND s.id = ${session}`),
    )
    expect(await errorOf(await begin(hoarder))).toMatchObject({
      status: 409,
      code: "CHT_SES_007",
      details: { limit: "ownedSessionsMax", remedy: expect.stringMatching(/delete/) },
    })
    const said = await node.request("POST", `/api/chat/sessions/${session}/messages/`, {
      token: hoarder,
      body: { content: "hello" },
    })
    expect((await readEvents(said)).at(-1)).toMatchObject({ data: { type: "end" } })
    expect((await begin(other)).status).toBe(201)
    const path = `/api/chat/sessions/${session}`
    expect((await node.request("DELETE", path, { token: hoarder })).status).toBe(204)
    expect((await begin(hoarder)).status).toBe(201)
  })
})

describe("the number of one user's unfinished tasks", () => {
  const send = async (token: string, messageId: string) => {
    const message = { messageId, role: "ROLE_USER", parts: [{ text: "hello" }] }
    const body = { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message } }
    return json(await node.request("POST", "/a2a", { token, body, headers: { "A2A-Version": "1.0" } }))
  }
  const idOf = ({ result }: Awaited<ReturnType<typeof send>>) =>
    (result as { readonly task: { readonly id: string } }).task.id

  it("is bounded over every protocol: those that there are are met again, and ended ones do not count", async () => {
    const first = idOf(await send(hoarder, "first"))
    const tasks = (status: string) =>
      inDatabase((sql) =>
        Effect.orDie(sql`
          INSERT INTO tasks
          SELECT 'default', 'hoard-' || n, 1, 'hoarder', 'guide', 'c', ${status}, 1, 1
          FROM generate_series(1, ${unfinishedTasksMax}::int) n
          ON CONFLICT (tenant, id) DO UPDATE SET status = EXCLUDED.status`),
      )
    await tasks("working")
    expect((await send(hoarder, "second")).error).toMatchObject({
      message: expect.stringMatching(/1000 unfinished tasks.*cancel/),
      data: [{ metadata: { code: "TSK_LIM_003", status: "429" } }],
    })
    const asked = { model: "agent:guide", messages: [{ role: "user", content: "hello" }] }
    const completion = await node.request("POST", "/v1/chat/completions", { token: hoarder, body: asked })
    expect([completion.status, await completion.text()]).toEqual([
      429,
      expect.stringContaining("TSK_LIM_003"),
    ])
    expect(idOf(await send(hoarder, "first"))).toBe(first)
    expect(idOf(await send(other, "first"))).not.toBe(first)
    await tasks("completed")
    expect(idOf(await send(hoarder, "second"))).not.toBe(first)
  })
})
