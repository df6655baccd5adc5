/** How the client stays logged in: one refresh for all, and one end of the session. */
import type { ServerResponse } from "node:http"
import * as Schema from "effect/Schema"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import {
  type MillraceClient,
  type MillraceError,
  memoryStore,
  millraceClient,
  TokenManager,
} from "../../../gateway/client/client.ts"
import { endpoint } from "../../../schemas/index.ts"
import {
  json,
  refusal,
  type ScriptedServer,
  startScriptedServer,
  type TestClock,
  testClock,
} from "../../support/scripted-server.ts"

const given = { method: "GET", summary: "Read.", answer: Schema.String } as const
const read = endpoint({
  ...given,
  id: "a",
  path: "/a/:id",
  permission: "login",
  params: { id: Schema.String },
})
const open = endpoint({ ...given, id: "b", path: "/open", permission: "public" })

let server: ScriptedServer
let clock: TestClock
let tokens: TokenManager
let client: MillraceClient
let ends: Array<MillraceError>
let valid: string
let refresh: (response: ServerResponse, body: string) => void

const renew = (response: ServerResponse) => {
  valid = `token-${server.askedFor("/api/auth/refresh").length}`
  json(response, 200, {
    access_token: valid,
    token_type: "Bearer",
    expires_in: 900,
    refresh_token: `next-${valid}`,
  })
}

beforeEach(async () => {
  server = await startScriptedServer()
  clock = testClock()
  ends = []
  tokens = new TokenManager({
    baseUrl: server.url,
    clock,
    onSignedOut: (reason) => ends.push(reason),
    // As where there are no locks: what holds in one tab has to hold without them.
    exclusive: (_, run) => run(),
  })
  client = millraceClient({ baseUrl: server.url, credential: tokens, clock })
  valid = "first"
  refresh = renew
  server.answer = ({ path, headers, body }, response) => {
    if (path === "/api/auth/refresh") refresh(response, body)
    else if (path === "/open" || headers.authorization === `Bearer ${valid}`) json(response, 200, "ok")
    else refusal(response, 401, "USR_AUTH_001")
  }
  tokens.signIn({ access_token: "first", expires_in: 900, refresh_token: "r0" })
})
afterEach(() => server.stop())

const call = (id = "1") => client.call(read, { params: { id } })
const refreshes = () => server.askedFor("/api/auth/refresh")
const outcomes = (count: number) =>
  Promise.allSettled(Array.from({ length: count }, (_, index) => call(String(index))))

describe("a token", () => {
  it("that the gateway refuses is renewed once for all calls, each of which is repeated once", async () => {
    valid = "revoked meanwhile"
    const all = await outcomes(8)
    expect(all.every(({ status }) => status === "fulfilled")).toBe(true)
    expect(refreshes()).toHaveLength(1)
    expect(server.asked).toHaveLength(8 + 1 + 8)
  })

  it("is renewed shortly before it expires, with the newest refresh token", async () => {
    clock.pass(839_000)
    await call()
    expect(refreshes()).toHaveLength(0)
    clock.pass(1_000)
    await Promise.all([call("1"), call("2")])
    expect(refreshes().map(({ body }) => body)).toEqual(['{"refresh_token":"r0"}'])
    clock.pass(900_000)
    await call()
    expect(refreshes()[1]!.body).toBe('{"refresh_token":"next-token-1"}')
  })

  it("that is refused again after its renewal is not renewed for ever", async () => {
    refresh = (response) => json(response, 200, { access_token: "never good", expires_in: 900 })
    valid = "another"
    await expect(call()).rejects.toMatchObject({ status: 401, code: "USR_AUTH_001" })
    expect(refreshes()).toHaveLength(1)
    expect(server.askedFor("/a/1")).toHaveLength(2)
  })

  it("serves as long as it is valid while the gateway cannot renew it", async () => {
    refresh = (response) => refusal(response, 503, "BUSY")
    clock.pass(850_000)
    await expect(call()).resolves.toBe("ok")
    clock.pass(60_000)
    await expect(call()).rejects.toMatchObject({ status: 503, code: "BUSY" })
    expect(ends).toEqual([])
  })

  it("is asked for only by routes that need one", async () => {
    tokens.signOut()
    await expect(client.call(open)).resolves.toBe("ok")
    await expect(call()).rejects.toMatchObject({ code: "CLT_AUTH_001" })
    expect(server.asked).toHaveLength(1)
  })
})

describe("a session", () => {
  it("ends once when its refresh is refused, for all calls that wait and all to come", async () => {
    valid = "revoked"
    refresh = (response) => refusal(response, 401, "USR_SES_001")
    const all = await outcomes(5)
    for (const outcome of all)
      expect(outcome).toMatchObject({ reason: { code: "CLT_AUTH_001", status: 401 } })
    await expect(call()).rejects.toMatchObject({ code: "CLT_AUTH_001" })
    expect(ends.map(({ details }) => details)).toEqual([{ reason: "USR_SES_001" }])
    expect(refreshes()).toHaveLength(1)
  })

  it("begins anew with a login", async () => {
    valid = "revoked"
    refresh = (response) => refusal(response, 401, "USR_SES_001")
    await outcomes(1)
    valid = "second"
    tokens.signIn({ access_token: "second", expires_in: 900 })
    await expect(call()).resolves.toBe("ok")
    expect(ends).toHaveLength(1)
  })

  it("is not overwritten by the refresh of the one before it", async () => {
    const arrived = Promise.withResolvers<ServerResponse>()
    refresh = (response) => arrived.resolve(response)
    valid = "revoked"
    const old = call()
    const response = await arrived.promise
    valid = "other user's"
    tokens.signIn({ access_token: "other user's", expires_in: 900 })
    json(response, 200, { access_token: "old user's", expires_in: 900 })
    await old
    expect(tokens.held()).toBe("other user's")
  })

  it("is shared through a store: what another tab renewed is not renewed again", async () => {
    const store = memoryStore()
    const exclusive = async <A>(_: string, run: () => Promise<A>) => {
      store.write({ accessToken: "from the other tab", expiresAt: clock.now() + 900_000 })
      return run()
    }
    valid = "from the other tab"
    const shared = new TokenManager({ baseUrl: server.url, clock, store, exclusive })
    expect(await shared.token()).toBe("from the other tab")
    expect(refreshes()).toHaveLength(0)
  })
})
