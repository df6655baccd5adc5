/** `npm start` as a person runs it: ready, answering, stopped by Ctrl-C without a trace of a process, and back with its data. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type NodeFile, readNodeFile } from "../../gateway/index.ts"
import { natsServerVersions } from "../../resources/index.ts"
import { binaryCache, obtainTestBinary } from "../support/nats.ts"

const project = join(import.meta.dirname, "../..")
const environment = { ...process.env, NATS_URL: "", DATABASE_URL: "", NODE_ENV: "" }
let home: string
const started = new Set<ChildProcess>()

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "millrace-start-"))
  // What a first start downloads is not what is tested here.
  await obtainTestBinary(natsServerVersions.newest)
  await mkdir(join(home, "bin"))
  const binary = `nats-server-${natsServerVersions.newest}`
  await cp(join(binaryCache, binary), join(home, "bin", binary), { recursive: true })
})
afterEach(() => {
  for (const child of started) child.kill("SIGKILL")
  started.clear()
})
afterAll(() => rm(home, { recursive: true, force: true }))

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  /** What the process ends with; `null` after a signal. */
  readonly exit: Promise<number | null>
}

/** The process itself, as the script runs it: npm would stand between us and its exit code. */
const start = (more: NodeJS.ProcessEnv): Started => {
  const child = spawn(join(project, "node_modules/.bin/node"), ["main.ts"], {
    cwd: project,
    env: { ...environment, MILLRACE_HOME: home, MILLRACE_LOG_FORMAT: "console", ...more },
    stdio: ["ignore", "pipe", "pipe"],
  })
  started.add(child)
  let output = ""
  child.stdout!.on("data", (text) => {
    output += text
  })
  child.stderr!.on("data", (text) => {
    output += text
  })
  return { child, output: () => output, exit: once(child, "close").then(([code]) => code as number | null) }
}

const ready = async (node: Started): Promise<NodeFile> => {
  const ended = node.exit.then((code) => {
    throw new Error(`ended with ${code}:\n${node.output()}`)
  })
  const said = expect.poll(node.output, { timeout: 60_000, interval: 50 }).toContain("is ready")
  await Promise.race([said, ended])
  return (await readNodeFile(home))!
}

/** Processes whose command line names the node's home: its server, its watcher, its database. */
const leftovers = () =>
  execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(home) && !line.includes("ps -eo"))

const call = async (node: NodeFile, method: string, path: string, body?: unknown) => {
  const response = await fetch(node.url + path, {
    method,
    headers: { authorization: `Bearer ${node.apiKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  expect(response.ok).toBe(true)
  return response
}

describe("npm start", () => {
  it("runs the main job, stops with Ctrl-C and finds all data again", async () => {
    const first = start({ PORT: "0" })
    const node = await ready(first)
    expect(first.output()).toContain(node.url)
    const ask = { question: "what is the CPU usage now" }
    const answer = await (await call(node, "POST", "/api/ops/questions", ask)).json()
    expect(answer).toMatchObject({ status: "answered" })
    const opened = await call(node, "POST", "/api/chat/sessions/", { agent_id: "guide", title: "kept" })
    const { session_id } = (await opened.json()) as { session_id: string }
    const messages = `/api/chat/sessions/${session_id}/messages/`
    await (await call(node, "POST", messages, { content: "what can you do" })).text()
    const before = await (await call(node, "GET", messages)).json()
    expect(before).toMatchObject({ total: 2, title: "kept" })

    first.child.kill("SIGINT")
    expect(await first.exit).toBe(0)
    expect(leftovers()).toEqual([])

    const second = start({ PORT: "0" })
    const again = await ready(second)
    expect(again.apiKey).toBe(node.apiKey)
    expect(await (await call(again, "GET", messages)).json()).toEqual(before)
    second.child.kill("SIGTERM")
    expect(await second.exit).toBe(0)
    expect(leftovers()).toEqual([])
  }, 180_000)

  it("says in one line that its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    const { port } = other.address() as { port: number }
    const node = start({ PORT: String(port) })
    expect(await node.exit).toBe(1)
    expect(node.output()).toMatch(
      new RegExp(
        `^millrace: The gateway cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use.*$`,
        "m",
      ),
    )
    expect(leftovers()).toEqual([])
    other.close()
  }, 120_000)

  it("speaks in lines of JSON to whoever collects them, and tells them no key", async () => {
    const node = start({ PORT: "0", MILLRACE_LOG_FORMAT: "json" })
    const { apiKey } = await ready(node)
    node.child.kill("SIGINT")
    expect(await node.exit).toBe(0)
    const lines = node.output().trimEnd().split("\n")
    expect(lines.map((line) => JSON.parse(line).level)).not.toContain(undefined)
    expect(node.output()).not.toContain(apiKey)
    expect(leftovers()).toEqual([])
  }, 120_000)

  it.each([
    [{ PORT: "http" }, "PORT=http: expected a whole number from 0 to 65535"],
    [{ MILLRACE_SYNC: "never" }, "MILLRACE_SYNC=never: expected always or default"],
    [{ NODE_ENV: "production" }, "OIDC_ISSUER=: expected the address of an identity provider"],
  ])("refuses %j by name", async (setting, line) => {
    const node = start(setting)
    expect(await node.exit).toBe(1)
    expect(node.output()).toContain(`millrace: ${line}`)
    expect(leftovers()).toEqual([])
  })
})
