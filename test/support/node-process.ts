/** A whole node as a process of its own, as `npm start` runs it, to be killed without a farewell. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { readNodeFile } from "../../gateway/index.ts"

const project = join(import.meta.dirname, "../..")

export interface NodeProcess {
  readonly url: string
  /** A credential of the development user. */
  readonly token: string
  /** Ends it at once, and waits until it is gone. */
  readonly kill: () => Promise<void>
}

const ready = async (child: ChildProcess): Promise<void> => {
  const said: Array<string> = []
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (text) => said.push(String(text)))
  for await (const line of createInterface({ input: child.stdout! })) if (line.includes("is ready")) return
  throw new Error(`the node ended before it was ready:\n${said.join("")}`)
}

/** `more`: settings by the names of their variables. On the same home it is the same node again. */
export const startNodeProcess = async (
  home: string,
  more: Readonly<Record<string, string>>,
): Promise<NodeProcess> => {
  const child = spawn(join(project, "node_modules/.bin/node"), ["main.ts"], {
    cwd: project,
    env: {
      ...process.env,
      NODE_ENV: "",
      MILLRACE_HOME: home,
      MILLRACE_LOG_FORMAT: "console",
      MILLRACE_STORAGE_GIB: "1",
      MILLRACE_RATE_LIMITS: "off",
      PORT: "0",
      ...more,
    },
    stdio: ["ignore", "pipe", "pipe"],
  })
  await ready(child)
  const { url, apiKey } = (await readNodeFile(home))!
  return {
    url,
    token: apiKey,
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill("SIGKILL")
      await once(child, "exit")
    },
  }
}
