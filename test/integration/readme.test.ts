/** The README's recipes, run as they stand there, in the order in which a reader pastes them, against a whole node. */
import { execFile } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { testNatsServer } from "../support/nats.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

const project = join(import.meta.dirname, "../..")
/** What ends a stream that is cut by its reader. */
const curlTimeOut = "28"

let node: TestNode
let folder: string
let environment: NodeJS.ProcessEnv

/** A folder as a reader has it: the project, with a node's `.millrace`. */
const makeFolder = async () => {
  const made = await mkdtemp(join(tmpdir(), "millrace-readme-"))
  for (const name of await readdir(project))
    if (name !== ".millrace") await symlink(join(project, name), join(made, name))
  await symlink(node.home, join(made, ".millrace"))
  return made
}

beforeAll(async () => {
  const nats = await testNatsServer()
  const { user = "", pass = "" } = nats.connection
  const onNats = { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: pass }
  // The recipes are to work within the limits that a node has by itself.
  node = await startTestNode({ ...onNats, MILLRACE_RATE_LIMITS: "" })
  folder = await makeFolder()
  environment = { ...process.env, ...onNats, MILLRACE_HOME: "", NATS_NAMESPACE: "" }
})
afterAll(async () => {
  await node.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Recipe {
  readonly title: string
  readonly lines: string
}

/** The first has no title: it is what all of them need. */
const readRecipes = async (): Promise<ReadonlyArray<Recipe>> => {
  const readme = await readFile(join(project, "README.md"), "utf8")
  const [, section = ""] = /^## Ten recipes$(.*?)^## /ms.exec(readme) ?? []
  return Array.from(
    section.matchAll(/(?:\*\*(\d+\. [^*]+)\*\*(?:(?!```).)*?)?```sh\n(.*?)```/gs),
    (found) => ({
      title: found[1] ?? "",
      lines: found[2] ?? "",
    }),
  )
}

/** Commands that failed, inside of functions too, are told on a channel of their own. */
const trap = `exec 3> failed; set -E -o pipefail; trap 'echo "$? $BASH_COMMAND" >&3' ERR`
const mark = "=== recipe "

/** What each recipe has to show. */
const shown = [
  /"status":"healthy".*\noverall|"status":"healthy".*part/s,
  /"status":"answered"/,
  /"type":"agent_transfer".*"type":"end".*id: 3\n/s,
  /"alerts":\[\{.*"status":"raised"/,
  /"_tag":"Granted".*\n.*"_tag":"Granted"/,
  /"trace_id".*trace \w{32}: \d+ spans.*default\/lock\/nightly.*"owner": "job".*no dead letters/s,
  /username: 'kim'.*"department":"AI".*403/s,
  /ratelimit: "read";r=\d+;t=\d+/i,
  /"grantee_type":"GROUP".*This is the offline model.*token by token/s,
  / 'developer' .*valid: true.*llm_usage: \{ \w/s,
]

describe("the README", () => {
  it("has ten recipes, and each does what it says", async () => {
    const [preparation, ...recipes] = await readRecipes()
    expect(recipes.map(({ title }) => Number.parseInt(title, 10))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    const blocks = recipes.map(({ lines }, index) => `echo; echo "${mark}${index + 1}"\n${lines}`)
    const script = [trap, preparation!.lines, ...blocks].join("\n")
    const { stdout } = await promisify(execFile)("bash", ["-c", script], {
      cwd: folder,
      env: environment,
      maxBuffer: 16 * 1024 * 1024,
    })
    const [, ...answers] = stdout.split(mark)
    for (const [index, pattern] of shown.entries()) expect(answers[index]).toMatch(pattern)
    expect(stdout).not.toMatch(/"error":|"error_code"/)
    const failed = (await readFile(join(folder, "failed"), "utf8")).split("\n")
    const unexpected = failed.filter((line) => line !== "" && !line.startsWith(`${curlTimeOut} curl`))
    expect(unexpected).toEqual([])
  }, 120_000)
})
