/** The page on metrics: its recipes are run as they stand there. */
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ingestEndpoints } from "../../schemas/index.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { storedSamples } from "../support/stored-samples.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
}, 120_000)
afterAll(() => node?.stop())

describe("the page on metrics", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/metrics-in.md"), "utf8")
  const blocks = (language: string) =>
    Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms")), ([, text = ""]) => text)

  it("has recipes that do what they say", async () => {
    const [prometheus = "", rule = ""] = blocks("yaml")
    expect(prometheus).toContain(ingestEndpoints.remoteWrite.path)
    const headers = { "content-type": "application/yaml" }
    const saved = await node.request("PUT", "/api/cep/rules/load", { body: rule, headers })
    expect(saved.status).toBe(201)
    const { stdout } = await promisify(execFile)(
      "bash",
      ["-euo", "pipefail", "-c", blocks("sh").join("\n")],
      {
        env: { ...process.env, MILLRACE_URL: node.url },
      },
    )
    expect(stdout).toBe('{"accepted":1}{}{"origin":"https://metrics.example.com","header":"X-Api-Key"}')
    expect(await storedSamples(node, "queue_length")).toMatchObject([
      { labels: { queue: "mail" }, value: 250 },
    ])
    expect(await storedSamples(node, "orders_open")).toMatchObject([
      { labels: { job: "shop", region: "eu" }, value: 12 },
    ])
    await node.request("DELETE", "/api/cep/rules/load")
  })
})
