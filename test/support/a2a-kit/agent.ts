/**
 * The agent that the A2A compatibility kit expects: one that speaks the public protocol, 1.0 over JSON-RPC, and does what
 * the kit's `scenarios/` say for the word `tck-…` in a message. How the kit is run against it: docs/a2a.md.
 *
 *     node test/support/a2a-kit/agent.ts 18100 [ask]
 */
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as pause } from "node:timers/promises"

/** What is said to a message without a scenario: the kit for 0.3 wants an agent that asks back. */
export type Otherwise = "complete" | "ask"

/** The kit subscribes meanwhile. */
const resubscribeMs = 6_000
const chunkMs = 50

type Part = Readonly<Record<string, unknown>>
interface Answering {
  readonly artifact: (parts: ReadonlyArray<Part>, more?: object) => void
  /** The task's last status. */
  readonly end: (state: string, words?: string) => void
}
type Scenario = (answering: Answering) => void | Promise<void>

const text = (words: string): Part => ({ text: words, mediaType: "text/plain" })
const output = { filename: "output.txt", mediaType: "text/plain" }
const file: Part = { raw: Buffer.from("x").toString("base64"), ...output }
const last = { append: true, lastChunk: true }

const gives =
  (...parts: ReadonlyArray<Part>): Scenario =>
  ({ artifact, end }) => {
    artifact(parts)
    end("COMPLETED")
  }
const inTwo =
  (first: string, ms: number, second: string): Scenario =>
  async ({ artifact, end }) => {
    artifact([text(first)])
    await pause(ms)
    artifact([text(second)], last)
    end("COMPLETED")
  }
const asksBack: Scenario = ({ end }) => end("INPUT_REQUIRED", "What else?")

const resubscribe = "test-resubscribe"
/** By how the word begins; the first one that fits. */
const scenarios: ReadonlyArray<readonly [beginning: string, scenario: Scenario]> = [
  [resubscribe, inTwo("working on it ", resubscribeMs, "done")],
  ["tck-input-required", asksBack],
  ["tck-reject-task", ({ end }) => end("REJECTED", "rejected")],
  ["tck-stream-artifact-chunked", inTwo("chunk-1 ", chunkMs, "chunk-2")],
  ["tck-stream-artifact-file", gives(file)],
  ["tck-stream-artifact-text", gives(text("Streamed text content"))],
  ["tck-stream-003", gives(text("Stream task lifecycle"))],
  ["tck-stream-ordering", gives(text("Ordered output"))],
  ["tck-stream", gives(text("Stream hello from TCK"))],
  ["tck-artifact-data", gives({ data: { key: "value", count: 42 }, mediaType: "application/json" })],
  ["tck-artifact-text", gives(text("Generated text content"))],
  ["tck-artifact-file-url", gives({ url: "https://example.com/output.txt", ...output })],
  ["tck-artifact-file", gives(file)],
]

const scenarioFor = (said: string, otherwise: Otherwise): Scenario => {
  const word = said.match(/(?:tck-|test-resubscribe)[a-z0-9-]*/)?.[0] ?? ""
  // The kit for 0.3 has no scenarios but this one.
  const known = otherwise === "ask" ? scenarios.slice(0, 1) : scenarios
  const [, scenario] = known.find(([beginning]) => word.startsWith(beginning)) ?? []
  return scenario ?? (otherwise === "ask" ? asksBack : gives(text("Hello from TCK")))
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const piece of request.setEncoding("utf8")) body += piece
  return body
}

const cardOf = (url: string) => ({
  name: "kit",
  description: "What the compatibility kit's scenarios say.",
  version: "1",
  supportedInterfaces: [{ url, protocolBinding: "JSONRPC", protocolVersion: "1.0" }],
  capabilities: { streaming: true },
  defaultInputModes: ["text/plain"],
  defaultOutputModes: ["text/plain"],
  skills: [],
})

interface Call {
  readonly id: unknown
  readonly method: string
  readonly params: {
    readonly message: {
      readonly contextId?: string
      readonly parts: ReadonlyArray<{ readonly text?: string }>
    }
  }
}

export interface KitAgent {
  /** Its base, below which its card is. */
  readonly url: string
  readonly stop: () => Promise<void>
}

/** `port` 0: any. */
export const startKitAgent = async (port: number, otherwise: Otherwise): Promise<KitAgent> => {
  let tasks = 0
  const server = createServer(async (request, response) => {
    const json = (body: unknown) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
    if (request.method !== "POST") return void json(cardOf(url))
    const { id, method, params } = JSON.parse(await bodyOf(request)) as Call
    const answer = (answered: object) => ({ jsonrpc: "2.0", id, ...answered })
    if (method !== "SendStreamingMessage")
      return void json(answer({ error: { code: -32_601, message: "This agent only streams." } }))
    const { parts, contextId = "" } = params.message
    const taskId = `task-${++tasks}`
    const of = { taskId, contextId }
    response.writeHead(200, { "content-type": "text/event-stream" })
    const send = (result: object) => response.write(`data: ${JSON.stringify(answer({ result }))}\n\n`)
    send({ task: { id: taskId, contextId, status: { state: "TASK_STATE_WORKING" } } })
    const said = parts.map(({ text = "" }) => text).join(" ")
    await scenarioFor(
      said,
      otherwise,
    )({
      artifact: (parts, more = {}) =>
        send({ artifactUpdate: { ...of, artifact: { artifactId: "output", parts }, ...more } }),
      end: (state, words) => {
        const message = { messageId: `${taskId}-end`, role: "ROLE_AGENT", parts: [text(words ?? "")] }
        const status = { state: `TASK_STATE_${state}`, ...(words === undefined ? {} : { message }) }
        send({ statusUpdate: { ...of, status } })
        response.end()
      },
    })
  })
  await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    url,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped())
        server.closeAllConnections()
      }),
  }
}

if (import.meta.main) {
  const [port, otherwise] = process.argv.slice(2)
  const { url } = await startKitAgent(Number(port ?? 0), otherwise === "ask" ? "ask" : "complete")
  process.stdout.write(`${url}\n`)
}
