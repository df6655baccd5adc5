/** Journals that were recorded once fold for ever, whatever becomes of the engine and of the kinds. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { kinds } from "../../actors/index.ts"
import { Address, History } from "../../engine/index.ts"
import { makeLog } from "../../engine/memory/log.ts"
import { type Deployment, deployed, implementation } from "../support/deployment.ts"
import { eventsOf, type Fixture, fixtures, statesAs } from "./fixture.ts"

/** What is still sent to them by old journals is kept as dead letters; their own journals are passed over. */
const goneKinds: ReadonlySet<string> = new Set(["rule-index"])
const all = fixtures()
const recorded = all.filter(({ kind }) => !goneKinds.has(kind))
const title = ({ kind, version, part }: Fixture) =>
  `${kind}, version ${version}${part === undefined ? "" : `, part ${part}`}`

/** Puts the recorded journal where a node finds it. */
const restore = ({ stores }: Deployment, { records }: Fixture): void => {
  for (const [index, record] of records.entries()) {
    expect(stores.journal.append(0, new TextEncoder().encode(record), index)).toBe(index + 1)
  }
}

const kindOf = (name: string) => kinds.find(({ protocol }) => protocol.kind === name)!

describe("a recorded journal of", () => {
  for (const fixture of recorded) {
    it(
      `${title(fixture)} folds to the state that it had then`,
      deployed(
        (deployment) =>
          Effect.gen(function* () {
            restore(deployment, fixture)
            const journal = makeLog(deployment.stores.journal)
            const states = statesAs(fixture, kindOf(fixture.kind).protocol.version)
            expect(states, "record them with `node test/golden/record.ts`").toBeDefined()
            expect(Object.keys(states!)).toEqual(Object.keys(fixture.states))
            for (const [id, state] of Object.entries(states!)) {
              const address = Address.parse(id)!
              const { entries, complete } = yield* History.read(journal, 1, address)
              expect(complete).toBe(true)
              const rebuilt = History.fold(kindOf(fixture.kind), address, entries)
              expect(rebuilt.failure).toBeUndefined()
              expect(JSON.parse(JSON.stringify(rebuilt.state))).toEqual(state)
            }
          }),
        { partitions: 1 },
      ),
    )

    it(
      `${title(fixture)} is taken over by a node that works on from it`,
      deployed(
        (deployment) =>
          Effect.gen(function* () {
            restore(deployment, fixture)
            const { engine } = yield* deployment.start(kinds.map((kind) => implementation(kind)))
            const [state] = (yield* engine.status).partitions
            expect(state?._tag).toBe("Live")
            const cells = state?._tag === "Live" ? [...state.partition.cells.values()] : []
            expect(cells.map(({ id }) => id)).toEqual(expect.arrayContaining(Object.keys(fixture.states)))
            expect(cells.flatMap(({ failure }) => failure ?? [])).toEqual([])
            const dead = deployment.deadLetters().map(({ entry }) => Address.kindOf(entry.to))
            expect(dead.filter((kind) => !goneKinds.has(kind))).toEqual([])
          }),
        { partitions: 1 },
      ),
    )
  }
})

describe("a recorded journal of a kind that is gone", () => {
  for (const fixture of all.filter(({ kind }) => goneKinds.has(kind))) {
    it(
      `${title(fixture)} is passed over by a node that works on after it`,
      deployed(
        (deployment) =>
          Effect.gen(function* () {
            restore(deployment, fixture)
            const { engine } = yield* deployment.start(kinds.map((kind) => implementation(kind)))
            const [state] = (yield* engine.status).partitions
            expect(state).toMatchObject({ _tag: "Live" })
            expect(state?._tag === "Live" ? state.partition.cells.size : undefined).toBe(0)
          }),
        { partitions: 1 },
      ),
    )
  }
})

describe("every actor kind", () => {
  for (const kind of kinds) {
    const { kind: name, version } = kind.protocol
    it(`has a recorded journal of its version with each of its events: ${name}, version ${version}`, () => {
      const parts = recorded.filter((one) => one.kind === name && one.version === version)
      expect(eventsOf(name, parts), "record it with `node test/golden/record.ts`").toEqual(
        new Set(Object.keys(kind.events)),
      )
    })
  }
})
