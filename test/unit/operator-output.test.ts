/** What the command line asks a node, and what it makes of the answers. */
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { treeOf } from "../../actors/index.ts"
import { getJson } from "../../cli/node-http.ts"
import { renderTable, renderTree } from "../../cli/render.ts"
import { type Health, renderHealth } from "../../cli/status.ts"
import { fromNode } from "../../cli/traces.ts"
import type { Span } from "../../schemas/index.ts"

const span = (spanId: string, parentId: string | undefined, name: string, ms: number): Span => ({
  traceId: "t",
  spanId,
  ...(parentId === undefined ? {} : { parentId }),
  name,
  kind: "internal",
  service: "gateway",
  startMs: Number.parseInt(spanId, 36),
  endMs: Number.parseInt(spanId, 36) + ms,
  status: "ok",
  attributes: {},
  tenant: "acme",
})

const tree = treeOf(
  "t",
  [
    span("1", undefined, "request", 20),
    span("2", "1", "session", 5),
    span("3", "2", "agent", 1),
    span("4", "1", "answer", 2),
  ],
  { depthMax: 9, truncated: false },
)!

/** A home with the file of a node that answers these paths, and what it was asked. */
const nodeAnswering = (answers: Readonly<Record<string, unknown>>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const asked: Array<string> = []
      const server = createServer((request, response) => {
        asked.push(`${request.headers.authorization} ${request.url}`)
        const answer = answers[new URL(request.url!, "http://node").pathname]
        response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" })
        response.end(JSON.stringify(answer ?? {}))
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      const home = await mkdtemp(join(tmpdir(), "millrace-home-"))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      await writeFile(join(home, "node.json"), JSON.stringify({ url, token: "token" }))
      return { asked, home, environment: { MILLRACE_HOME: home }, server }
    }),
    ({ server, home }) =>
      Effect.promise(async () => {
        server.close()
        await rm(home, { recursive: true })
      }),
  )

describe("what the operator sees", () => {
  it("is a tree with its durations in line", () => {
    const lines = renderTree(tree).split("\n")
    expect(lines.slice(1).map((line) => line.trimEnd())).toEqual([
      "span         service  time     status",
      "request      gateway  20.0 ms  ok",
      "├─ session   gateway  5.0 ms   ok",
      "│  └─ agent  gateway  1.0 ms   ok",
      "└─ answer    gateway  2.0 ms   ok",
    ])
  })

  it("is health with a table for each list", () => {
    const health: Health = {
      status: "degraded",
      components: {
        nats: { status: "healthy", connected: true, durability: { replicas: 1 } },
        projections: {
          status: "degraded",
          lag: 3,
          sources: [{ source: "journal/0", last: 7, behind: true }],
        },
      },
    }
    const text = renderHealth(health)
    expect(text).toContain("overall: degraded")
    expect(text).toContain("projections  degraded  lag 3")
    expect(text).toContain(renderTable(["source", "last", "behind"], [["journal/0", "7", "true"]]))
  })

  it.live("comes from the node with its operator's token, and from nowhere when it knows nothing", () =>
    Effect.gen(function* () {
      const { asked, environment } = yield* nodeAnswering({ "/api/tracing/traces/t": tree })
      expect(yield* fromNode("t", environment)).toEqual(tree)
      expect(asked).toEqual(["Bearer token /api/tracing/traces/t?wait_ms=2000"])
      expect(yield* fromNode("unknown", environment)).toBeUndefined()
      expect((yield* Effect.flip(getJson("/health", environment))).reason).toContain("404")
      const nowhere = { MILLRACE_HOME: "/nonexistent" }
      expect((yield* Effect.flip(getJson("/health", nowhere))).reason).toContain("no node.json")
    }),
  )
})
