/** The order in which a `nats-server` is looked for, what each failure says, and what may enter the cache. */
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  type CommandOptions,
  HostAccess,
  HostAccessFailed,
  type HostAccessShape,
} from "../../resources/nats-server/host-access.ts"
import { obtainNatsServer } from "../../resources/nats-server/obtain.ts"

const archive = new TextEncoder().encode("what the archive holds")
const archiveSum = createHash("sha256").update(archive).digest("hex")
const archiveName = "nats-server-v2.15.1-linux-amd64.tar.gz"

type Command = (args: ReadonlyArray<string>, options: CommandOptions) => string

const fail = (reason: string) => new HostAccessFailed({ reason })

/** A stand-in for a binary: a file with the text that it prints. */
const writeBinary = (path: string, version: string) => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `nats-server: v${version}\n`)
}

let cacheDir = ""
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), "millrace-obtain-"))
})
afterEach(() => rmSync(cacheDir, { recursive: true, force: true }))

/** A machine that has only the given commands and downloads, and remembers what was asked of it. */
const machine = (has: {
  readonly commands?: Readonly<Record<string, Command>>
  readonly downloads?: Readonly<Record<string, Uint8Array>>
  readonly platform?: string
}) => {
  const asked: Array<string> = []
  const lines: Array<string> = []
  const host: HostAccessShape = {
    platform: has.platform ?? "linux",
    architecture: "x64",
    run: (command, args, options) =>
      Effect.try({
        try: () => {
          asked.push([command, ...args].join(" "))
          if (command.startsWith(cacheDir)) return readFileSync(command, "utf8")
          const known = has.commands?.[command]
          if (known === undefined) throw fail(`${command} is not installed`)
          return known(args, options)
        },
        catch: (cause) => (cause instanceof HostAccessFailed ? cause : fail(String(cause))),
      }),
    download: (url) => {
      asked.push(url)
      const body = has.downloads?.[url.slice(url.lastIndexOf("/") + 1)]
      return body === undefined ? Effect.fail(fail("no network")) : Effect.succeed(body)
    },
  }
  const obtain = (version?: string) =>
    obtainNatsServer({
      cacheDir,
      version,
      report: (line) => Effect.sync(() => void lines.push(line)),
    }).pipe(Effect.provideService(HostAccess, host))
  return { obtain, asked, lines }
}

const prints = (version: string): Command => {
  return () => `nats-server: v${version}\n`
}

const goBuilding = (version: string): Command => {
  return (_, options) => {
    writeBinary(join(options.environment?.GOBIN ?? "", "nats-server"), version)
    return ""
  }
}

const untars: Command = (_, options) => {
  writeBinary(join(options.cwd ?? "", "nats-server-v2.15.1-linux-amd64", "nats-server"), "2.15.1")
  return ""
}

const sums = (sum: string) =>
  new TextEncoder().encode(`${"0".repeat(64)}  other.zip\n${sum}  ${archiveName}\n`)

describe("where a nats-server is looked for", () => {
  it.effect("takes the one on PATH and says nothing", () =>
    Effect.gen(function* () {
      const { obtain, lines } = machine({ commands: { "nats-server": prints("2.11.4") } })
      expect(yield* obtain()).toEqual({ path: "nats-server", version: "2.11.4", source: "path" })
      expect(lines).toEqual([])
    }),
  )

  it.effect("passes by one on PATH that is older than the oldest supported", () =>
    Effect.gen(function* () {
      writeBinary(join(cacheDir, "nats-server-2.10.27"), "2.10.27")
      const { obtain, lines } = machine({ commands: { "nats-server": prints("2.8.4") } })
      expect(yield* obtain()).toMatchObject({ version: "2.10.27", source: "cache" })
      expect(lines).toEqual(["nats-server: on PATH: it is 2.8.4, older than 2.9.0"])
    }),
  )

  it.effect("passes by one on PATH that is not exactly the version asked for", () =>
    Effect.gen(function* () {
      writeBinary(join(cacheDir, "nats-server-2.9.10"), "2.9.10")
      const { obtain, lines } = machine({ commands: { "nats-server": prints("2.15.1") } })
      expect(yield* obtain("2.9.10")).toMatchObject({ version: "2.9.10", source: "cache" })
      expect(lines).toEqual(["nats-server: on PATH: it is 2.15.1, wanted is 2.9.10"])
    }),
  )

  it.effect("takes the newest cached one by version, not by spelling", () =>
    Effect.gen(function* () {
      for (const version of ["2.9.10", "2.10.27"]) {
        writeBinary(join(cacheDir, `nats-server-${version}`), version)
      }
      const { obtain } = machine({})
      expect(yield* obtain()).toMatchObject({
        path: join(cacheDir, "nats-server-2.10.27"),
        version: "2.10.27",
      })
    }),
  )

  it.effect("passes by a cached file that is not what its name says", () =>
    Effect.gen(function* () {
      writeBinary(join(cacheDir, "nats-server-2.10.27"), "2.9.10")
      const { obtain, lines } = machine({ commands: { go: goBuilding("2.10.27") } })
      expect(yield* obtain("2.10.27")).toMatchObject({ version: "2.10.27", source: "go" })
      expect(lines[1]).toContain("nats-server-2.10.27 says that it is 2.9.10")
    }),
  )

  it.effect("asks PATH, cache, release, Go and Debian in this order, and says one line for each", () =>
    Effect.gen(function* () {
      const { obtain, asked, lines } = machine({})
      const error = yield* Effect.flip(obtain())
      const order = ["nats-server --version", "SHA256SUMS", "go install", "apt-get download"]
      const places = order.map((step) => asked.findIndex((command) => command.includes(step)))
      expect(places).toEqual(places.toSorted((left, right) => left - right))
      expect(places).not.toContain(-1)
      expect(lines).toEqual([
        "nats-server: on PATH: nats-server is not installed",
        `nats-server: in the cache: none in ${cacheDir}`,
        "nats-server: release download: no network",
        "nats-server: trying to build 2.15.1 with Go, which takes about a minute",
        "nats-server: go install: go is not installed",
        "nats-server: Debian package: apt-get is not installed",
      ])
      expect(error.code).toBe("nats-server-unavailable")
      expect(error.failures).toHaveLength(5)
      for (const hint of [
        "apt-get install nats-server",
        "brew install",
        "go install",
        "NATS_URL",
        "no network",
      ]) {
        expect(error.message).toContain(hint)
      }
    }),
  )
})

describe("the release download", () => {
  it.effect("enters the cache when its sum is the one its release lists", () =>
    Effect.gen(function* () {
      const { obtain } = machine({
        commands: { tar: untars },
        downloads: { SHA256SUMS: sums(archiveSum), [archiveName]: archive },
      })
      const path = join(cacheDir, "nats-server-2.15.1")
      expect(yield* obtain()).toEqual({ path, version: "2.15.1", source: "release" })
      expect(readdirSync(cacheDir)).toEqual(["nats-server-2.15.1"])
    }),
  )

  it.effect("is neither unpacked nor run when its sum is another, and Go is tried next", () =>
    Effect.gen(function* () {
      const { obtain, asked, lines } = machine({
        commands: { tar: untars, go: goBuilding("2.15.1") },
        downloads: { SHA256SUMS: sums("a".repeat(64)), [archiveName]: archive },
      })
      expect(yield* obtain()).toMatchObject({ source: "go" })
      expect(asked.filter((command) => command.startsWith("tar"))).toEqual([])
      expect(lines[2]).toContain(`has SHA-256 ${archiveSum}, its release lists ${"a".repeat(64)}`)
    }),
  )

  it.effect("is refused when the release lists no sum for it", () =>
    Effect.gen(function* () {
      const { obtain, lines } = machine({
        commands: { tar: untars },
        downloads: { SHA256SUMS: new TextEncoder().encode("\n"), [archiveName]: archive },
      })
      yield* Effect.flip(obtain())
      expect(lines[2]).toBe(
        `nats-server: release download: the release's SHA256SUMS does not list ${archiveName}`,
      )
    }),
  )

  it.effect("says so where there is none for the platform", () =>
    Effect.gen(function* () {
      const { obtain, lines } = machine({ platform: "sunos" })
      yield* Effect.flip(obtain())
      expect(lines[2]).toBe("nats-server: release download: no release for sunos on x64")
    }),
  )
})

describe("the Debian package", () => {
  const unpacks =
    (version: string): Command =>
    (_, options) => {
      writeBinary(join(options.cwd ?? "", "unpacked", "usr", "sbin", "nats-server"), version)
      return ""
    }

  it.effect("is unpacked after the package lists were refreshed", () =>
    Effect.gen(function* () {
      let refreshed = false
      const apt: Command = (args, options) => {
        if (args[0] === "update") refreshed = true
        else if (!refreshed) throw fail("E: Unable to locate package nats-server")
        else writeFileSync(join(options.cwd ?? "", "nats-server_2.9.10-1_amd64.deb"), "")
        return ""
      }
      const { obtain } = machine({ commands: { "apt-get": apt, "dpkg-deb": unpacks("2.9.10") } })
      expect(yield* obtain()).toMatchObject({ version: "2.9.10", source: "debian" })
      expect(readdirSync(cacheDir)).toEqual(["nats-server-2.9.10"])
    }),
  )

  it.effect("does not enter the cache when it is another version than asked for", () =>
    Effect.gen(function* () {
      const apt: Command = (_, options) => {
        writeFileSync(join(options.cwd ?? "", "nats-server.deb"), "")
        return ""
      }
      const { obtain, lines } = machine({ commands: { "apt-get": apt, "dpkg-deb": unpacks("2.9.10") } })
      yield* Effect.flip(obtain("2.10.27"))
      expect(lines.at(-1)).toBe("nats-server: Debian package: it is 2.9.10, wanted is 2.10.27")
      expect(readdirSync(cacheDir)).toEqual([])
    }),
  )

  it.effect("gives the reason of the download when the lists cannot be refreshed either", () =>
    Effect.gen(function* () {
      const apt: Command = (args) => {
        throw fail(args[0] === "update" ? "Permission denied" : "E: Unable to locate\n package nats-server")
      }
      const { obtain, lines } = machine({ commands: { "apt-get": apt } })
      yield* Effect.flip(obtain())
      expect(lines.at(-1)).toBe("nats-server: Debian package: E: Unable to locate package nats-server")
    }),
  )
})

describe("the cache", () => {
  it.effect("holds one whole binary after two obtained it at the same time", () =>
    Effect.gen(function* () {
      const { obtain } = machine({ commands: { go: goBuilding("2.15.1") } })
      const both = yield* Effect.all([obtain("2.15.1"), obtain("2.15.1")], { concurrency: 2 })
      expect(new Set(both.map(({ path }) => path)).size).toBe(1)
      expect(readdirSync(cacheDir)).toEqual(["nats-server-2.15.1"])
      expect(readFileSync(both[0].path, "utf8")).toBe("nats-server: v2.15.1\n")
    }),
  )
})
