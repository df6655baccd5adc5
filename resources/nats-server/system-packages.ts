/**
 * Gets a binary through tools the machine already has: the Go tool chain, which
 * verifies the source against Go's own sum database, and Debian's packages, which are
 * verified by apt's keys and only unpacked, never installed. Neither needs root, save
 * for refreshing apt's lists.
 */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { addToCache, attempt } from "./binary-cache.ts"
import { HostAccess, HostAccessFailed } from "./host-access.ts"

const goTimeoutMs = 10 * 60_000
const aptTimeoutMs = 3 * 60_000
const unpackTimeoutMs = 60_000

/** Builds `version` with `go install`, under the user's own Go settings. */
export const obtainWithGo = Effect.fn("obtainWithGo")(function* (cacheDir: string, version: string) {
  const { platform, run } = yield* HostAccess
  return yield* addToCache(cacheDir, version, (workDir) =>
    run("go", ["install", `github.com/nats-io/nats-server/v2@v${version}`], {
      timeoutMs: goTimeoutMs,
      environment: { GOBIN: workDir },
    }).pipe(Effect.as(join(workDir, platform === "win32" ? "nats-server.exe" : "nats-server"))),
  )
})

const downloadPackage = Effect.fnUntraced(function* (workDir: string, version: string | undefined) {
  const { run } = yield* HostAccess
  const wanted = version === undefined ? "nats-server" : `nats-server=${version}-*`
  const fetchPackage = run("apt-get", ["download", wanted], { cwd: workDir, timeoutMs: aptTimeoutMs })
  // Fresh containers have no lists yet. When they cannot be refreshed either, the first reason is the better one.
  yield* Effect.catch(fetchPackage, (failure) =>
    run("apt-get", ["update"], { timeoutMs: aptTimeoutMs }).pipe(
      Effect.flatMap(() => fetchPackage),
      Effect.mapError(() => failure),
    ),
  )
  const file = (yield* attempt(() => readdir(workDir))).find((name) => name.endsWith(".deb"))
  if (file === undefined) return yield* new HostAccessFailed({ reason: "apt-get downloaded no package" })
  return file
})

/** Unpacks the distribution's package: exactly `version`, or whatever the distribution has. */
export const obtainFromDebian = Effect.fn("obtainFromDebian")(function* (
  cacheDir: string,
  version: string | undefined,
) {
  const { platform, run } = yield* HostAccess
  if (platform === "darwin") {
    return yield* new HostAccessFailed({ reason: "not a Debian system; `brew install nats-server` would do" })
  }
  if (platform !== "linux") return yield* new HostAccessFailed({ reason: "not a Debian system" })
  return yield* addToCache(cacheDir, version, (workDir) =>
    Effect.gen(function* () {
      const file = yield* downloadPackage(workDir, version)
      yield* run("dpkg-deb", ["-x", file, "unpacked"], { cwd: workDir, timeoutMs: unpackTimeoutMs })
      const usr = join(workDir, "unpacked", "usr")
      const inSbin = yield* attempt(() => readdir(join(usr, "sbin"))).pipe(Effect.orElseSucceed(() => [""]))
      return join(usr, inSbin.includes("nats-server") ? "sbin" : "bin", "nats-server")
    }),
  )
})
