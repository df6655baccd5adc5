/** Words that do not go into the tree: promises to do it later, checks switched off, places of one machine. */
import { describe, expect, it } from "vitest"
import { lineOf } from "./lexer.ts"
import { everyFile, lexedOf, type Source } from "./sources.ts"

interface Word {
  readonly pattern: RegExp
  readonly where: "code" | "text"
  readonly problem: string
}

/** Written so that this file does not match itself. */
const words: ReadonlyArray<Word> = [
  { pattern: /\b(?:TO[D]O|FI[X]ME|X[X]X|HA[C]K)\b/g, where: "text", problem: "do it now, or open an issue" },
  { pattern: /\.only\s*\(/g, where: "code", problem: "the other tests would not run" },
  { pattern: /\.todo\s*\(/g, where: "code", problem: "write the test" },
  { pattern: /\bas any\b|<any>/g, where: "code", problem: "give it a type, or `unknown`" },
  {
    pattern: /@ts-(?:i[g]nore|n[o]check)/g,
    where: "text",
    problem: "fix the type; what must fail is `@ts-expect-error` with a reason",
  },
  { pattern: /\bdebugger\b/g, where: "code", problem: "it stops a process that is looked at" },
  {
    pattern: /(?<![\w.~-])\/(?:w[o]rk|r[o]ot|ho[m]e|U[s]ers)\/[\w.]/g,
    where: "text",
    problem: "a path of one machine",
  },
  {
    pattern:
      /\bnp[m]js\.(?:org|com)|\bpyp[i]\.org|pythonhost[e]d\.org|proxy\.gol[a]ng\.org|\bregistr[y]\.[a-z]/g,
    where: "text",
    problem: "which registry is used, the machine's configuration says",
  },
]

const skip = /\.skip(?:If)?\s*\(|\.runIf\s*\(/g

/** A skip is explained by a comment on its line or on the one above. */
const unexplainedSkips = (source: Source): ReadonlyArray<string> => {
  const lines = source.text.split("\n")
  return [...lexedOf(source).code.matchAll(skip)].flatMap(({ index }) => {
    const line = lineOf(source.text, index)
    const around = lines.slice(Math.max(0, line - 2), line).join("\n")
    return /\/\/|\*\//.test(around) ? [] : [`${source.path}:${line} skips without a comment that says why`]
  })
}

const isCode = ({ path }: Source): boolean => path.endsWith(".ts")

const wordsIn = (source: Source): ReadonlyArray<string> =>
  words
    .filter(({ where }) => where === "text" || isCode(source))
    .flatMap(({ pattern, where, problem }) => {
      const text = where === "text" ? source.text : lexedOf(source).code
      return [...text.matchAll(pattern)].map(
        ({ 0: word, index }) => `${source.path}:${lineOf(source.text, index)} "${word}": ${problem}`,
      )
    })

const violations = (sources: ReadonlyArray<Source>): ReadonlyArray<string> =>
  sources.flatMap((source) => [...wordsIn(source), ...(isCode(source) ? unexplainedSkips(source) : [])])

describe("the tree", () => {
  it("holds no word that has no place in it", () => {
    expect(violations(everyFile)).toEqual([])
  })
})

describe("the rule about words notices", () => {
  const problems = (text: string, path = "engine/node.ts") => violations([{ path, text }])
  /** Joins what must not stand in this file in one piece. */
  const join = (...parts: ReadonlyArray<string>) => parts.join("")

  it.each([
    join("// TO", "DO: later"),
    join("// FIX", "ME"),
    join("// XX", "X"),
    join("it.on", "ly(title, test)"),
    join("const loose = value as an", "y"),
    join("// @ts-ig", "nore"),
    join("debug", "ger"),
    join('const path = "/wo', 'rk/main"'),
    join('const path = "/ro', 'ot/go"'),
    join("const host = `registr", "y.npm", "js.org`"),
    join("it.sk", "ip(title, test)"),
  ])("%s", (text) => {
    expect(problems(text).length).toBeGreaterThan(0)
  })

  it("a registry in the lock file", () => {
    const entry = join('"resolved": "https://registr', "y.npm", 'js.org/ws/-/ws-8.23.0.tgz"')
    expect(problems(entry, "package-lock.json").length).toBeGreaterThan(0)
  })

  it("nothing in a skip that says why, or in a path of an address", () => {
    expect(
      problems(join("// No server of this version for the platform.\nit.sk", "ipIf(absent)(title, test)")),
    ).toEqual([])
    expect(problems(join('const route = "/api/wo', 'rk/items"'))).toEqual([])
  })
})
