/** The tree is the glossary: names say what a thing is, and each folder names in one place what others may use. */
import { describe, expect, it } from "vitest"
import { folderOf, typescript } from "./sources.ts"

/** Folders of the product that others import. `cli` and the files at the root are only started. */
const withIndex = ["schemas", "engine", "streams", "resources", "ops", "actors", "gateway"]
const withoutIndex = ["cli", "main", "test", "bench"]

const sayNothing = /(?:^|\/)(?:utils?|helpers?|common|misc|shared|lib)(?:\/|\.ts$)|(?:^|\/)types\.ts$/
const kebabCase = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*|\.[a-z]+)(?:\.(?:test|config))?\.ts$/

const badNames = (paths: ReadonlyArray<string>): ReadonlyArray<string> =>
  paths.flatMap((path) => [
    ...(sayNothing.test(path) ? [`${path}: name the concept that it is about`] : []),
    ...(kebabCase.test(path.slice(path.lastIndexOf("/") + 1)) ? [] : [`${path}: files are kebab-case`]),
  ])

const badIndexes = (paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  const folders = new Set(paths.map(folderOf))
  const missing = withIndex.filter((folder) => !paths.includes(`${folder}/index.ts`))
  const unknown = [...folders].filter(
    (folder) => !withIndex.includes(folder) && !withoutIndex.includes(folder),
  )
  const indexes = paths.filter((path) => /(?:^|\/)index\.ts$/.test(path))
  const misplaced = indexes.filter((path) => !withIndex.some((folder) => path === `${folder}/index.ts`))
  return [
    ...missing.map((folder) => `${folder}/index.ts is missing`),
    ...unknown.map(
      (folder) => `${folder}/ is new: give it a place in the tidy tests and in docs/architecture.md`,
    ),
    ...misplaced.map((path) => `${path}: only a folder of the first level has an index`),
  ]
}

const paths = typescript.map(({ path }) => path)

describe("names", () => {
  it("say what a file is about", () => {
    expect(badNames(paths)).toEqual([])
  })

  it("are given to others by one index for each folder of the first level", () => {
    expect(badIndexes(paths)).toEqual([])
  })
})

describe("the rule about names notices", () => {
  it.each([
    "engine/utils.ts",
    "engine/utils/time.ts",
    "ops/helpers.ts",
    "common/time.ts",
    "gateway/types.ts",
    "misc.ts",
  ])("%s", (path) => expect(badNames([path])).toHaveLength(1))

  it("a name that is not kebab-case", () => {
    expect(badNames(["engine/MailBox.ts", "engine/mail_box.ts"])).toHaveLength(2)
    expect(badNames(["engine/mail-box.ts", "test/unit/mail-box.test.ts", "vitest.config.ts"])).toEqual([])
  })

  it("a missing, a deeper and a new index", () => {
    const indexes = withIndex.map((folder) => `${folder}/index.ts`)
    expect(badIndexes(indexes)).toEqual([])
    expect(badIndexes(indexes.slice(1))).toEqual(["schemas/index.ts is missing"])
    expect(badIndexes([...indexes, "engine/memory/index.ts"])).toHaveLength(1)
    expect(badIndexes([...indexes, "plugins/one.ts"])).toHaveLength(1)
  })
})
