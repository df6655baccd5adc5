/** A recorded journal: the bytes of its records as text, and the states to which it must fold for ever. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Address, JournalRecord } from "../../engine/index.ts"

export interface Fixture {
  readonly kind: string
  /** Of the kind, when it was recorded. */
  readonly version: number
  /** From 2 on: recorded later, for events that the version did not have at first. */
  readonly part?: number
  /** Records of the only partition, by sequence from 1. */
  readonly records: ReadonlyArray<string>
  /** Encoded states of this kind's actors, by formatted address. */
  readonly states: Readonly<Record<string, unknown>>
}

export const journalsFolder = join(import.meta.dirname, "journals")

const nameOf = (kind: string, version: number, part = 1): string =>
  `${kind}.v${version}${part === 1 ? "" : `.part${part}`}`

export const fixtureName = (kind: string, version: number, part?: number): string =>
  `${nameOf(kind, version, part)}.journal`

/** Where the states stand to which a later version folds the journal of an older one. */
export const statesName = ({ kind, version, part }: Fixture, later: number): string =>
  `${nameOf(kind, version, part)}.as-v${later}.states`

/** Names of the events that happen in them. */
export const eventsOf = (kind: string, all: ReadonlyArray<Fixture>): ReadonlySet<string> =>
  new Set(
    all.flatMap(({ records }) =>
      records.flatMap((text) => {
        const record = JournalRecord.decode(new TextEncoder().encode(text))
        if ("corrupt" in record) throw new Error(record.corrupt)
        return record.entries.flatMap(({ to, events }) =>
          Address.kindOf(to) === kind ? (events ?? []).map(({ _tag }) => _tag) : [],
        )
      }),
    ),
  )

export const fixtures = (): ReadonlyArray<Fixture> =>
  readdirSync(journalsFolder)
    .filter((name) => name.endsWith(".journal"))
    .map((name) => JSON.parse(readFileSync(join(journalsFolder, name), "utf8")) as Fixture)

/** The states to which a version must fold a journal; undefined when they were never recorded. */
export const statesAs = (fixture: Fixture, version: number): Fixture["states"] | undefined => {
  if (fixture.version === version) return fixture.states
  const path = join(journalsFolder, statesName(fixture, version))
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Fixture["states"]) : undefined
}
