/**
 * That no address which people, cards or answers name leads inside: an agent's endpoint in every framework, when it is
 * asked and when it is checked; what an A2A card names; where a task's changes are reported. Each detour on each way.
 */
import type { AddressInfo } from "node:net"
import { createServer, type Server } from "node:net"
import * as Effect from "effect/Effect"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { EngineAccess, PlatformAccess } from "../../actors/index.ts"
import { deliver } from "../../actors/task/deliver.ts"
import { sealReceiver } from "../../actors/task/receiver.ts"
import type { EngineShape } from "../../engine/index.ts"
import type { Framework, TaskView } from "../../schemas/index.ts"
import { scriptedPlatform } from "../support/platform.ts"
import { json, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"
import { credential, type RemoteAgents, remoteAgents } from "./remote-agents/remote-agent.ts"

/** Whoever connects to it found a way inside. */
let inside: Server
let connections = 0
/** The only one that may be reached, by the name `good.example`. */
let good: ScriptedServer
let goodPort: number
let insidePort: number
let agents: RemoteAgents

/** What names lead to; `good.example` and `other.example` to this machine. */
let names: Record<string, ReadonlyArray<string>>
const resolve = async (host: string) => {
  const addresses = names[host]
  if (addresses === undefined) throw new Error("no such name")
  return addresses
}

beforeAll(async () => {
  inside = createServer((socket) => {
    connections += 1
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret")
  })
  await new Promise<void>((done) => void inside.listen(0, "127.0.0.1", done))
  insidePort = (inside.address() as AddressInfo).port
  good = await startScriptedServer()
  goodPort = Number(new URL(good.url).port)
})
afterAll(async () => {
  inside.close()
  await good.stop()
})
beforeEach(async () => {
  connections = 0
  names = {
    "good.example": ["127.0.0.1"],
    "other.example": ["127.0.0.1"],
    "private.example": ["10.0.0.7"],
    "loop.example": ["127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    localhost: ["127.0.0.1", "::1"],
    "any.localhost": ["127.0.0.1"],
  }
  agents = await remoteAgents({ allow: `good.example:${goodPort},other.example:${goodPort}`, resolve })
})
afterEach(() => agents.stop())

const remote: ReadonlyArray<Framework> = ["agno", "adk", "langchain", "custom", "a2a", "openai"]
const connection = { target: "m", retriesMax: 0, timeoutMs: 5_000 }

interface Way {
  readonly name: string
  /** Tries to reach the address; what is told of why it could not be. */
  readonly reach: (address: string) => Promise<string>
}

const asked = (framework: Framework): Way => ({
  name: `endpoint of ${framework}, asked`,
  reach: async (address) => {
    const { failure } = await Effect.runPromise(agents.ask(framework, address, { view: { connection } }))
    expect(failure?.code).toMatch(/^Agent(?:EgressRefused|SettingsInvalid)$/)
    return failure!.detail
  },
})
const checked = (framework: Framework): Way => ({
  name: `endpoint of ${framework}, checked`,
  reach: async (address) => {
    const health = await Effect.runPromise(agents.check(framework, address, { view: { connection } }))
    expect(health.status).toBe("unhealthy")
    return health.detail!
  },
})

/** A good card that names a bad address. */
const byCard = (protocolBinding: string, protocolVersion: string): Way => ({
  name: `address in a card, ${protocolBinding} ${protocolVersion}`,
  reach: async (address) => {
    const one = { url: address, protocolBinding, protocolVersion, tenant: "" }
    const card = { name: "x", capabilities: { streaming: true }, skills: [], supportedInterfaces: [one] }
    good.answer = ({ method }, response) => json(response, method === "GET" ? 200 : 500, card)
    return asked("a2a").reach(`http://good.example:${goodPort}/`)
  },
})

const task = {
  task: "t1",
  agent: "a",
  openedWith: "a",
  owner: "ann",
  context: "c",
  status: "working",
  statusAt: 0,
  messages: [],
  answers: [],
  characters: 0,
  restarts: 0,
  tokens: 0,
  createdAt: 0,
  updatedAt: 0,
  revision: 1,
  turn: 1,
  turnStart: 0,
  events: [],
} as unknown as TaskView

const reported: Way = {
  name: "receiver of a task's changes",
  reach: async (url) => {
    const { secrets, ...platform } = scriptedPlatform()
    const receiver = { url, token: "t0ken", credentials: credential }
    const push = sealReceiver(secrets, { tenant: "t", task: "t1" }, { id: "p", version: "1.0", receiver })
    const output = await Effect.runPromise(
      Effect.gen(function* () {
        const engine = yield* EngineAccess.make
        yield* engine.fill({ ask: () => Effect.succeed(task) } as unknown as EngineShape)
        const access = yield* PlatformAccess.make
        yield* access.fill({ ...platform, secrets, egress: agents.egress })
        return yield* deliver(
          { push, task: "t1", n: 1, attempt: 1 },
          { self: { tenant: "t", kind: "task", key: "t1" } },
        ).pipe(Effect.provideService(EngineAccess, engine), Effect.provideService(PlatformAccess, access))
      }),
    )
    expect(output).toMatchObject({ delivered: false, final: true })
    return output.detail!
  },
}

const ways: ReadonlyArray<Way> = [
  ...remote.map(asked),
  ...remote.map(checked),
  byCard("JSONRPC", "1.0"),
  byCard("JSONRPC", "0.3"),
  byCard("HTTP+JSON", "1.0"),
  reported,
]

/** `PORT` is where something inside listens. */
const detours: ReadonlyArray<string> = [
  "http://127.0.0.1:PORT/",
  "http://127.1:PORT/",
  "http://2130706433:PORT/",
  "http://0x7f000001:PORT/",
  "http://0x7f.0.0.1:PORT/",
  "http://0177.0.0.1:PORT/",
  "http://017700000001:PORT/",
  "http://127.0.0.1.:PORT/",
  "http://①②⑦.⓪.⓪.①:PORT/",
  "http://%31%32%37.0.0.1:PORT/",
  "http://0:PORT/",
  "http://0.0.0.0:PORT/",
  "http://[::]:PORT/",
  "http://[::1]:PORT/",
  "http://[0:0:0:0:0:0:0:1]:PORT/",
  "http://[::ffff:127.0.0.1]:PORT/",
  "http://[::ffff:7f00:1]:PORT/",
  "http://[::127.0.0.1]:PORT/",
  "http://[64:ff9b::127.0.0.1]:PORT/",
  "http://[64:ff9b:1::7f00:1]:PORT/",
  "http://[2002:7f00:1::]:PORT/",
  "http://[2001:0:7f00:1::]:PORT/",
  "http://[fe80::1]:PORT/",
  "http://[fd00::1]:PORT/",
  "http://[fec0::1]:PORT/",
  "http://localhost:PORT/",
  "http://LOCALHOST:PORT/",
  "http://localhost.:PORT/",
  "http://any.localhost:PORT/",
  "http://loop.example:PORT/",
  "http://mapped.example:PORT/",
  "http://mixed.example:PORT/",
  "http://private.example/",
  "http://10.0.0.1/",
  "http://172.16.0.1/",
  "http://192.168.1.1/",
  "http://100.64.0.1/",
  "http://198.18.0.1/",
  "http://224.0.0.1/",
  "http://255.255.255.255/",
  "http://169.254.169.254/latest/meta-data/",
  "http://[::ffff:169.254.169.254]/",
  "http://2852039166/",
  "http://metadata.example/",
  "http://168.63.129.16/",
  "http://100.100.100.200/",
  "http://[fd00:ec2::254]/",
  // The allowed host, on a port that nobody allowed.
  "http://good.example:PORT/",
  "https://ann:pw@127.0.0.1:PORT/",
  "http://good.example@127.0.0.1:PORT/",
  "http://127.0.0.1:PORT\\@good.example/",
  "file:///etc/passwd",
  "gopher://127.0.0.1:PORT/_GET",
  "ftp://127.0.0.1:PORT/",
  "data:application/json,{}",
  "unix:/var/run/docker.sock",
  "javascript:fetch('http://127.0.0.1')",
]

describe.each(ways)("the $name", ({ reach }) => {
  it.each(detours)("does not lead to %s", async (detour) => {
    const told = await reach(detour.replace("PORT", String(insidePort)))
    expect(told.length).toBeGreaterThan(10)
    expect(told).not.toContain(credential)
    expect(connections).toBe(0)
  })
})

const destinations = [
  "http://127.0.0.1:PORT/",
  "http://[::ffff:127.0.0.1]:PORT/",
  "http://loop.example:PORT/",
  "http://169.254.169.254/",
  "//127.0.0.1:PORT/",
  "http://ann:pw@good.example/",
  "file:///etc/passwd",
]

describe.each(ways.filter(({ name }) => !name.startsWith("address in a card")))(
  "a redirect of the $name",
  ({ reach }) => {
    it.each(destinations)("does not lead to %s", async (to) => {
      for (const status of [301, 302, 303, 307, 308]) {
        const location = to.replace("PORT", String(insidePort))
        good.answer = (_, response) => void response.writeHead(status, { location }).end()
        await reach(`http://good.example:${goodPort}/`)
      }
      expect(connections).toBe(0)
    })
  },
)

describe("an agent's credential", () => {
  it.each(remote)("does not go along when an agent of %s redirects to another origin", async (framework) => {
    for (const credentialHeader of ["authorization", "x-agent-key"]) {
      good.answer = ({ headers }, response) =>
        headers.host === `good.example:${goodPort}`
          ? void response.writeHead(307, { location: `http://other.example:${goodPort}/there` }).end()
          : json(response, 500, {})
      const before = good.asked.length
      const view = { connection: { ...connection, credentialHeader } }
      await Effect.runPromise(agents.ask(framework, `http://good.example:${goodPort}/`, { view }))
      const [first, second] = good.asked.slice(before)
      expect(JSON.stringify(first!.headers)).toContain(credential)
      expect(second!.headers.host).toBe(`other.example:${goodPort}`)
      expect(JSON.stringify(second!.headers)).not.toContain(credential)
    }
  })
})

describe("a name", () => {
  it.each(remote)(
    "that led outside when an agent of %s was checked is looked at again when it is asked",
    async (framework) => {
      await agents.stop()
      agents = await remoteAgents({ allow: "127.0.0.1", resolve })
      good.answer = (_, response) => void response.writeHead(204, { connection: "close" }).end()
      const endpoint = `http://changing.example:${goodPort}/`
      names = { "changing.example": ["127.0.0.1"] }
      expect(await Effect.runPromise(agents.check(framework, endpoint))).toMatchObject({ status: "healthy" })
      names = { "changing.example": ["10.0.0.7"] }
      const told = await asked(framework).reach(endpoint)
      expect(told).toContain("changing.example")
    },
  )

  it.each(remote)("does not tell through an agent of %s what it leads to inside", async (framework) => {
    for (const way of [asked(framework), checked(framework)]) {
      const told = await way.reach("http://private.example/")
      expect(told).toContain("EGRESS_ALLOW=private.example:80")
      expect(told).not.toContain("10.0.0.7")
    }
  })
})
