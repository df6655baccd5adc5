/** What every `KeyValueStore` must do, whichever way it stores: run against memory and against real servers. */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import fc from "fast-check"
import { expect } from "vitest"
import type { KeyValueStore } from "../../engine/key-value.ts"
import { bytes, text } from "./log.ts"

const isRevision = (answer: unknown): answer is number => typeof answer === "number"

const get = (store: KeyValueStore, key: string) =>
  Effect.map(store.getMany([key]), ([stored]) => (stored === undefined ? undefined : text(stored.value)))

/** `fresh` gives an empty store. */
export const keyValueContract = (title: string, fresh: Effect.Effect<KeyValueStore, unknown, Scope.Scope>) =>
  describe(`the key-value contract on ${title}`, () => {
    it.live("answers in the order of the keys, undefined where there is no value", () =>
      Effect.gen(function* () {
        const store = yield* fresh
        const keys = Array.from({ length: 300 }, (_, index) => `agent/${index}`)
        const revisions = yield* store.putMany(
          keys.map((key) => ({ key, value: bytes(`of ${key}`), expectedRevision: 0 })),
        )
        const found = yield* store.getMany(["absent", ...keys, keys[0]!])
        expect(found[0]).toBeUndefined()
        expect(found.slice(1, -1).map((stored) => text(stored?.value))).toEqual(
          keys.map((key) => `of ${key}`),
        )
        expect(found.slice(1, -1).map((stored) => stored?.revision)).toEqual(revisions)
        expect(found.at(-1)).toEqual(found[1])
        expect(yield* store.getMany([])).toEqual([])
        expect(yield* store.putMany([])).toEqual([])
      }),
    )

    it.live("writes the keys that are at the expected revision and refuses the others, each by itself", () =>
      Effect.gen(function* () {
        const store = yield* fresh
        const write = (key: string, value: string, expectedRevision: number) => ({
          key,
          value: bytes(value),
          expectedRevision,
        })
        const [a, b] = (yield* store.putMany([write("a", "1", 0), write("b", "1", 0)])) as [number, number]
        const answers = yield* store.putMany([
          write("a", "2", a),
          write("b", "2", b + 1_000),
          write("c", "2", 7),
          write("d", "2", 0),
        ])
        expect(answers.map((answer) => (isRevision(answer) ? "written" : answer._tag))).toEqual([
          "written",
          "Conflict",
          "Conflict",
          "written",
        ])
        expect(answers[0]).toBeGreaterThan(a)
        const values = yield* Effect.forEach(["a", "b", "c", "d"], (key) => get(store, key))
        expect(values).toEqual(["2", "1", undefined, "2"])
      }),
    )

    it.live("writes all but the refused ones of many keys", () =>
      Effect.gen(function* () {
        const store = yield* fresh
        const keys = Array.from({ length: 700 }, (_, index) => `k${index}`)
        const write = (round: string, revisions: ReadonlyArray<number>) =>
          store.putMany(
            keys.map((key, index) => ({ key, value: bytes(round), expectedRevision: revisions[index]! })),
          )
        const first = yield* write("first", new Array(keys.length).fill(0))
        const revisions = first.filter(isRevision)
        expect(revisions).toHaveLength(keys.length)
        const second = yield* write("second", revisions)
        expect(second.every((answer, index) => isRevision(answer) && answer > revisions[index]!)).toBe(true)
        const stale = (index: number) => index === 3 || index === 650
        const third = yield* write(
          "third",
          second.map((answer, index) => (stale(index) ? revisions[index]! : (answer as number))),
        )
        expect(third.map(isRevision)).toEqual(keys.map((_, index) => !stale(index)))
        const found = yield* store.getMany(keys)
        expect(found.map((stored) => text(stored?.value))).toEqual(
          keys.map((_, index) => (stale(index) ? "second" : "third")),
        )
        expect(found.map((stored) => stored?.revision)).toEqual(
          third.map((answer, index) => (isRevision(answer) ? answer : second[index])),
        )
      }),
    )

    it.live("accepts exactly one of many writers that expect the same revision", () =>
      Effect.gen(function* () {
        const store = yield* fresh
        let revision = 0
        for (let round = 0; round < 20; round++) {
          const answers = yield* Effect.forEach(
            Array.from({ length: 12 }, (_, writer) => `${round}-${writer}`),
            (name) => store.putMany([{ key: "shared", value: bytes(name), expectedRevision: revision }]),
            { concurrency: "unbounded" },
          )
          const accepted = answers.flat().filter(isRevision)
          expect(accepted).toHaveLength(1)
          revision = accepted[0]!
          const [stored] = yield* store.getMany(["shared"])
          expect(stored?.revision).toBe(revision)
        }
      }),
    )

    it.live("removes whatever the revision, once or twice, and starts again from revision 0", () =>
      Effect.gen(function* () {
        const store = yield* fresh
        const write = (expectedRevision: number) => ({ key: "k", value: bytes("v"), expectedRevision })
        const [first] = yield* store.putMany([write(0)])
        yield* store.removeMany(["k", "never there"])
        yield* store.removeMany(["k"])
        expect(yield* store.getMany(["k"])).toEqual([undefined])
        const [stale] = yield* store.putMany([write(first as number)])
        expect(isRevision(stale)).toBe(false)
        const [again] = yield* store.putMany([write(0)])
        expect(again).toBeGreaterThan(first as number)
      }),
    )

    it.live("keeps any two keys apart, whatever characters they are made of", () =>
      Effect.gen(function* () {
        const store = yield* fresh
        const awkward = [
          "",
          " ",
          ".",
          "..",
          "*",
          ">",
          "a.b",
          "a b",
          "a/b",
          "a=b",
          "a%2Eb",
          "A",
          "a",
          "é",
          "日本",
          "🌊",
          "=",
          "==",
          "=00=00",
          "\u0000",
          "\n",
          "a".repeat(330),
          "é".repeat(330),
          "x".repeat(5_000),
          `${"x".repeat(4_999)}y`,
        ]
        const text = fc.string({ unit: "grapheme", maxLength: 40 })
        const generated = fc.sample(text, { numRuns: 300, seed: 7 })
        const keys = [...new Set([...awkward, ...generated])]
        yield* store.putMany(
          keys.map((key, index) => ({ key, value: bytes(`value ${index}`), expectedRevision: 0 })),
        )
        const found = yield* Effect.forEach(keys, (key) => get(store, key), { concurrency: 50 })
        expect(found).toEqual(keys.map((_, index) => `value ${index}`))
      }),
    )

    it.live("keeps values byte for byte, the empty one too", () =>
      Effect.gen(function* () {
        const store = yield* fresh
        const values = [
          new Uint8Array(0),
          Uint8Array.from({ length: 256 }, (_, index) => index),
          new Uint8Array(200_000),
        ]
        const keys = values.map((_, index) => `v${index}`)
        yield* store.putMany(
          values.map((value, index) => ({ key: keys[index]!, value, expectedRevision: 0 })),
        )
        expect((yield* store.getMany(keys)).map((stored) => stored?.value)).toEqual(values)
      }),
    )
  })
