/** Which NATS server this node works with: the one that it is told of, or one that it keeps under its home. */
import { mkdir, readFile, rename, statfs, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type KeptNatsServer, keepNatsServer, obtainNatsServer } from "./resources/index.ts"
import type { NatsSettings } from "./settings.ts"
import { defaultStorageBudgetBytes, type StreamsConfig } from "./streams/index.ts"

export type Report = (line: string) => Effect.Effect<void>

export interface FoundNats {
  readonly config: Pick<
    StreamsConfig,
    "servers" | "user" | "password" | "syncInterval" | "storageBudgetBytes" | "namespace" | "replicas"
  >
  /** Fails once a server that is kept here was given up; never for any other. */
  readonly givenUp: KeptNatsServer["givenUp"]
}

const gib = 1024 ** 3

/** A JetStream server refuses more than three quarters of the disk; the database and others need some too. */
const shareOfFreeDisk = 0.5

/** What tools on this machine read to reach the server. Holds the password. Shape: `nats.json`, part of the API. */
interface NatsFile {
  readonly servers: string
  readonly user?: string
  readonly pass?: string
  readonly namespace: string
  /** Chosen once: a smaller one later would throw data away. */
  readonly storageBudgetBytes: number
}

const fileOf = (home: string) => join(home, "nats.json")

const writeFileFor = (home: string, file: NatsFile) =>
  Effect.promise(async () => {
    const draft = `${fileOf(home)}.${process.pid}.draft`
    await writeFile(draft, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600 })
    await rename(draft, fileOf(home))
  })

const storedBudget = async (home: string): Promise<number | undefined> => {
  try {
    const { storageBudgetBytes } = JSON.parse(await readFile(fileOf(home), "utf8")) as Partial<NatsFile>
    return typeof storageBudgetBytes === "number" ? storageBudgetBytes : undefined
  } catch {
    return undefined
  }
}

const freeBytes = async (home: string): Promise<number> => {
  const { bavail, bsize } = await statfs(home)
  return bavail * bsize
}

const chooseBudget = (home: string, { storageGib }: NatsSettings) =>
  Effect.promise(async () => {
    if (storageGib !== undefined) return storageGib * gib
    const stored = await storedBudget(home)
    if (stored !== undefined) return stored
    return Math.min(defaultStorageBudgetBytes, Math.floor((await freeBytes(home)) * shareOfFreeDisk))
  })

/** User and password may stand in the address itself, as NATS' own tools take it. */
const external = (url: string, { user, password }: NatsSettings) => {
  const servers: Array<string> = []
  let login = { user, password }
  for (const part of url.split(",")) {
    const match = /^(?:[a-z]+:\/\/)?(?:([^:@/]+)(?::([^@/]*))?@)?(.+)$/.exec(part.trim())
    if (match?.[1] !== undefined && login.user === undefined)
      login = { user: decodeURIComponent(match[1]), password: decodeURIComponent(match[2] ?? "") }
    servers.push(match?.[3] ?? part)
  }
  return { servers, ...login }
}

const keep = Effect.fnUntraced(function* (home: string, settings: NatsSettings, report: Report) {
  const { path, version, source } = yield* obtainNatsServer({ cacheDir: join(home, "bin"), report })
  yield* report(`nats-server ${version} (${source === "path" ? "on PATH" : source})`)
  return yield* keepNatsServer({
    binary: path,
    version,
    storeDir: join(home, "nats"),
    sync: settings.sync,
    report,
  })
})

/** Runs a server for the scope's time unless `NATS_URL` names one. */
export const findNats = Effect.fnUntraced(function* (home: string, settings: NatsSettings, report: Report) {
  yield* Effect.promise(() => mkdir(home, { recursive: true, mode: 0o700 }))
  const storageBudgetBytes = yield* chooseBudget(home, settings)
  const common = { namespace: settings.namespace, replicas: settings.replicas, storageBudgetBytes }
  if (settings.url !== undefined) {
    const { servers, user, password } = external(settings.url, settings)
    const found: FoundNats = {
      config: {
        ...common,
        servers,
        ...(user === undefined ? {} : { user }),
        ...(password === undefined ? {} : { password: Redacted.make(password) }),
      },
      givenUp: Effect.never,
    }
    return found
  }
  const server = yield* keep(home, settings, report)
  const { user, pass } = server.connection
  yield* writeFileFor(home, {
    servers: server.url,
    user,
    pass,
    namespace: settings.namespace,
    storageBudgetBytes,
  })
  const found: FoundNats = {
    config: {
      ...common,
      servers: server.url,
      user,
      password: Redacted.make(pass),
      syncInterval: server.sync === "always" ? "always" : "2m",
    },
    givenUp: server.givenUp,
  }
  return found
})
