/** Every file is reached from something that is started: a command, a test or a benchmark. */
import { posix } from "node:path"
import { describe, expect, it } from "vitest"
import { neededBy } from "./imports.ts"
import { type Manifest, manifest, type Source, typescript } from "./sources.ts"

/** Started otherwise than by package.json: by a tool, or by a person as a test says. */
const otherStarts = ["vitest.config.ts", "test/golden/record.ts"]

/** What only tests reach, and why it is not in `test/`. */
const testOnly: ReadonlyArray<{ readonly path: RegExp; readonly reason: string }> = [
  { path: /^engine\/memory\//, reason: "a port's twin stands beside its port" },
  { path: /^engine\/testkit\//, reason: "made for the tests of others too" },
]

const startedBy = ({ scripts, bin }: Pick<Manifest, "scripts" | "bin">): ReadonlyArray<string> => [
  ...Object.values(scripts).flatMap((script) => script.match(/[\w./-]+\.ts\b/g) ?? []),
  ...Object.values(bin),
]

const reachable = (sources: ReadonlyArray<Source>, starts: ReadonlyArray<string>): ReadonlySet<string> => {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const reached = new Set<string>()
  const visit = (path: string): void => {
    const source = byPath.get(path)
    if (source === undefined || reached.has(path)) return
    reached.add(path)
    for (const needed of neededBy(source)) visit(needed)
  }
  for (const start of starts) visit(posix.normalize(start))
  return reached
}

const isTest = ({ path }: Source): boolean => path.endsWith(".test.ts")
const isProduct = ({ path }: Source): boolean => !/^(?:test|bench)\//.test(path)

const dead = (sources: ReadonlyArray<Source>, starts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const reached = reachable(sources, [...starts, ...sources.filter(isTest).map(({ path }) => path)])
  return sources.map(({ path }) => path).filter((path) => !reached.has(path))
}

const onlyTested = (sources: ReadonlyArray<Source>, starts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const reached = reachable(sources, starts)
  return sources
    .filter(isProduct)
    .map(({ path }) => path)
    .filter((path) => !reached.has(path) && !testOnly.some((exception) => exception.path.test(path)))
}

const started = startedBy(manifest)
const starts = [...started, ...otherStarts]

describe("files", () => {
  it("are reached from something that is started", () => {
    expect(dead(typescript, starts)).toEqual([])
  })

  it("of the product are reached by more than tests", () => {
    expect(onlyTested(typescript, starts)).toEqual([])
  })

  it("that package.json starts are there", () => {
    const paths = new Set(typescript.map(({ path }) => path))
    expect(started.map((path) => posix.normalize(path)).filter((path) => !paths.has(path))).toEqual([])
  })
})

describe("the rule about dead files notices", () => {
  const file = (path: string, text = ""): Source => ({ path, text })
  const main = file("main.ts", 'import { run } from "./engine/run.ts"\nfork("./engine/child.ts")')
  const files = [
    main,
    file("engine/run.ts", 'import "./part.ts"'),
    file("engine/part.ts"),
    file("engine/child.ts"),
  ]

  it("a file that nothing reaches, and no other", () => {
    expect(dead([...files, file("engine/forgotten.ts")], ["main.ts"])).toEqual(["engine/forgotten.ts"])
  })

  it("a pair of files that only reach each other", () => {
    const pair = [file("ops/one.ts", 'import "./two.ts"'), file("ops/two.ts", 'import "./one.ts"')]
    expect(dead([...files, ...pair], ["main.ts"])).toEqual(["ops/one.ts", "ops/two.ts"])
  })

  it("product code that only a test uses", () => {
    const tested = [file("ops/one.ts"), file("test/unit/one.test.ts", 'import "../../ops/one.ts"')]
    expect(dead([...files, ...tested], ["main.ts"])).toEqual([])
    expect(onlyTested([...files, ...tested], ["main.ts"])).toEqual(["ops/one.ts"])
  })

  it("a command in package.json and in bin", () => {
    expect(startedBy({ scripts: { start: "node --flag a.ts" }, bin: { b: "b.ts" } })).toEqual([
      "a.ts",
      "b.ts",
    ])
  })
})
