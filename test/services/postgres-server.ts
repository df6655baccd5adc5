/** One PostgreSQL on a free loopback port, with its data in a directory that goes away with it. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { chown, cp, mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const execute = promisify(execFile)
const startMs = 60_000

export interface PostgresServer {
  readonly url: string
  readonly stop: () => Promise<void>
}

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number }
      server.close(() => resolve(port))
    })
  })

/** PostgreSQL refuses to run as root: there it runs as `nobody`, from files that `nobody` can read. */
const unprivileged = async (): Promise<{ readonly uid?: number; readonly gid?: number }> => {
  if (process.getuid?.() !== 0) return {}
  const idOf = async (flag: string) => Number((await execute("id", [flag, "nobody"])).stdout)
  return { uid: await idOf("-u"), gid: await idOf("-g") }
}

const ready = (server: ChildProcess) =>
  new Promise<void>((resolve, reject) => {
    let said = ""
    const late = setTimeout(
      () => reject(new Error(`PostgreSQL is not ready after ${startMs} ms:\n${said}`)),
      startMs,
    )
    server.stderr!.on("data", (piece: Buffer) => {
      said = `${said}${piece}`.slice(-4_000)
      if (!said.includes("ready to accept connections")) return
      clearTimeout(late)
      resolve()
    })
    server.once("exit", (code) => {
      clearTimeout(late)
      reject(new Error(`PostgreSQL ended with ${code}:\n${said}`))
    })
  })

const ended = (server: ChildProcess) =>
  server.exitCode !== null || server.signalCode !== null
    ? Promise.resolve()
    : new Promise<void>((resolve) => server.once("exit", () => resolve()))

/** Starts the server that stands under `folder` of the installation. */
export const startPostgres = async (installation: string, folder: string): Promise<PostgresServer> => {
  const home = await mkdtemp(join(tmpdir(), "millrace-postgres-"))
  const remove = () => rm(home, { recursive: true, force: true })
  try {
    const user = await unprivileged()
    const software = user.uid === undefined ? installation : join(home, "software")
    if (user.uid !== undefined) {
      await cp(installation, software, { recursive: true, verbatimSymlinks: true })
      await chown(home, user.uid, user.gid!)
    }
    const [data, binaries] = [join(home, "data"), join(software, folder, "bin")]
    const settings = { cwd: home, env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8" }, ...user }
    const layout = [
      "--pgdata",
      data,
      "--username",
      "postgres",
      "--auth",
      "trust",
      "--encoding",
      "UTF8",
      "--no-sync",
    ]
    await execute(join(binaries, "initdb"), layout, settings)
    const port = await freePort()
    const options = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
    const server = spawn(
      join(binaries, "postgres"),
      ["-D", data, ...options.flatMap((option) => ["-c", option])],
      { ...settings, stdio: ["ignore", "ignore", "pipe"] },
    )
    await ready(server)
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      stop: async () => {
        server.kill("SIGINT")
        await ended(server)
        await remove()
      },
    }
  } catch (cause) {
    await remove()
    throw cause
  }
}
