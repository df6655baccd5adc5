/** A file is read on two or three screens. Longer ones are listed with their size, which may only shrink. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type Source, typescript } from "./sources.ts"

const linesMax = 300

interface Long {
  /** What the file may have; lower it when the file has shrunk. */
  readonly lines: number
  /** Why the file is in one piece, where its header does not say so yet. */
  readonly reason?: string
}

const long = JSON.parse(readFileSync(join(import.meta.dirname, "sizes.json"), "utf8")) as Record<string, Long>

const linesOf = ({ text }: Source): number => text.split("\n").length - 1

/** The first comment of the file says that it is long, and why. */
const headerSaysWhy = ({ text }: Source): boolean =>
  /^(?:#![^\n]*\n)?\/\*\*[\s\S]*?\blong\b[\s\S]*?\*\//i.test(
    text.slice(0, Math.max(0, text.indexOf("*/")) + 2),
  )

const problemOf = (source: Source, listed: Readonly<Record<string, Long>>): string | undefined => {
  const lines = linesOf(source)
  const entry = listed[source.path]
  if (lines <= linesMax)
    return entry === undefined ? undefined : `is down to ${lines} lines: take it out of sizes.json`
  if (entry === undefined)
    return `has ${lines} lines: split it, or list it in sizes.json and say in its header why it is long`
  if (lines > entry.lines) return `has grown from ${entry.lines} to ${lines} lines: split it`
  if (entry.reason === undefined && !headerSaysWhy(source)) return "is long, and its header does not say why"
  return undefined
}

const violations = (sources: ReadonlyArray<Source>, listed: Readonly<Record<string, Long>>) => [
  ...sources.flatMap((source) => {
    const problem = problemOf(source, listed)
    return problem === undefined ? [] : [`${source.path} ${problem}`]
  }),
  ...Object.keys(listed)
    .filter((path) => !sources.some((source) => source.path === path))
    .map((path) => `${path} is in sizes.json and nowhere else`),
]

describe("files", () => {
  it(`have at most ${linesMax} lines, or a reason and no more than before`, () => {
    expect(violations(typescript, long)).toEqual([])
  })
})

describe("the rule about sizes notices", () => {
  const file = (lines: number, header = "/** Long because of its table. */") => ({
    path: "engine/table.ts",
    text: `${header}\n${"row\n".repeat(lines - 1)}`,
  })
  const listed = { "engine/table.ts": { lines: 320 } }

  it("a long file that is not listed", () => {
    expect(violations([file(301)], {})).toHaveLength(1)
    expect(violations([file(300)], {})).toEqual([])
  })

  it("a listed file that grows, or gives no reason", () => {
    expect(violations([file(320)], listed)).toEqual([])
    expect(violations([file(321)], listed)).toHaveLength(1)
    expect(violations([file(320, "/** A table. */")], listed)).toHaveLength(1)
    expect(violations([file(320, "/** A table. */\n/** Long. */")], listed)).toHaveLength(1)
  })

  it("an entry that is not needed any more", () => {
    expect(violations([file(200)], listed)).toHaveLength(1)
    expect(violations([], listed)).toHaveLength(1)
  })
})
