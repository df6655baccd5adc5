/** The typed client against a whole node: what its scripted tests assume of a gateway is what a gateway does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  type MillraceClient,
  MillraceError,
  memoryStore,
  millraceClient,
  TokenManager,
} from "../../gateway/client/client.ts"
import { chatEndpoints, lockEndpoints } from "../../schemas/index.ts"
import { logIn } from "../support/login.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
let client: MillraceClient

beforeAll(async () => {
  node = await startTestNode()
  client = millraceClient({ baseUrl: node.url, credential: node.apiKey })
})
afterAll(() => node.stop())

const open = async () => (await client.call(chatEndpoints.open, { body: { agent_id: "guide" } })).session_id

describe("the typed client", () => {
  it("takes and gives back a lock, and is told whose lock it is not", async () => {
    const params = { name: "client" }
    const taken = await client.call(lockEndpoints.acquire, { params, body: { owner: "a", ttl_ms: 60_000 } })
    if (!taken.acquired) throw new Error("not acquired")
    const other = client.call(lockEndpoints.release, { params, body: { owner: "b", fence: taken.fence } })
    await expect(other).rejects.toMatchObject({ status: 409, code: "LCK_HOLD_001" })
    await expect(other).rejects.toBeInstanceOf(MillraceError)
    await client.call(lockEndpoints.release, { params, body: { owner: "a", fence: taken.fence } })
  })

  it("reads an answer as events until its end", async () => {
    const session = await open()
    const types: Array<unknown> = []
    const call = { params: { session }, body: { content: "what can you do?" } }
    for await (const { data } of client.events(chatEndpoints.say, call))
      types.push((data as { type: unknown }).type)
    expect(types[0]).toBe("start")
    expect(types.at(-1)).toBe("end")
  })

  it("talks over a socket, and is told when there is no such session", async () => {
    const session = client.session(await open(), { after: 0 })
    const { turn } = await session.say("what can you do?")
    const seen: Array<number> = []
    for await (const event of session.events()) {
      if (event.type === "missing") throw new Error("events are missing")
      seen.push(event.n)
      if (event.turn === turn && event.type === "stream_end") break
    }
    expect(seen).toEqual(seen.map((_, index) => index + 1))
    session.close()
    const none = client.session("00000000-0000-4000-8000-000000000000", { after: 0 })
    await expect(none.events().next()).rejects.toMatchObject({ status: 404, code: "CHT_SES_001" })
  })

  it("stays logged in: the refresh token of each answer serves the next renewal, once for all calls", async () => {
    const login = await logIn(node.url, "developer")
    const ends: Array<MillraceError> = []
    const store = memoryStore()
    const tokens = new TokenManager({ baseUrl: node.url, store, onSignedOut: (reason) => ends.push(reason) })
    const user = millraceClient({ baseUrl: node.url, credential: tokens })
    // Refused at once, as if it were signed with a key that is no more.
    tokens.signIn({ access_token: "not.a.token", expires_in: 900, refresh_token: login.refreshToken })
    const begin = () => user.call(chatEndpoints.open, { body: { agent_id: "guide" } })
    await Promise.all([begin(), begin(), begin()])
    const { accessToken, refreshToken } = store.read()!
    expect(refreshToken).not.toBe(login.refreshToken)
    await tokens.refused(accessToken)
    expect(store.read()!.refreshToken).not.toBe(refreshToken)
    await begin()
    tokens.signIn({ access_token: "not.a.token", expires_in: 900, refresh_token: login.refreshToken })
    await expect(begin()).rejects.toMatchObject({ code: "CLT_AUTH_001" })
    expect(ends).toHaveLength(1)
  })
})
