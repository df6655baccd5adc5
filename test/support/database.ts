/**
 * A fresh embedded database for a test suite, on disk in a directory of its own that goes away with it.
 * Creating one takes seconds, so a template is made once per machine and version and then copied.
 */

import { readFileSync } from "node:fs"
import { cp, mkdtemp, rename, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Database, type DatabaseConfig } from "../../resources/index.ts"

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly dependencies: Record<string, string>
}
const version = manifest.dependencies["@electric-sql/pglite"]
const templatePath = join(tmpdir(), `millrace-database-template-${version}-${process.getuid?.() ?? "user"}`)

const removed = (path: string) => Effect.promise(() => rm(path, { recursive: true, force: true }))

/** A directory for the scope's time. */
export const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "millrace-database-"))),
  removed,
)

/** Made beside its place and moved there whole, so that suites running at once do not see half of one. */
const makeTemplate = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const draft = join(directory, "pg")
  yield* Effect.scoped(Layer.build(Database.layer({ dataDirectory: draft })))
  yield* Effect.promise(() => rename(draft, templatePath).catch(() => {}))
}).pipe(Effect.scoped)

const template = Effect.gen(function* () {
  const exists = yield* Effect.promise(() =>
    stat(templatePath).then(
      () => true,
      () => false,
    ),
  )
  if (!exists) yield* makeTemplate
  return templatePath
})

/** A data directory with an empty database in it, for the scope's time. */
export const temporaryDataDirectory = Effect.gen(function* () {
  const source = yield* template
  const dataDirectory = join(yield* temporaryDirectory, "pg")
  yield* Effect.promise(() => cp(source, dataDirectory, { recursive: true }))
  return dataDirectory
})

/** `Database`, `SqlClient` and `PgClient` on a database of their own. */
export const ephemeralDatabase = (config: Omit<DatabaseConfig, "url" | "dataDirectory"> = {}) =>
  Layer.unwrap(
    Effect.map(temporaryDataDirectory, (dataDirectory) => Database.layer({ ...config, dataDirectory })),
  )
