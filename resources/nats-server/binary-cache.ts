/**
 * The directory of obtained binaries: one file for each version, named after it. A
 * file appears under its name only by an atomic rename after it has run and said its
 * version, so that processes obtaining at the same time cannot spoil it for each other.
 */
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import { HostAccess, HostAccessFailed } from "./host-access.ts"
import { newestFirst } from "./versions.ts"

/** How long a binary may take to print its version. */
const versionTimeoutMs = 20_000

export interface FoundBinary {
  readonly path: string
  readonly version: string
}

/** Fails with a one-line reason instead of the rejection. */
export const attempt = <A>(work: () => Promise<A>) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) =>
      new HostAccessFailed({ reason: cause instanceof Error ? cause.message : String(cause) }),
  })

/** Runs the binary and reads the version that it prints. */
export const askVersion = Effect.fn("askVersion")(function* (path: string) {
  const { run } = yield* HostAccess
  const output = yield* run(path, ["--version"], { timeoutMs: versionTimeoutMs })
  const version = /nats-server: v?(\d+\.\d+\.\d+\S*)/.exec(output)?.[1]
  if (version === undefined)
    return yield* new HostAccessFailed({ reason: `${path} does not say its version` })
  return version
})

const fileName = (version: string, platform: string) =>
  `nats-server-${version}${platform === "win32" ? ".exe" : ""}`

/** The cached binary of `version`, or of the newest cached version when none is asked for. */
export const findCached = Effect.fn("findCached")(function* (cacheDir: string, version: string | undefined) {
  const { platform } = yield* HostAccess
  const names = yield* attempt(() => readdir(cacheDir)).pipe(Effect.orElseSucceed((): Array<string> => []))
  const cached = names.flatMap((name) => /^nats-server-(\d.*?)(?:\.exe)?$/.exec(name)?.[1] ?? [])
  const wanted = version ?? newestFirst(cached)[0]
  if (wanted === undefined || !cached.includes(wanted)) {
    return yield* new HostAccessFailed({ reason: `none in ${cacheDir}` })
  }
  const path = resolve(cacheDir, fileName(wanted, platform))
  const told = yield* askVersion(path)
  if (told === wanted) return { path, version: told }
  return yield* new HostAccessFailed({ reason: `${path} says that it is ${told}` })
})

/** Lets `fill` produce a binary in a private directory, checks its version and moves it into the cache. */
export const addToCache = Effect.fn("addToCache")(function* <R>(
  cacheDir: string,
  version: string | undefined,
  fill: (workDir: string) => Effect.Effect<string, HostAccessFailed, R>,
) {
  const { platform } = yield* HostAccess
  const workDir = attempt(async () => {
    await mkdir(cacheDir, { recursive: true })
    return mkdtemp(join(resolve(cacheDir), ".obtaining-"))
  })
  const settle = Effect.fnUntraced(function* (filled: string) {
    yield* attempt(() => chmod(filled, 0o755))
    const told = yield* askVersion(filled)
    if (version !== undefined && told !== version) {
      return yield* new HostAccessFailed({ reason: `it is ${told}, wanted is ${version}` })
    }
    const path = resolve(cacheDir, fileName(told, platform))
    yield* attempt(() => rename(filled, path))
    return { path, version: told }
  })
  return yield* Effect.acquireUseRelease(
    workDir,
    (directory) => Effect.flatMap(fill(directory), settle),
    (directory) => Effect.ignore(attempt(() => rm(directory, { recursive: true, force: true }))),
  )
})
