/** The node and the bare handler that are measured, each in a process of its own that ends with the measurement. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

const root = join(import.meta.dirname, "../..")

export interface Measured {
  readonly port: number
  readonly pid: number
  readonly stop: () => Promise<void>
}

export interface MeasuredNode extends Measured {
  readonly url: string
  readonly apiKey: string
}

/** Waits for the first line of its output that tells what is needed. */
const start = async (
  args: ReadonlyArray<string>,
  environment: NodeJS.ProcessEnv,
  tells: (line: string) => boolean,
) => {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  })
  const stop = async () => {
    if (child.exitCode !== null) return
    child.kill("SIGTERM")
    await once(child, "exit")
  }
  for await (const line of createInterface({ input: child.stdout }))
    if (tells(line)) return { line, child, stop }
  throw new Error(`${args[0]} ended before it was ready`)
}

export const bareHandler = async (
  body: string,
  headers?: Readonly<Record<string, string>>,
): Promise<Measured> => {
  const more = headers === undefined ? [] : [JSON.stringify(headers)]
  const { line, child, stop } = await start(["bench/gateway/bare-handler.ts", body, ...more], {}, (text) =>
    /^\d+$/.test(text),
  )
  child.stdout.resume()
  return { port: Number(line), pid: child.pid!, stop }
}

export const node = async (): Promise<MeasuredNode> => {
  const home = await mkdtemp(join(tmpdir(), "millrace-bench-gateway-"))
  const environment = {
    MILLRACE_HOME: home,
    PORT: "0",
    // High enough that no limit is met; they are counted all the same.
    MILLRACE_RATE_LIMITS:
      "read=100000000/60,write=100000000/60,batch=100000000/60,anonymous=100000000/60,login=100000000/60",
    MILLRACE_STORAGE_GIB: "2",
    PATH: `${join(root, ".millrace/bin")}:${process.env.PATH}`,
  }
  const { child, stop } = await start(
    ["--max-semi-space-size=64", "--no-allocation-site-pretenuring", "main.ts"],
    environment,
    (line) => line.includes("Millrace is ready"),
  )
  child.stdout.resume()
  const { url, apiKey } = JSON.parse(await readFile(join(home, "node.json"), "utf8")) as {
    readonly url: string
    readonly apiKey: string
  }
  return {
    url,
    apiKey,
    port: Number(new URL(url).port),
    pid: child.pid!,
    stop: async () => {
      await stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}
