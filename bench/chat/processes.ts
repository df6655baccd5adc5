/** The processes that take part, each of its own: node, provider, bare server and clients. They end with the measurement. */
import { type ChildProcess, fork, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Order } from "./load.ts"

const root = join(import.meta.dirname, "../..")
const children = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL")
})

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
  children.add(child)
  for await (const line of createInterface({ input: child.stdout })) {
    if (!tells(line)) continue
    child.stdout.resume()
    return { line, child }
  }
  throw new Error(`${args.join(" ")} ended before it was ready`)
}

const stop = async (child: ChildProcess) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill("SIGTERM")
  await once(child, "exit")
}

export interface Usage {
  /** Processor time, in milliseconds. */
  readonly cpuMs: number
  readonly rssMiB: number
}

/** Linux counts processor time in hundredths of a second, and memory in pages of 4 KiB. */
export const usageOf = (pid: number): Usage => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1])
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, rssMiB: pages / 256 }
}

/** How many files this process may have open: a socket is one. */
export const openFilesMax = (): number => {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))
  return Number(line?.[1] ?? 0)
}

export const startStub = async (ports: number): Promise<ReadonlyArray<number>> => {
  const { line } = await start(["bench/chat/stub.ts", String(ports)], {}, (text) => text.startsWith("["))
  return JSON.parse(line) as ReadonlyArray<number>
}

export const startCeiling = async () => {
  const { line, child } = await start(["bench/chat/ceiling.ts"], {}, (text) => /^\d+$/.test(text))
  return { url: `ws://127.0.0.1:${line}`, pid: child.pid!, stop: () => stop(child) }
}

export interface MeasuredNode {
  readonly url: string
  readonly apiKey: string
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** `profile`: a directory for a processor profile of the node. */
export const startNode = async (profile: string | undefined): Promise<MeasuredNode> => {
  const home = await mkdtemp(join(tmpdir(), "millrace-bench-chat-"))
  const environment = {
    MILLRACE_HOME: home,
    PORT: "0",
    EGRESS_ALLOW: "127.0.0.1",
    // All come from one address, and one person opens a thousand streams: more than people do in a minute.
    MILLRACE_RATE_LIMITS:
      "login=100000/60,anonymous=100000/60,stream=100000/60,write=100000/60,model-call=100000/60",
    MILLRACE_STORAGE_GIB: "4",
    PATH: `${join(root, ".millrace/bin")}:${process.env.PATH}`,
  }
  const { child } = await start(
    [
      "--max-semi-space-size=64",
      "--no-allocation-site-pretenuring",
      ...(profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]),
      "main.ts",
    ],
    environment,
    (line) => line.includes("Millrace is ready"),
  )
  const { url, apiKey } = JSON.parse(await readFile(join(home, "node.json"), "utf8")) as {
    readonly url: string
    readonly apiKey: string
  }
  return {
    url,
    apiKey,
    pid: child.pid!,
    stop: async () => {
      await stop(child)
      await rm(home, { recursive: true, force: true })
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: figures, printed as they come
export type Figures = Record<string, any>

/** The process of all clients. */
export const startLoad = () => {
  const child = fork(join(import.meta.dirname, "load.ts"), { execArgv: ["--max-semi-space-size=64"] })
  children.add(child)
  return {
    order: async (order: Order): Promise<Figures> => {
      const answered = once(child, "message")
      child.send(order)
      const [figures] = (await answered) as [Figures]
      if (figures.failed !== undefined) throw new Error(`${order.do}: ${figures.failed}`)
      return figures
    },
    stop: () => stop(child),
  }
}
