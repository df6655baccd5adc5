/** A recorded journal: the bytes of its records as text, and the states to which it must fold for ever. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export interface Fixture {
  readonly kind: string
  /** Of the kind, when it was recorded. */
  readonly version: number
  /** Records of the only partition, by sequence from 1. */
  readonly records: ReadonlyArray<string>
  /** Encoded states of this kind's actors, by formatted address. */
  readonly states: Readonly<Record<string, unknown>>
}

export const journalsFolder = join(import.meta.dirname, "journals")

export const fixtureName = (kind: string, version: number): string => `${kind}.v${version}.journal`

/** Where the states stand to which a later version folds the journal of an older one. */
export const statesName = (kind: string, version: number, later: number): string =>
  `${kind}.v${version}.as-v${later}.states`

export const fixtures = (): ReadonlyArray<Fixture> =>
  readdirSync(journalsFolder)
    .filter((name) => name.endsWith(".journal"))
    .map((name) => JSON.parse(readFileSync(join(journalsFolder, name), "utf8")) as Fixture)

/** The states to which a version must fold a journal; undefined when they were never recorded. */
export const statesAs = (fixture: Fixture, version: number): Fixture["states"] | undefined => {
  if (fixture.version === version) return fixture.states
  const path = join(journalsFolder, statesName(fixture.kind, fixture.version, version))
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Fixture["states"]) : undefined
}
