/** What a file brings in: modules it imports, and files of this project that it names to run them. */
import { posix } from "node:path"
import { lineOf } from "./lexer.ts"
import { lexedOf, type Source } from "./sources.ts"

export interface Import {
  readonly specifier: string
  readonly line: number
}

const importing = /(?:\bfrom|\bimport|\bimport\s*\()\s*$/

export const importsOf = (source: Source): ReadonlyArray<Import> => {
  const { code, literals } = lexedOf(source)
  return literals
    .filter(({ start }) => importing.test(code.slice(Math.max(0, start - 20), start)))
    .map(({ start, value }) => ({ specifier: value, line: lineOf(source.text, start) }))
}

/** The path that a relative specifier names, from the project's root; undefined for a package. */
export const resolveImport = (from: string, specifier: string): string | undefined =>
  specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : undefined

/**
 * Files that a file needs: imported ones, and those whose name it passes to whoever starts a process or a suite. Such a
 * name may be meant from the project's root.
 */
export const neededBy = (source: Source): ReadonlyArray<string> =>
  lexedOf(source)
    .literals.filter(({ value }) => value.endsWith(".ts"))
    .flatMap(({ value }) => [
      posix.join(posix.dirname(source.path), value),
      ...(value.startsWith(".") ? [] : [posix.normalize(value)]),
    ])
