/** What comes from others: exact versions, licences that allow what this one allows, no registry in the lock file. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { everyFile, manifest, root } from "./sources.ts"

interface Locked {
  readonly version?: string
  readonly license?: unknown
  readonly resolved?: string
  readonly dev?: boolean
  readonly integrity?: string
}
type Lock = Readonly<Record<string, Locked>>

const lock = (
  JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { readonly packages: Lock }
).packages

const allowed = new Set([
  "Apache-2.0",
  "MIT",
  "MIT-0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "ISC",
  "BlueOak-1.0.0",
  "PostgreSQL",
  "Unlicense",
  "CC0-1.0",
  "Zlib",
  "Python-2.0",
])

/** One of several to choose from is enough; several at once all have to be allowed. */
const isAllowed = (license: unknown): boolean =>
  typeof license === "string" &&
  license
    .replaceAll(/[()]/g, "")
    .split(" OR ")
    .some((choice) => choice.split(" AND ").every((one) => allowed.has(one.trim())))

/** What the package itself says; what the lock file says of one that is for another platform. */
const licenseOf = (path: string, locked: Locked): unknown => {
  const file = join(root, path, "package.json")
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).license : locked.license
}

const refusedLicenses = (packages: Lock, licenseAt: typeof licenseOf): ReadonlyArray<string> =>
  Object.entries(packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true)
    .map(([path, locked]) => [path, licenseAt(path, locked)] as const)
    .filter(([, license]) => !isAllowed(license))
    .map(([path, license]) => `${path}: ${JSON.stringify(license)}`)

const exact = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/
const loose = (dependencies: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(dependencies).flatMap(([name, version]) =>
    exact.test(version) ? [] : [`${name}@${version}`],
  )

const resolvedIn = (packages: Lock): ReadonlyArray<string> =>
  Object.entries(packages).flatMap(([path, { resolved }]) =>
    resolved === undefined ? [] : [`${path}: ${resolved}`],
  )

/** Locked without a checksum, and why that may be. */
const withoutChecksum: ReadonlyArray<{ readonly path: RegExp; readonly reason: string }> = [
  {
    path: /^node_modules\/@biomejs\/cli-(?!linux-(?:x64|arm64)$)/,
    reason:
      "the registry where the lock file was made had this release for Linux only; a tool, never in a node",
  },
]

const unverified = (packages: Lock): ReadonlyArray<string> =>
  Object.entries(packages).flatMap(([path, { integrity }]) => {
    const excepted = path === "" || withoutChecksum.some((exception) => exception.path.test(path))
    return excepted || integrity !== undefined ? [] : [path]
  })

describe("packages", () => {
  it("of the product have a licence that is allowed", () => {
    expect(refusedLicenses(lock, licenseOf)).toEqual([])
  })

  it("are named with exact versions", () => {
    expect(loose({ ...manifest.dependencies, ...manifest.devDependencies })).toEqual([])
  })

  it("are locked without naming where they came from, and with what they must contain", () => {
    expect(resolvedIn(lock)).toEqual([])
    expect(unverified(lock)).toEqual([])
    const settings = everyFile.find(({ path }) => path === ".npmrc")?.text ?? ""
    expect(settings).toContain("omit-lockfile-registry-resolved=true")
  })

  it("are agreed upon, or have a reason in the decision about dependencies", () => {
    const decision = everyFile.find(({ path }) => path === "docs/decisions/0002-dependencies.md")?.text ?? ""
    const agreed = /^(?:@?effect(?:\/|$)|@electric-sql\/|@nats-io\/|@hono\/|hono$|ws$|node$|croner$)/
    const missing = Object.keys(manifest.dependencies).filter(
      (name) => !agreed.test(name) && !decision.includes(`\`${name}\``),
    )
    expect(missing).toEqual([])
  })
})

describe("the rules about packages notice", () => {
  const licenses = (license: unknown) =>
    refusedLicenses({ "node_modules/new": { license } }, (_, locked) => locked.license)

  it("a licence that asks for more, and none at all", () => {
    for (const license of [
      "GPL-3.0-only",
      "AGPL-3.0",
      "SEE LICENSE IN terms",
      "MIT AND SSPL-1.0",
      undefined,
      {},
    ])
      expect(licenses(license)).toHaveLength(1)
    for (const license of ["MIT", "(MIT OR GPL-3.0)", "Apache-2.0 AND BSD-3-Clause"])
      expect(licenses(license)).toEqual([])
  })

  it("a version that may change by itself", () => {
    const versions = {
      a: "^1.2.3",
      b: "~1.2.3",
      c: "latest",
      d: "1.x",
      e: "git+ssh://host/repository",
      f: ">=1.2.3",
    }
    expect(loose(versions)).toHaveLength(6)
    expect(loose({ a: "1.2.3", b: "4.0.0-beta.1" })).toEqual([])
  })

  it("an address in the lock file, and a package without a checksum", () => {
    expect(resolvedIn({ "node_modules/a": { resolved: "https://host/a.tgz" } })).toHaveLength(1)
    expect(unverified({ "node_modules/a": { version: "1.2.3" } })).toEqual(["node_modules/a"])
  })
})
