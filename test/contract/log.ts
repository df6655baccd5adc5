/** What every `Log` must do, whichever way it stores: run against memory and against real servers. */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { expect } from "vitest"
import type { Log, LogReader } from "../../engine/log.ts"

export interface LogFixture {
  /** Refuses the message after `messagesPerPartitionMax` with `LogFull`. */
  readonly mailbox: Log
  /** Unbounded as far as these tests go; appended to under compare-and-set. */
  readonly journal: Log
}

export const messagesPerPartitionMax = 20

const encoder = new TextEncoder()
const decoder = new TextDecoder()
export const bytes = (text: string): Uint8Array => encoder.encode(text)
export const text = (data: Uint8Array | undefined): string | undefined =>
  data === undefined ? undefined : decoder.decode(data)

/** Takes until `count` messages are there. */
export const takeCount = Effect.fnUntraced(function* (reader: LogReader, count: number) {
  const taken = []
  while (taken.length < count) taken.push(...(yield* reader.take))
  return taken
})

/** Appends under compare-and-set, one after the other; answers the sequences. */
export const appendChain = Effect.fnUntraced(function* (
  log: Log,
  partition: number,
  texts: ReadonlyArray<string>,
  from = 0,
) {
  const sequences: Array<number> = []
  for (const value of texts) {
    const expectedLast = sequences.at(-1) ?? from
    sequences.push(yield* log.append(partition, bytes(value), { id: value, expectedLast }))
  }
  return sequences
})

const names = (count: number, prefix = "m") =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** `fresh` gives empty logs. */
export const logContract = (title: string, fresh: Effect.Effect<LogFixture, unknown, Scope.Scope>) =>
  describe(`the log contract on ${title}`, () => {
    it.live("has no last message before the first append and shows each append at once", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        expect(yield* journal.last(1)).toBeUndefined()
        let last = 0
        for (const name of names(20)) {
          const sequence = yield* journal.append(1, bytes(name), { id: name, expectedLast: last })
          expect(sequence).toBeGreaterThan(last)
          last = sequence
          const found = yield* journal.last(1)
          expect([found?.sequence, text(found?.data)]).toEqual([sequence, name])
        }
        expect(yield* journal.last(2)).toBeUndefined()
      }),
    )

    it.live("refuses an append that expects another last sequence, and stores nothing", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        const [first, second] = yield* appendChain(journal, 0, ["a", "b"])
        for (const expectedLast of [0, first!, second! + 1]) {
          const result = yield* Effect.result(
            journal.append(0, bytes("x"), { id: `x${expectedLast}`, expectedLast }),
          )
          expect(Result.isFailure(result) && result.failure._tag).toBe("Conflict")
        }
        expect((yield* journal.last(0))?.sequence).toBe(second)
      }),
    )

    it.live("accepts exactly one of many writers that expect the same last sequence", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        let last = 0
        for (let round = 0; round < 30; round++) {
          const results = yield* Effect.forEach(
            names(12, `writer-${round}-`),
            (name) => Effect.result(journal.append(5, bytes(name), { id: name, expectedLast: last })),
            { concurrency: "unbounded" },
          )
          const accepted = results.filter(Result.isSuccess)
          const failures = results.filter(Result.isFailure).map(({ failure }) => failure._tag)
          expect(accepted).toHaveLength(1)
          expect(new Set(failures)).toEqual(new Set(["Conflict"]))
          last = accepted[0]!.success
          expect((yield* journal.last(5))?.sequence).toBe(last)
        }
      }),
    )

    it.live("reads what is stored and then what arrives, in order and without gaps", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        const stored = yield* appendChain(journal, 3, names(50))
        yield* appendChain(journal, 4, names(10, "other"))
        const reader = yield* journal.open(3, 0)
        const writer = yield* Effect.forkChild(appendChain(journal, 3, names(50, "later"), stored.at(-1)))
        const taken = yield* takeCount(reader, 100)
        const arrived = yield* Fiber.join(writer)
        expect(taken.map(({ sequence }) => sequence)).toEqual([...stored, ...arrived])
        expect(taken.map(({ data }) => text(data))).toEqual([...names(50), ...names(50, "later")])
      }),
    )

    it.live("opens at the first stored message whose sequence is not below the asked one", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        const sequences = yield* appendChain(journal, 0, names(6))
        const middle = yield* journal.open(0, sequences[3]!)
        expect((yield* takeCount(middle, 3)).map(({ sequence }) => sequence)).toEqual(sequences.slice(3))
        const beyond = yield* journal.open(0, sequences[5]! + 1)
        const later = yield* appendChain(journal, 0, ["new"], sequences[5])
        expect((yield* takeCount(beyond, 1)).map(({ sequence }) => sequence)).toEqual(later)
      }),
    )

    it.live("keeps a taker waiting until a message is there", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        const reader = yield* journal.open(7, 0)
        const taker = yield* Effect.forkChild(reader.take)
        yield* appendChain(journal, 7, ["awaited"])
        expect((yield* Fiber.join(taker)).map(({ data }) => text(data))).toEqual(["awaited"])
      }),
    )

    it.live("gives each reader everything, and stops one with its scope only", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        const scope = yield* Scope.make()
        const closing = yield* Effect.provideService(journal.open(2, 0), Scope.Scope, scope)
        const staying = yield* journal.open(2, 0)
        const sequences = yield* appendChain(journal, 2, names(5))
        expect(yield* takeCount(closing, 5)).toHaveLength(5)
        yield* Scope.close(scope, Exit.void)
        const more = yield* appendChain(journal, 2, names(5, "more"), sequences.at(-1))
        const taken = yield* takeCount(staying, 10)
        expect(taken.map(({ sequence }) => sequence)).toEqual([...sequences, ...more])
      }),
    )

    it.live("delivers everything in order to a reader that takes late", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        const reader = yield* journal.open(6, 0)
        const sequences = yield* appendChain(journal, 6, names(500))
        const taken = yield* takeCount(reader, 500)
        expect(taken.map(({ sequence }) => sequence)).toEqual(sequences)
      }),
    )

    it.live("drops the messages up to and including the trimmed sequence, and only of that partition", () =>
      Effect.gen(function* () {
        const { mailbox } = yield* fresh
        const put = (partition: number, name: string) => mailbox.append(partition, bytes(name), { id: name })
        const sequences = yield* Effect.forEach(names(6), (name) => put(0, name))
        yield* Effect.forEach(names(3, "other"), (name) => put(1, name))
        yield* mailbox.trim(0, sequences[2]!)
        yield* mailbox.trim(0, sequences[2]!)
        const left = yield* takeCount(yield* mailbox.open(0, 0), 3)
        expect(left.map(({ sequence }) => sequence)).toEqual(sequences.slice(3))
        expect(yield* takeCount(yield* mailbox.open(1, 0), 3)).toHaveLength(3)
        yield* mailbox.trim(0, sequences[5]!)
        expect(yield* mailbox.last(0)).toBeUndefined()
      }),
    )

    it.live("goes on from the same last sequence after everything has been trimmed", () =>
      Effect.gen(function* () {
        const { journal } = yield* fresh
        const sequences = yield* appendChain(journal, 0, names(4))
        yield* journal.trim(0, sequences[3]!)
        const stale = yield* Effect.result(journal.append(0, bytes("x"), { id: "x", expectedLast: 0 }))
        expect(Result.isFailure(stale) && stale.failure._tag).toBe("Conflict")
        const [next] = yield* appendChain(journal, 0, ["next"], sequences[3])
        expect((yield* journal.last(0))?.sequence).toBe(next)
      }),
    )

    it.live("refuses what a full partition can not hold, keeps what it has, and goes on after a trim", () =>
      Effect.gen(function* () {
        const { mailbox } = yield* fresh
        const put = (partition: number, name: string) => mailbox.append(partition, bytes(name), { id: name })
        const sequences = yield* Effect.forEach(names(messagesPerPartitionMax), (name) => put(0, name))
        const refused = yield* Effect.result(put(0, "one too many"))
        expect(Result.isFailure(refused) && refused.failure._tag).toBe("LogFull")
        expect((yield* mailbox.last(0))?.sequence).toBe(sequences.at(-1))
        yield* put(1, "another partition has room")
        yield* mailbox.trim(0, sequences[0]!)
        const accepted = yield* put(0, "room again")
        expect((yield* mailbox.last(0))?.sequence).toBe(accepted)
      }),
    )
  })
