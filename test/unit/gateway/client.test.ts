/** Calls of the typed client against a server that fails on purpose. */
import { readFileSync } from "node:fs"
import { join, posix } from "node:path"
import * as Schema from "effect/Schema"
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from "vitest"
import { type MillraceClient, MillraceError, millraceClient } from "../../../gateway/client/client.ts"
import { endpoint, lockEndpoints } from "../../../schemas/index.ts"
import {
  json,
  refusal,
  type ScriptedServer,
  startScriptedServer,
  type TestClock,
  testClock,
} from "../../support/scripted-server.ts"

const Thing = Schema.Struct({ name: Schema.String, size: Schema.Int })
const things = {
  read: endpoint({
    id: "things.read",
    method: "GET",
    path: "/things/:id",
    summary: "Read one.",
    permission: "login",
    params: { id: Schema.String },
    query: { page: Schema.optionalKey(Schema.NumberFromString) },
    answer: Thing,
  }),
  make: endpoint({
    id: "things.make",
    method: "POST",
    path: "/things",
    summary: "Make one.",
    permission: "login",
    body: Thing,
    answer: Thing,
    status: 201,
  }),
  edit: endpoint({
    id: "things.edit",
    method: "PUT",
    path: "/things/:id",
    summary: "Edit one.",
    permission: "login",
    params: { id: Schema.String },
    body: Thing,
  }),
  listV2: endpoint({
    id: "things.list2",
    method: "GET",
    path: "/api/v2/things",
    summary: "List them.",
    permission: "login",
    answer: Schema.Array(Thing),
    envelope: "v2",
  }),
}

const thing = { name: "a", size: 1 }
let server: ScriptedServer
let clock: TestClock
let client: MillraceClient

beforeEach(async () => {
  server = await startScriptedServer()
  clock = testClock()
  client = millraceClient({ baseUrl: server.url, credential: "ak_live_x", clock })
})
afterEach(() => server.stop())

const failure = (work: Promise<unknown>): Promise<MillraceError> =>
  work.then(
    () => Promise.reject(new Error("did not fail")),
    (cause: unknown) => cause as MillraceError,
  )

describe("a call", () => {
  it("is built from its contract: path, query, body, key and version", async () => {
    server.answer = (_, response) => json(response, 200, thing, { etag: '"7"' })
    const read = await client.exchange(things.read, { params: { id: "a/b?" }, query: { page: 2 } })
    expect(read).toMatchObject({ body: thing, etag: '"7"', status: 200 })
    await client.call(things.edit, { params: { id: "x" }, body: thing, ifMatch: '"7"', idempotencyKey: "k" })
    expect(server.asked.map(({ method, path }) => [method, path])).toEqual([
      ["GET", "/things/a%2Fb%3F?page=2"],
      ["PUT", "/things/x"],
    ])
    expect(server.asked[0]!.headers.authorization).toBe("Bearer ak_live_x")
    expect(server.asked[1]).toMatchObject({ body: JSON.stringify(thing) })
    expect(server.asked[1]!.headers).toMatchObject({ "if-match": '"7"', "idempotency-key": "k" })
  })

  it.each(["", ".", ".."])("with a parameter that would lead elsewhere is not sent: %j", async (id) => {
    const refused = await failure(client.call(things.read, { params: { id } }))
    expect(refused).toMatchObject({ code: "CLT_CALL_001", details: { field: "params.id" } })
    expect(server.asked).toEqual([])
  })

  it("gives a v2 answer with its envelope", async () => {
    const envelope = { success: true, data: [thing], request_id: "r", timestamp: "t" }
    server.answer = (_, response) => json(response, 200, envelope)
    const { data } = await client.call(things.listV2)
    expect(data).toEqual([thing])
  })
})

describe("an error", () => {
  it("is typed, from both shapes that a gateway has", async () => {
    const v2 = { success: false, error: "gone", error_code: "B_1", request_id: "r2", timestamp: "t" }
    server.answer = ({ path }, response) =>
      path.startsWith("/api/v2/")
        ? json(response, 404, v2)
        : refusal(response, 409, "A_1", { "x-request-id": "r1" })
    const plain = await failure(client.call(things.make, { body: thing }))
    expect(plain).toBeInstanceOf(MillraceError)
    expect(plain).toMatchObject({ status: 409, code: "A_1", message: "no", traceId: "t", requestId: "r1" })
    expect(await failure(client.call(things.listV2))).toMatchObject({
      status: 404,
      code: "B_1",
      message: "gone",
      requestId: "r2",
    })
  })

  it("that no gateway wrote has a code of the client", async () => {
    server.answer = (_, response) => void response.writeHead(404, { "content-type": "text/html" }).end("<p>")
    expect(await failure(client.call(things.listV2))).toMatchObject({ status: 404, code: "CLT_NET_003" })
  })

  it("says when an answer is cut off, or larger than the limit", async () => {
    server.answer = (_, response) =>
      void response.writeHead(200, { "content-type": "application/json" }).end('{"a')
    expect(await failure(client.call(things.listV2))).toMatchObject({ code: "CLT_NET_003" })
    const narrow = millraceClient({ baseUrl: server.url, clock, limits: { answerBytesMax: 2 } })
    expect((await failure(narrow.call(things.listV2))).details).toEqual({
      limit: "answerBytesMax",
      bytes_max: 2,
    })
  })
})

describe("a repeat", () => {
  it("waits as long as it is told, and no more often than the limit says", async () => {
    server.answer = (_, response) => refusal(response, 503, "BUSY", { "retry-after": "3" })
    const refused = await failure(client.call(things.listV2))
    expect(refused).toMatchObject({ status: 503, code: "BUSY", retryAfterSeconds: 3 })
    expect(server.asked).toHaveLength(4)
    expect(clock.pauses).toEqual([3_100, 3_200, 3_400])
  })

  it("follows a connection that breaks, until there is an answer", async () => {
    server.answer = (_, response) => {
      if (server.asked.length < 3) response.destroy()
      else json(response, 200, { success: true, data: [] })
    }
    await expect(client.call(things.listV2)).resolves.toMatchObject({ data: [] })
    expect(server.asked).toHaveLength(3)
  })

  it("is not made of what may have happened already", async () => {
    server.answer = (_, response) => void response.destroy()
    const { code } = await failure(client.call(things.make, { body: thing }))
    expect(code).toBe("CLT_NET_001")
    await failure(client.call(things.edit, { params: { id: "x" }, body: thing, ifMatch: '"1"' }))
    expect(server.asked).toHaveLength(2)
    await failure(client.call(things.make, { body: thing, idempotencyKey: "k" }))
    expect(server.asked).toHaveLength(6)
  })

  it("is left to the caller who would have to wait for too long", async () => {
    server.answer = (_, response) => refusal(response, 429, "LATER", { "retry-after": "3600" })
    expect(await failure(client.call(things.listV2))).toMatchObject({ retryAfterSeconds: 3_600 })
    expect(server.asked).toHaveLength(1)
  })

  it("follows a time-out, each attempt having its own", async () => {
    const arrived: Array<() => void> = []
    server.answer = () => arrived.shift()?.()
    const first = new Promise<void>((resolve) => arrived.push(resolve))
    const second = new Promise<void>((resolve) => arrived.push(resolve))
    const late = failure(
      millraceClient({ baseUrl: server.url, clock, limits: { attemptsMax: 2 } }).call(things.listV2),
    )
    await first
    clock.pass(30_000)
    await second
    clock.pass(30_000)
    expect(await late).toMatchObject({ status: 0, code: "CLT_NET_002" })
  })
})

describe("identical GETs at the same time", () => {
  const held = () => {
    const arrived = Promise.withResolvers<() => void>()
    const left = Promise.withResolvers<void>()
    server.answer = (_, response) => {
      response.once("close", () => left.resolve())
      arrived.resolve(() => json(response, 200, thing))
    }
    return { arrived: arrived.promise, left: left.promise }
  }
  const read = (signal?: AbortSignal) =>
    client.call(things.read, { params: { id: "1" }, ...(signal === undefined ? {} : { signal }) })

  it("are one request, and its answer a value of each caller's own", async () => {
    const { arrived } = held()
    const both = Promise.all([read(), read()])
    const answer = await arrived
    answer()
    const [one, other] = await both
    expect(one).toEqual(other)
    expect(one).not.toBe(other)
    expect(server.asked).toHaveLength(1)
  })

  it("end when all callers have left, and not before", async () => {
    const { arrived, left } = held()
    const [one, other] = [new AbortController(), new AbortController()]
    const first = failure(read(one.signal))
    const second = failure(read(other.signal))
    await arrived
    one.abort("first")
    expect(await first).toBe("first")
    other.abort("second")
    expect(await second).toBe("second")
    await left
  })

  it("go on for those who stay", async () => {
    const { arrived } = held()
    const leaving = new AbortController()
    const gone = failure(read(leaving.signal))
    const stays = read()
    const answer = await arrived
    leaving.abort("bye")
    expect(await gone).toBe("bye")
    answer()
    expect(await stays).toEqual(thing)
  })

  it("are not shared with another query, and nothing is kept afterwards", async () => {
    server.answer = (_, response) => json(response, 200, thing)
    await Promise.all([read(), client.call(things.read, { params: { id: "1" }, query: { page: 1 } })])
    await read()
    expect(server.asked).toHaveLength(3)
  })
})

describe("the types", () => {
  it("are the contract's", () => {
    expectTypeOf(client.call<typeof things.read>).returns.resolves.toEqualTypeOf<{
      readonly name: string
      readonly size: number
    }>()
    const calls = () => {
      void client.call(things.listV2)
      // @ts-expect-error params are required
      void client.call(things.read)
      // @ts-expect-error a number is no text
      void client.call(things.read, { params: { id: 1 } })
      // @ts-expect-error a field is missing
      void client.call(things.make, { body: { name: "a" } })
      // @ts-expect-error a field too many
      void client.call(things.make, { body: { name: "a", size: 1, more: 2 } })
      // @ts-expect-error a query that the route does not have
      void client.call(things.make, { body: thing, query: { page: 1 } })
      // @ts-expect-error the contract of locks asks for an owner
      void client.call(lockEndpoints.acquire, { params: { name: "l" }, body: { ttl_ms: 1_000 } })
      // @ts-expect-error in an envelope the data is under `data`
      void client.call(things.listV2).then((answer) => answer[0])
      void client.call(things.listV2).then((answer) => answer.data[0]?.size.toFixed())
    }
    expect(calls).toBeTypeOf("function")
  })
})

describe("the client's files", () => {
  const root = join(import.meta.dirname, "../../..")
  const importsOf = (path: string): ReadonlyArray<string> =>
    [...readFileSync(join(root, path), "utf8").matchAll(/^(?:import|export)\b[^"]*?from "([^"]+)"/gm)].map(
      ([, from]) => (from!.startsWith(".") ? posix.join(posix.dirname(path), from!) : from!),
    )

  it("reach nothing but each other, the contracts and effect, so that they run in a browser", () => {
    const seen = new Set<string>()
    const visit = (path: string): void => {
      if (seen.has(path)) return
      seen.add(path)
      if (path.endsWith(".ts")) importsOf(path).forEach(visit)
    }
    visit("gateway/client/client.ts")
    expect(seen.size).toBeGreaterThan(20)
    expect([...seen].filter((path) => !/^(?:gateway\/client|schemas)\/|^effect(?:\/|$)/.test(path))).toEqual(
      [],
    )
  })
})
