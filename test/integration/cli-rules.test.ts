/** Rules from the command line against a whole node: what is shown to people, and what to programs. */
import { execFile } from "node:child_process"
import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
}, 120_000)
afterAll(() => node?.stop())

const document = (condition: string, more = "") =>
  `name: From a file\ntrigger: { type: metric, metric: cli_length }\ncondition: ${condition}\n${more}`

describe("the command line for rules", () => {
  const run = async (...given: ReadonlyArray<string>): Promise<string> => {
    const command = join(import.meta.dirname, "../../cli/millrace.ts")
    const env = { ...process.env, MILLRACE_HOME: node.home }
    return (await promisify(execFile)(process.execPath, [command, "rules", ...given], { env })).stdout
  }
  const inFile = async <A>(text: string, use: (file: string) => Promise<A>): Promise<A> => {
    const file = join(node.home, "given")
    await writeFile(file, text)
    return use(file).finally(() => rm(file))
  }

  it("shows what an edit would do before it is applied, in a table and as the node says it", async () => {
    await inFile(document("value > 1.0"), (file) => run("apply", "cli", "--file", file))
    const edit = document("value > 2.0")
    expect(await inFile(edit, (file) => run("compare", "cli", "--file", file))).toMatch(
      /^field +effect\ncondition +holds from the next evaluation on[^\n]*\nwindows, partial matches and states are kept\n$/,
    )
    const asJson = await inFile(edit, (file) => run("compare", "cli", "--file", file, "--json"))
    expect(JSON.parse(asJson)).toMatchObject({ changes: true, keeps_state: true, problems: [] })
    expect(await inFile(document("valu > 2.0"), (file) => run("compare", "cli", "-f", file))).toContain(
      "refused: condition: there is no valu",
    )
    expect(await inFile(document("value > 1.0"), (file) => run("compare", "cli", "-f", file))).toBe(
      "the document says the same as the rule's\n",
    )
  }, 60_000)

  it("switches a rule, lists its documents, removes it and brings an older one back", async () => {
    for (const limit of ["1.0", "2.0"])
      await inFile(document(`value > ${limit}`), (file) => run("apply", "kept", "--file", file))
    expect(await run("disable", "kept")).toBe("kept is in version 2, disabled\n")
    expect(await run("enable", "kept")).toBe("kept is in version 2, enabled\n")
    expect(await run("versions", "kept")).toMatch(
      /^version +at +by +restored +name\n2 .*\n1 .*From a file\n$/,
    )
    expect(await run("remove", "kept")).toBe("kept was removed\n")
    expect(await run("restore", "kept", "1")).toBe("kept is in version 3, enabled\n")
    expect(JSON.parse(await run("versions", "kept", "--json"))).toMatchObject({
      versions: [{ version: 3, restored: 1, document: { condition: "value > 1.0" } }, {}, {}],
    })
    await expect(run("remove", "nowhere")).rejects.toMatchObject({ stderr: expect.stringContaining("404") })
  }, 60_000)

  it("tests a rule with samples of a file, and shows how one runs with its groups", async () => {
    await inFile(document("value > 1.0"), (file) => run("apply", "tested", "--file", file))
    const at = Date.parse("2026-01-01T00:00:00Z")
    const samples = [5, 0].map((value, index) => ({ name: "cli_length", value, at: at + index * 60_000 }))
    expect(await inFile(JSON.stringify({ samples }), (file) => run("test", "tested", "--file", file))).toBe(
      [
        "2026-01-01T00:00:00.000Z\tfiring\tcondition\t{}",
        "2026-01-01T00:01:00.000Z\tresolved\tcondition\t{}",
        "2026-01-01T00:00:00.000Z\t2026-01-01T00:01:00.000Z\twarning\t{}",
        "1 firing, 2 items\n",
      ].join("\n"),
    )
    await node.request("POST", "/api/cep/metrics", {
      body: { samples: [{ name: "cli_length", labels: {}, value: 5, at: Date.now() }] },
    })
    await expect.poll(() => run("monitor", "tested"), { timeout: 20_000 }).toMatch(/\{\} +firing /)
    expect(JSON.parse(await run("monitor", "tested", "--json"))).toMatchObject({ rule_id: "tested" })
    const now = new Date().toISOString()
    expect(await run("explain", "tested", "--at", now)).toContain("It fired since")
    expect(await run("explain", "tested", "host=a", "--at", now)).toContain("Nothing that this rule looks at")
  }, 90_000)
})
