/** That nothing reaches an address from here that nobody allowed, in whatever notation and by whatever detour. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Egress, type EgressConfig, EgressRefused, parseAllowList } from "../../../resources/index.ts"

const scope = Effect.runSync(Scope.make())
const seen: Array<IncomingMessage> = []
let answer: (request: IncomingMessage, response: ServerResponse) => void
let server: Server
let port: number

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(request)
    answer(request, response)
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  port = (server.address() as AddressInfo).port
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  server.closeAllConnections()
  server.close()
})

const egress = async (config: Omit<EgressConfig, "allow"> & { readonly allow?: string } = {}) => {
  const allow = parseAllowList(config.allow ?? "")
  const services = await Effect.runPromise(Layer.buildWithScope(Egress.layer({ ...config, allow }), scope))
  return Context.get(services, Egress)
}

const refusal = async (asking: Promise<unknown>): Promise<EgressRefused> => {
  const failure = await asking.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(EgressRefused)
  return failure as EgressRefused
}

describe("egress refuses", () => {
  it.each([
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fd00::1]/",
    "http://[fe80::1]/",
    "http://0.0.0.0/",
    "http://10.1.2.3/",
    "http://192.168.0.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://①②⑦.0.0.1/",
  ])("%s, which is no public address", async (url) => {
    const { fetch } = await egress()
    expect(await refusal(fetch(url))).toMatchObject({ problem: "address" })
  })

  it.each(["ftp://host/", "file:///etc/passwd", "data:,x", "nonsense"])(
    "%s, which is no web address",
    async (url) => {
      const { fetch } = await egress()
      expect(await refusal(fetch(url))).toMatchObject({ problem: "url" })
    },
  )

  it("a URL with credentials in it, which may hide where it leads", async () => {
    const { fetch } = await egress()
    expect(await refusal(fetch("https://api.example.com@127.0.0.1/"))).toMatchObject({ problem: "url" })
  })

  it("a name that leads to a private address, and names host and remedy", async () => {
    const { fetch } = await egress({ resolve: async () => ["10.0.0.7"] })
    const refused = await refusal(fetch("https://models.example/v1?key=hidden"))
    expect(refused.message).toContain("models.example")
    expect(refused.message).toContain("EGRESS_ALLOW=models.example:443")
    expect(refused.message).not.toContain("hidden")
  })

  it("a name of which one address is public and another one is not", async () => {
    const { fetch } = await egress({ resolve: async () => ["93.184.216.34", "127.0.0.1"] })
    expect(await refusal(fetch("http://models.example/"))).toMatchObject({ problem: "address" })
  })

  it("cloud metadata behind an allowed name, and in an allowed range", async () => {
    const { fetch } = await egress({
      allow: "models.example,169.254.0.0/16",
      resolve: async () => ["169.254.169.254"],
    })
    expect(await refusal(fetch("http://models.example/"))).toMatchObject({ problem: "address" })
    expect(await refusal(fetch("http://169.254.169.254/"))).toMatchObject({ problem: "address" })
  })
})

describe("egress", () => {
  it("connects to the very address that it checked, however the name changes meanwhile", async () => {
    answer = (_, response) => response.end("reached")
    const answers = [["127.0.0.1"], ["10.0.0.1"]]
    let asked = 0
    const { fetch } = await egress({ allow: "127.0.0.0/8", resolve: async () => answers[asked++]! })
    expect(await (await fetch(`http://models.example:${port}/`)).text()).toBe("reached")
    expect(asked).toBe(1)
    expect(seen.at(-1)!.headers.host).toBe(`models.example:${port}`)
  })

  it("reaches a private host that is allowed, on the named port only", async () => {
    answer = (_, response) => response.end("reached")
    const { fetch } = await egress({ allow: `localhost:${port}`, resolve: async () => ["127.0.0.1"] })
    expect((await fetch(`http://localhost:${port}/`)).status).toBe(200)
    await refusal(fetch(`http://localhost:${port + 1}/`))
  })

  it("checks every hop of a redirect", async () => {
    answer = (_, response) => response.writeHead(302, { location: "http://192.168.1.1/admin" }).end()
    const { fetch } = await egress({ allow: `127.0.0.1:${port}` })
    const before = seen.length
    expect(await refusal(fetch(`http://127.0.0.1:${port}/`))).toMatchObject({
      problem: "address",
      host: "192.168.1.1",
    })
    expect(seen.length).toBe(before + 1)
  })

  it("gives keys to nobody else when it is redirected, but the body to whom it is told", async () => {
    answer = (request, response) =>
      request.headers.host === `a.example:${port}`
        ? response.writeHead(307, { location: `http://b.example:${port}/next` }).end()
        : request.pipe(response)
    const { fetch } = await egress({ allow: "127.0.0.1", resolve: async () => ["127.0.0.1"] })
    const headers = {
      authorization: "Bearer k",
      "x-api-key": "k",
      "api-key": "k",
      cookie: "k",
      accept: "text/plain",
    }
    const response = await fetch(`http://a.example:${port}/`, { method: "POST", body: "question", headers })
    expect(await response.text()).toBe("question")
    const last = seen.at(-1)!.headers
    expect(Object.values(last)).not.toContain("k")
    expect(last).toMatchObject({ host: `b.example:${port}`, accept: "text/plain" })
    expect(last.authorization).toBeUndefined()
  })

  it("gives up on endless redirects", async () => {
    answer = (_, response) => response.writeHead(302, { location: "/again" }).end()
    const { fetch } = await egress({ allow: "127.0.0.1" })
    const before = seen.length
    expect(await refusal(fetch(`http://127.0.0.1:${port}/`))).toMatchObject({ problem: "redirect" })
    expect(seen.length - before).toBe(6)
  })

  it("reads no more than the limit, announced or not", async () => {
    const { limited } = await egress({ allow: "127.0.0.1" })
    const fetch = limited({ bytesMax: 100 })
    answer = (_, response) => response.end("x".repeat(101))
    expect(await refusal(fetch(`http://127.0.0.1:${port}/`))).toMatchObject({ problem: "size" })
    answer = (_, response) => {
      response.write("x".repeat(60))
      response.end("x".repeat(60))
    }
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect(await refusal(response.text())).toMatchObject({ problem: "size" })
  })

  it("waits no longer than the limit, for the headers and for the rest", async () => {
    const { limited } = await egress({ allow: "127.0.0.1" })
    const fetch = limited({ totalMs: 50 })
    answer = () => {}
    expect(await refusal(fetch(`http://127.0.0.1:${port}/`))).toMatchObject({ problem: "time" })
    answer = (_, response) => void response.write("beginning")
    const response = await fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error)
    const late = response instanceof Response ? await refusal(response.text()) : response
    expect(late).toMatchObject({ problem: "time" })
  })

  it("closes the connection when the caller aborts", async () => {
    const closed = new Promise<void>((done) => {
      answer = (request, response) => {
        request.once("close", done)
        response.write("beginning")
      }
    })
    const { fetch } = await egress({ allow: "127.0.0.1" })
    const abort = new AbortController()
    await fetch(`http://127.0.0.1:${port}/`, { signal: abort.signal })
    abort.abort()
    await closed
  })
})

describe("the list of allowed hosts", () => {
  it.each(["a b", "user@host", "host/path", "1.2.3.4/99", "http://host", "host:99999"])(
    "refuses %s by name",
    (text) => {
      expect(() => parseAllowList(`fine.example,${text}`)).toThrow(text)
    },
  )

  it("takes names, ports, addresses of both families and ranges", () => {
    const { hosts, ranges } = parseAllowList(
      "a.example, b.example:8080, ::1, [::1]:11434, 10.0.0.0/8, fd00::/8",
    )
    expect(hosts).toEqual([
      { host: "a.example", port: undefined },
      { host: "b.example", port: 8080 },
      { host: "::1", port: undefined },
      { host: "::1", port: 11434 },
    ])
    expect(ranges).toHaveLength(2)
  })
})
