/** Real servers of every supported version: what they keep, who may touch them, and who ends them. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest"
import {
  keepNatsServer,
  natsServerVersions,
  type ServerAddress,
  startNatsCluster,
  startNatsServer,
} from "../../resources/index.ts"
import { storeFiles } from "../../resources/nats-server/store-files.ts"
import { contractNatsVersions, obtainTestBinary, testNatsCluster, testNatsServer } from "../support/nats.ts"

const versionNames = await contractNatsVersions()
const nodeBinary = join(import.meta.dirname, "../../node_modules/.bin/node")
const subject = "kept.message"

let storeDir = ""
beforeEach(async () => {
  storeDir = await mkdtemp(join(tmpdir(), "millrace-nats-"))
})
afterEach(() => rm(storeDir, { recursive: true, force: true }))

const optionsFor = async (name: keyof typeof natsServerVersions, directory = storeDir) => {
  const version = natsServerVersions[name]
  const { path: binary } = await obtainTestBinary(version)
  return { binary, version, storeDir: directory, sync: "always" as const }
}

const withClient = async <A>(
  connection: ServerAddress["connection"],
  use: (client: NatsConnection) => Promise<A>,
) => {
  const client = await connect({ ...connection, reconnect: false })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

const publish = (address: Pick<ServerAddress, "connection">, replicas = 1) =>
  withClient(address.connection, async (client) => {
    const manager = await jetstreamManager(client)
    await manager.streams.add({ name: "KEPT", subjects: [subject], num_replicas: replicas })
    await jetstream(client).publish(subject, "kept")
  })

const readBack = (address: Pick<ServerAddress, "connection">) =>
  withClient(address.connection, async (client) => {
    const manager = await jetstreamManager(client)
    return (await manager.streams.getMessage("KEPT", { last_by_subj: subject }))?.string()
  })

const isRunning = (pid: number) =>
  readFile(`/proc/${pid}/stat`, "utf8").then(
    (text) => !/\) Z /.test(text),
    () => false,
  )

/** A launcher in a process group of its own, like one that a terminal started. */
const startLauncher = async (options: { binary: string; version: string; storeDir: string }) => {
  const script = join(import.meta.dirname, "../support/nats-launcher.ts")
  const launcher = spawn(nodeBinary, [script, options.binary, options.version, options.storeDir], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  })
  onTestFinished(() => void launcher.kill("SIGKILL"))
  const lines = createInterface({ input: launcher.stdout })[Symbol.asyncIterator]()
  const nextLine = async (): Promise<string> => (await lines.next()).value ?? "the launcher ended"
  const { pid: serverPid, url } = JSON.parse(await nextLine())
  return { launcher, nextLine, serverPid: Number(serverPid), url: String(url) }
}

const killLauncher = async (launcher: ChildProcess) => {
  const exited = once(launcher, "exit")
  launcher.kill("SIGKILL")
  await exited
}

describe.each(versionNames)("the %s supported version", (name) => {
  const isOldest = name === "oldest"

  it("is started again with its data, port and secret when it is killed", async () => {
    const options = await optionsFor(name)
    const back = Promise.withResolvers<void>()
    const report = (line: string) => Effect.sync(() => line.includes("is back on") && back.resolve())
    const test = Effect.gen(function* () {
      const server = yield* keepNatsServer({ ...options, report: (line) => Effect.asVoid(report(line)) })
      yield* Effect.promise(() => publish(server))
      const firstPid = yield* server.currentPid
      process.kill(firstPid, "SIGKILL")
      yield* Effect.promise(() => back.promise)
      expect(yield* server.currentPid).not.toBe(firstPid)
      expect(yield* Effect.promise(() => readBack(server))).toBe("kept")
      return yield* server.currentPid
    })
    const lastPid = await Effect.runPromise(Effect.scoped(test))
    expect(await isRunning(lastPid)).toBe(false)
  })

  it("keeps data and secret from one launcher to the next", async () => {
    const options = await optionsFor(name)
    const first = await Effect.runPromise(
      Effect.scoped(
        startNatsServer(options).pipe(Effect.tap((server) => Effect.promise(() => publish(server)))),
      ),
    )
    const second = startNatsServer({ ...options, port: first.port }).pipe(
      Effect.tap((server) => Effect.promise(async () => expect(await readBack(server)).toBe("kept"))),
    )
    expect((await Effect.runPromise(Effect.scoped(second))).connection).toEqual(first.connection)
  })

  it(
    isOldest ? "runs without the fsync setting and says so" : "is told to fsync before it acknowledges",
    async () => {
      const server = await testNatsServer({ version: name, sync: "always" })
      const configuration = await readFile(storeFiles(server.storeDir).configuration, "utf8")
      await server.stop()
      expect(configuration.includes("sync_interval: always")).toBe(!isOldest)
      expect(server.sync).toBe(isOldest ? "default" : "always")
    },
  )

  it("comes back on its store for suites that kill and restart it", async () => {
    const server = await testNatsServer({ version: name })
    await publish(server)
    await server.kill()
    await server.restart()
    expect(await readBack(server)).toBe("kept")
    await server.stop()
  })
})

describe("a store", () => {
  it("lets nobody in without its secret, which only the owner can read", async () => {
    const server = await testNatsServer()
    const stranger = connect({ servers: server.url, reconnect: false })
    await expect(stranger).rejects.toThrow(/authorization/i)
    const { identity, configuration, directory } = storeFiles(server.storeDir)
    for (const path of [identity, configuration]) expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    await server.stop()
  })

  it("is refused to a second launcher while the first lives, and the first is not harmed", async () => {
    const options = await optionsFor("newest")
    const { launcher, serverPid } = await startLauncher(options)
    const refused = await Effect.runPromise(Effect.flip(Effect.scoped(startNatsServer(options))))
    expect(refused).toMatchObject({ code: "nats-store-in-use", launcherPid: launcher.pid })
    expect(await isRunning(serverPid)).toBe(true)
    await killLauncher(launcher)
    await expect.poll(() => isRunning(serverPid), { timeout: 30_000 }).toBe(false)
  })

  it("is refused to the same process a second time", async () => {
    const server = await testNatsServer()
    const again = startNatsServer(await optionsFor("newest", server.storeDir))
    const refused = await Effect.runPromise(Effect.flip(Effect.scoped(again)))
    expect(refused).toMatchObject({ code: "nats-store-in-use", launcherPid: process.pid })
    await server.stop()
  })

  it("is taken over from a server that was left behind, with its data", async () => {
    const options = await optionsFor("newest")
    const first = await Effect.runPromise(Effect.scoped(startNatsServer(options)))
    // Nobody's server on the store, with the claim of a launcher that is no more.
    const leftover = spawn(options.binary, ["-c", storeFiles(storeDir).configuration], { stdio: "ignore" })
    onTestFinished(() => void leftover.kill("SIGKILL"))
    await writeFile(
      storeFiles(storeDir).launcher,
      JSON.stringify({ pid: process.pid, startedAt: "another time" }),
    )
    await expect.poll(() => publish(first).then(() => true, String), { timeout: 30_000 }).toBe(true)
    const exited = once(leftover, "exit")
    const takeOver = startNatsServer({ ...options, port: first.port }).pipe(
      Effect.tap((server) => Effect.promise(async () => expect(await readBack(server)).toBe("kept"))),
    )
    const second = await Effect.runPromise(Effect.scoped(takeOver))
    await exited
    expect(second.pid).not.toBe(leftover.pid)
  })

  it("survives a launcher killed without warning: the server ends, the next launcher starts", async () => {
    const options = await optionsFor("newest")
    const { launcher, serverPid } = await startLauncher(options)
    await killLauncher(launcher)
    const next = await Effect.runPromise(Effect.scoped(startNatsServer(options)))
    expect(next.pid).not.toBe(serverPid)
    expect(await isRunning(serverPid)).toBe(false)
  })

  it("does not mistake a process that got the old server's id for that server", async () => {
    const options = await optionsFor("newest")
    const bystander = spawn(nodeBinary, ["-e", "setInterval(() => {}, 60_000)"], { stdio: "ignore" })
    onTestFinished(() => void bystander.kill("SIGKILL"))
    await writeFile(storeFiles(storeDir).pid, String(bystander.pid))
    await Effect.runPromise(Effect.scoped(startNatsServer(options)))
    expect(await isRunning(bystander.pid!)).toBe(true)
  })
})

describe("a server", () => {
  it("outlives the interrupt that a terminal sends to its launcher's group", async () => {
    const options = await optionsFor("newest")
    const { launcher, nextLine, url, serverPid } = await startLauncher(options)
    const { user, password: pass } = JSON.parse(await readFile(storeFiles(storeDir).identity, "utf8"))
    await withClient({ servers: url, user, pass }, async (client) => {
      process.kill(-launcher.pid!, "SIGINT")
      expect(await nextLine()).toBe("interrupted")
      await client.flush()
    })
    await publish({ connection: { servers: url, user, pass } })
    await killLauncher(launcher)
    await expect.poll(() => isRunning(serverPid), { timeout: 30_000 }).toBe(false)
  })

  it("that cannot listen fails with its own complaint and leaves the store free", async () => {
    const options = await optionsFor("newest")
    const occupant = createServer().listen(0, "127.0.0.1")
    await once(occupant, "listening")
    const { port } = occupant.address() as { port: number }
    const failed = await Effect.runPromise(Effect.flip(Effect.scoped(startNatsServer({ ...options, port }))))
    occupant.close()
    expect(failed.code).toBe("nats-server-start-failed")
    expect(failed.message).toContain("address already in use")
    await Effect.runPromise(Effect.scoped(startNatsServer(options)))
  })

  it("whose binary is missing fails with the reason", async () => {
    const options = { ...(await optionsFor("newest")), binary: join(storeDir, "no-such-binary") }
    const failed = await Effect.runPromise(Effect.flip(Effect.scoped(startNatsServer(options))))
    expect(failed.message).toContain("ENOENT")
  })
})

describe("a cluster", () => {
  it("is refused on a version where replicas lose the winner of a race", async () => {
    const options = {
      binary: "unused",
      version: natsServerVersions.oldest,
      baseDir: storeDir,
      sync: "default",
    } as const
    const refused = await Effect.runPromise(Effect.flip(Effect.scoped(startNatsCluster(options))))
    expect(refused).toMatchObject({ code: "nats-cluster-refused", version: "2.9.10" })
    expect(refused.message).toContain("4320")
  })

  it.each(versionNames.filter((name) => name !== "oldest"))(
    "of the %s version keeps what was acknowledged when a member is killed",
    // Elections of a cluster on a busy machine take their time, more than once.
    { timeout: 180_000 },
    async (name) => {
      const cluster = await testNatsCluster({ version: name })
      const [survivor, victim] = cluster.members
      await publish(victim!, 3)
      await victim!.kill()
      await expect.poll(() => readBack(survivor!).catch(String), { timeout: 120_000 }).toBe("kept")
      await cluster.stop()
    },
  )
})
