/**
 * Gets a binary from the NATS project's own releases. The archive is checked against
 * the SHA256SUMS file of the same release, both fetched over HTTPS: that catches a
 * damaged or cut transfer, and trusts the release page as far as its certificate goes.
 * It is no pin: no sum is kept in this repository.
 */
import { createHash } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { addToCache, attempt } from "./binary-cache.ts"
import { HostAccess, HostAccessFailed } from "./host-access.ts"

const releases = "https://github.com/nats-io/nats-server/releases/download"
const systems: Readonly<Record<string, string>> = { linux: "linux", darwin: "darwin", win32: "windows" }
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" }

const sumsTimeoutMs = 15_000
const sumsBytesMax = 1024 * 1024
const archiveTimeoutMs = 120_000
const archiveBytesMax = 128 * 1024 * 1024
const unpackTimeoutMs = 60_000

/** The sum of one file in the text of a SHA256SUMS file. */
const sumOf = (sums: string, file: string) =>
  sums
    .split("\n")
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([sum, name]) => name === file && /^[0-9a-f]{64}$/.test(sum ?? ""))?.[0]

const downloadVerified = Effect.fnUntraced(function* (version: string, file: string) {
  const { download } = yield* HostAccess
  const base = `${releases}/v${version}`
  const sums = yield* download(`${base}/SHA256SUMS`, { timeoutMs: sumsTimeoutMs, bytesMax: sumsBytesMax })
  const expected = sumOf(new TextDecoder().decode(sums), file)
  if (expected === undefined) {
    return yield* new HostAccessFailed({ reason: `the release's SHA256SUMS does not list ${file}` })
  }
  const archive = yield* download(`${base}/${file}`, {
    timeoutMs: archiveTimeoutMs,
    bytesMax: archiveBytesMax,
  })
  const actual = createHash("sha256").update(archive).digest("hex")
  if (actual === expected) return archive
  return yield* new HostAccessFailed({
    reason: `${file} has SHA-256 ${actual}, its release lists ${expected}`,
  })
})

/** Downloads, verifies and unpacks the release of `version` for this platform into the cache. */
export const obtainFromRelease = Effect.fn("obtainFromRelease")(function* (
  cacheDir: string,
  version: string,
) {
  const host = yield* HostAccess
  const system = systems[host.platform]
  const architecture = architectures[host.architecture]
  if (system === undefined || architecture === undefined) {
    return yield* new HostAccessFailed({ reason: `no release for ${host.platform} on ${host.architecture}` })
  }
  const folder = `nats-server-v${version}-${system}-${architecture}`
  const windows = system === "windows"
  return yield* addToCache(cacheDir, version, (workDir) =>
    Effect.gen(function* () {
      const file = `${folder}.${windows ? "zip" : "tar.gz"}`
      const archive = yield* downloadVerified(version, file)
      yield* attempt(() => writeFile(join(workDir, file), archive))
      // Windows has shipped a `tar` that reads zip files since 2018.
      yield* host.run("tar", [windows ? "-xf" : "-xzf", file], { cwd: workDir, timeoutMs: unpackTimeoutMs })
      return join(workDir, folder, windows ? "nats-server.exe" : "nats-server")
    }),
  )
})
