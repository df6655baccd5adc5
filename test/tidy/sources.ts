/** The files of this checkout as the tidy rules see them, read once. */
import { readdirSync, readFileSync } from "node:fs"
import { join, posix } from "node:path"
import { type Lexed, lex } from "./lexer.ts"

export interface Source {
  /** From the project's root, with forward slashes. */
  readonly path: string
  readonly text: string
}

export const root = join(import.meta.dirname, "../..")

/** What a checkout does not hold: see `.gitignore`. */
const leftOut = new Set([".git", ".millrace", "node_modules", "coverage"])
const isLeftOut = (name: string): boolean =>
  leftOut.has(name) || name.endsWith(".log") || name.startsWith(".env")

const list = (folder: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (isLeftOut(entry.name)) return []
    const path = posix.join(folder, entry.name)
    return entry.isDirectory() ? list(path) : entry.isFile() ? [path] : []
  })

export const everyFile: ReadonlyArray<Source> = list(".").map((path) => ({
  path,
  text: readFileSync(join(root, path), "utf8"),
}))

export const typescript: ReadonlyArray<Source> = everyFile.filter(({ path }) => path.endsWith(".ts"))

const lexed = new WeakMap<Source, Lexed>()

/** `lex` of a file, kept: every rule asks for it. */
export const lexedOf = (source: Source): Lexed => {
  const known = lexed.get(source)
  if (known !== undefined) return known
  const result = lex(source.text)
  lexed.set(source, result)
  return result
}

/** First folder of a path; files at the root belong to `main`. */
export const folderOf = (path: string): string =>
  path.includes("/") ? path.slice(0, path.indexOf("/")) : "main"

export interface Manifest {
  readonly license: string
  readonly scripts: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

export const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest
