/** Dependencies go one way, and other folders are entered through their index. */
import { describe, expect, it } from "vitest"
import { importsOf, resolveImport } from "./imports.ts"
import { folderOf, type Source, typescript } from "./sources.ts"

/** A folder may import from those before it. `main` are the files at the root, which put a node together. */
const order = [
  ["schemas"],
  ["engine"],
  ["streams"],
  ["resources"],
  ["ops"],
  ["actors"],
  ["gateway"],
  ["cli", "main"],
]

interface Exception {
  readonly from: RegExp
  readonly to: RegExp
  readonly reason: string
}

const exceptions: ReadonlyArray<Exception> = [
  {
    from: /^test\//,
    to: /^engine\/(?:testkit|memory)\//,
    reason: "the test kit and the memory twins are made for tests, and are no part of a node",
  },
  {
    from: /^bench\/gateway\//,
    to: /^(?:gateway\/cli\/|test\/support\/login)/,
    reason: "the load is that of `npm run load`, from people who log in as the suites' do",
  },
  {
    from: /^test\/(?:support\/(?:lanes|fake-evaluator)|simulation\/lanes|chaos\/(?:cep|schedules))/,
    to: /^actors\/(?:cep|cep-rule|alert-desk)\//,
    reason:
      "what lanes and desks say is compared with their parts, put together without checkpoints and nodes",
  },
  {
    from: /^test\/(?:unit|contract|integration)\//,
    to: /./,
    reason: "these suites look at the parts inside a folder, which its index need not name",
  },
]

const rankOf = (path: string): number => order.findIndex((folders) => folders.includes(folderOf(path)))

const isExcepted = (from: string, to: string): boolean =>
  exceptions.some((exception) => exception.from.test(from) && exception.to.test(to))

/** What is wrong with `from` importing `to`. */
const problemOf = (from: string, to: string): string | undefined => {
  if (folderOf(from) === folderOf(to) || isExcepted(from, to)) return undefined
  const [own, other] = [rankOf(from), rankOf(to)]
  if (own >= 0 && other < 0) return `imports ${to}: product code does not depend on ${folderOf(to)}`
  if (own >= 0 && other > own)
    return `imports ${to}: ${folderOf(to)} comes after ${folderOf(from)} in ${order.join(" ← ")}`
  if (folderOf(to) === "main" || folderOf(to) === "test" || to === `${folderOf(to)}/index.ts`)
    return undefined
  return `imports ${to}: other folders import only ${folderOf(to)}/index.ts`
}

const violations = (sources: ReadonlyArray<Source>): ReadonlyArray<string> =>
  sources.flatMap((source) =>
    importsOf(source).flatMap(({ specifier, line }) => {
      const to = resolveImport(source.path, specifier)
      const problem = to === undefined ? undefined : problemOf(source.path, to)
      return problem === undefined ? [] : [`${source.path}:${line} ${problem}`]
    }),
  )

/** Ports only in the engine, contracts only in the schemas: which packages a folder may use at all. */
const packagesOf: Readonly<Record<string, ReadonlyArray<string>>> = {
  schemas: ["effect"],
  engine: ["effect", "croner", "node:zlib", "node:crypto"],
  ops: ["effect"],
  // The A2A protocol's types and translations: its client is given our way out, and has no other. Languages of rules.
  // Of Node only the check sum of what lanes store.
  actors: ["effect", "@a2a-js/sdk", "@marcbachmann/cel-js", "json-p3", "node:zlib"],
}

const packageOf = (specifier: string): string =>
  specifier.startsWith("node:")
    ? specifier
    : specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/")

const foreignPackages = (sources: ReadonlyArray<Source>): ReadonlyArray<string> =>
  sources.flatMap((source) => {
    const allowed = packagesOf[folderOf(source.path)]
    if (allowed === undefined) return []
    return importsOf(source)
      .filter(({ specifier }) => !specifier.startsWith(".") && !allowed.includes(packageOf(specifier)))
      .map(
        ({ specifier, line }) =>
          `${source.path}:${line} imports ${specifier}; allowed are ${allowed.join(", ")}`,
      )
  })

describe("dependencies", () => {
  it("go one way, through the index of a folder", () => {
    expect(violations(typescript)).toEqual([])
  })

  it("keep NATS, SQL and HTTP out of the folders that know no outside world", () => {
    expect(foreignPackages(typescript)).toEqual([])
  })

  it("have exceptions that are still needed", () => {
    for (const { from, to, reason } of exceptions) {
      const used = typescript.some(
        (source) =>
          from.test(source.path) &&
          importsOf(source).some(({ specifier }) => to.test(resolveImport(source.path, specifier) ?? "")),
      )
      expect(used, reason).toBe(true)
    }
  })
})

describe("the rule about dependencies notices", () => {
  const file = (path: string, text: string): Source => ({ path, text })

  it("an import against the direction, however it is written", () => {
    const texts = [
      'import { Nats } from "../streams/index.ts"',
      'import type { Nats } from "../streams/index.ts"',
      'export * from "../streams/index.ts"',
      'const streams = await import("../streams/index.ts")',
    ]
    for (const text of texts) expect(violations([file("engine/node.ts", text)])).toHaveLength(1)
  })

  it("an import past another folder's index", () => {
    expect(violations([file("gateway/app.ts", 'import { make } from "../engine/node.ts"')])).toEqual([
      "gateway/app.ts:1 imports engine/node.ts: other folders import only engine/index.ts",
    ])
  })

  it("product code that uses the tests, or the test kit", () => {
    expect(violations([file("main.ts", 'import "./test/support/account.ts"')])).toHaveLength(1)
    expect(violations([file("gateway/app.ts", 'import "../engine/testkit/faults.ts"')])).toHaveLength(1)
  })

  it("a package that a folder may not know", () => {
    expect(foreignPackages([file("engine/log.ts", 'import { kv } from "@nats-io/kv"')])).toHaveLength(1)
  })

  it("nothing in what only looks like an import", () => {
    const text = '// from "../gateway/index.ts"\nconst text = `import "../gateway/index.ts"`'
    expect(violations([file("engine/log.ts", text)])).toEqual([])
  })
})
