/**
 * The recipes of the README and of the page after it, run as they stand there, in the order in which a reader pastes
 * them, against a whole node.
 */
import { execFile } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { testNatsServer } from "../support/nats.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

const project = join(import.meta.dirname, "../..")
/** What ends a stream that is cut by its reader. */
const curlTimeOut = "28"
/** What the recipes' own servers listen on; here it is whichever port is free. */
const portInRecipes = "8100"

let node: TestNode
let port: string
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

const freePort = () =>
  new Promise<string>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(String(port)))
    })
  })

beforeAll(async () => {
  port = await freePort()
  const nats = await testNatsServer()
  const { user = "", pass = "" } = nats.connection
  const onNats = { NATS_URL: nats.url, NATS_USER: user, NATS_PASSWORD: pass }
  // The recipes are to work within the limits that a node has by itself.
  const asTold = { EGRESS_ALLOW: `127.0.0.1:${port}`, MILLRACE_RATE_LIMITS: "" }
  node = await startTestNode({ ...onNats, ...asTold })
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

/** Of the README the first has no title: it is what all of them need. */
const recipesIn = (text: string): ReadonlyArray<Recipe> =>
  Array.from(text.matchAll(/(?:\*\*(\d+\. [^*]+)\*\*(?:(?!```).)*?)?```sh\n(.*?)```/gs), (found) => ({
    title: found[1] ?? "",
    lines: found[2] ?? "",
  }))

const readRecipes = async () => {
  const readme = await readFile(join(project, "README.md"), "utf8")
  const [, section = ""] = /^## Ten recipes$(.*?)^## /ms.exec(readme) ?? []
  const [preparation, ...ten] = recipesIn(section)
  const further = recipesIn(await readFile(join(project, "docs/recipes.md"), "utf8"))
  return { preparation: preparation!.lines, ten, further }
}

const numbersOf = (recipes: ReadonlyArray<Recipe>) => recipes.map(({ title }) => Number.parseInt(title, 10))
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

/** Commands that failed, inside of functions too, are told on a channel of their own. */
const trap = `exec 3> failed; set -E -o pipefail; trap 'echo "$? $BASH_COMMAND" >&3' ERR`
const mark = "=== recipe "

/** What each recipe has to show. */
const shownByTen = [
  /"status":"healthy".*\npart .*"status":"answered"/s,
  /told: firing mail: 250 wait.*told: resolved mail: 20 wait.*resolved_at: .*short by 80.*"keeps_state":true/s,
  /\n1\n1\n8\n.*"rule":"break-ins".*"state":"firing".*"users":2/s,
  /"type":"start".*"type":"end".*id: 3\n/s,
  /"type":"agent_transfer".*"to_agent":"assistant".*guide → ops.*assistant → ops.*trace \w{32}: \d+ spans/s,
  /"status":"registered".*PRODUCTION.*agent_id: 'weather'.*It will be sunny in Seoul/s,
  /\/a2a'.*TASK_STATE_COMPLETED.*\[task\] .*I am the guide/s,
  /username: 'kim'.*"department":"AI".*403/s,
  /"mcpServers".*'ask_guide'.*I am the guide/s,
  /"grantee_type":"GROUP".*This is the offline model.*token by token.*I am the guide/s,
]
const shownByFurther = [
  /"_tag":"Granted".*\n.*"_tag":"Granted"/,
  /default\/agent\/guide.*default\/lock\/nightly.*"owner": "job".*no dead letters/s,
  /"title":"alerts of today".*\n1\n.*# alerts of today.*404/s,
  /"name":"Operations".*"state":"completed".*"type":"end".*"health_status"/s,
  /reported: signed.*"outcome":"delivered".*"waiting":0/s,
  /"access_level":"team".*This is the offline model/s,
  / 'developer' .*valid: true.*llm_usage: \{ \w/s,
]

describe("the README and the page after it", () => {
  it("have recipes, ten and some more, and each does what it says", async () => {
    const { preparation, ten, further } = await readRecipes()
    expect(numbersOf(ten)).toEqual(upTo(10))
    expect(numbersOf(further)).toEqual(upTo(shownByFurther.length))
    const blocks = [...ten, ...further].map(({ title, lines }) => `echo; echo "${mark}${title}"\n${lines}`)
    const script = [trap, preparation, ...blocks].join("\n").replaceAll(portInRecipes, port)
    const { stdout } = await promisify(execFile)("bash", ["-c", script], {
      cwd: folder,
      env: environment,
      maxBuffer: 16 * 1024 * 1024,
    })
    const [, ...answers] = stdout.split(mark)
    for (const [index, pattern] of [...shownByTen, ...shownByFurther].entries())
      expect(answers[index]).toMatch(pattern)
    expect(stdout).not.toMatch(/"error":|"error_code"|forged/)
    const failed = (await readFile(join(folder, "failed"), "utf8")).split("\n")
    const unexpected = failed.filter((line) => line !== "" && !line.startsWith(`${curlTimeOut} curl`))
    expect(unexpected).toEqual([])
  }, 120_000)
})
