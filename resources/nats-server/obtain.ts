/**
 * Finds a `nats-server` binary, or gets one: PATH, the cache, the project's release,
 * the Go tool chain, the Debian package, in this order. Whether a server is needed at
 * all (`NATS_URL`) is the caller's question. Each way that fails is reported in one line.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { askVersion, type FoundBinary, findCached } from "./binary-cache.ts"
import { NatsServerUnavailable } from "./errors.ts"
import { HostAccessFailed } from "./host-access.ts"
import { obtainFromRelease } from "./release-download.ts"
import { obtainFromDebian, obtainWithGo } from "./system-packages.ts"
import { isAtLeast, natsServerVersions, supportedFrom } from "./versions.ts"

export type NatsServerSource = "path" | "cache" | "release" | "go" | "debian"

export interface ObtainedNatsServer extends FoundBinary {
  readonly source: NatsServerSource
}

export interface ObtainOptions {
  /** Where obtained binaries are kept, such as `.millrace/bin`. */
  readonly cacheDir: string
  /** Exactly this version, such as `2.10.27`; without it any supported one, and the newest when it is fetched. */
  readonly version?: string | undefined
  /** Takes one line about each way that failed, and about one that takes long. */
  readonly report: (line: string) => Effect.Effect<void>
}

const findOnPath = Effect.fnUntraced(function* (version: string | undefined) {
  const command = "nats-server"
  const told = yield* askVersion(command)
  if (!isAtLeast(told, supportedFrom)) {
    return yield* new HostAccessFailed({ reason: `it is ${told}, older than ${supportedFrom}` })
  }
  if (version !== undefined && version !== told) {
    return yield* new HostAccessFailed({ reason: `it is ${told}, wanted is ${version}` })
  }
  return { path: command, version: told }
})

interface Way {
  readonly source: NatsServerSource
  readonly name: string
  readonly takesLong?: string
  readonly obtain: Effect.Effect<FoundBinary, HostAccessFailed>
}

const waysToObtain = ({ cacheDir, version }: ObtainOptions): ReadonlyArray<Way> => {
  const fetched = version ?? natsServerVersions.newest
  return [
    { source: "path", name: "on PATH", obtain: findOnPath(version) },
    { source: "cache", name: "in the cache", obtain: findCached(cacheDir, version) },
    { source: "release", name: "release download", obtain: obtainFromRelease(cacheDir, fetched) },
    {
      source: "go",
      name: "go install",
      takesLong: `trying to build ${fetched} with Go, which takes about a minute`,
      obtain: obtainWithGo(cacheDir, fetched),
    },
    { source: "debian", name: "Debian package", obtain: obtainFromDebian(cacheDir, version) },
  ]
}

/**
 * Gives the first `nats-server` that a way of obtaining one yields.
 *
 * Errors: `NatsServerUnavailable`, with what to install and one line for each way tried.
 * Gotcha: `path` is the bare command name when the binary is on PATH.
 */
export const obtainNatsServer = Effect.fn("obtainNatsServer")(function* (options: ObtainOptions) {
  const failures: Array<string> = []
  for (const way of waysToObtain(options)) {
    if (way.takesLong !== undefined) yield* options.report(`nats-server: ${way.takesLong}`)
    const outcome = yield* Effect.result(way.obtain)
    if (Result.isSuccess(outcome)) return { ...outcome.success, source: way.source }
    const failure = `${way.name}: ${outcome.failure.reason.replaceAll(/\s+/g, " ")}`
    failures.push(failure)
    yield* options.report(`nats-server: ${failure}`)
  }
  const version = options.version ?? `${supportedFrom} or newer`
  return yield* new NatsServerUnavailable({ version, failures })
})
