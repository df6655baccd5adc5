import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Checkpoint from "../../../../actors/cep/lane/checkpoint.ts"
import { type KeyValue, Unavailable } from "../../../../engine/index.ts"
import { makeKeyValue, ValueStore } from "../../../../engine/memory/key-value.ts"

const away = Effect.fail(new Unavailable({ port: "test", detail: "the answer was lost" }))
const bytes = (text: string) => [new TextEncoder().encode(text)]
const text = (state: Uint8Array | undefined) => new TextDecoder().decode(state)

/** A store whose next answers of one operation are lost, though it is carried out. */
const unsure = (store: KeyValue.KeyValueStore) => {
  const lose = { putMany: [] as Array<boolean>, removeMany: [] as Array<boolean> }
  const removed: Array<ReadonlyArray<string>> = []
  const unsureStore: KeyValue.KeyValueStore = {
    getMany: store.getMany,
    putMany: (writes) =>
      Effect.flatMap(store.putMany(writes), (done) =>
        lose.putMany.shift() === true ? away : Effect.succeed(done),
      ),
    removeMany: (keys) => {
      removed.push(keys)
      return Effect.andThen(
        store.removeMany(keys),
        Effect.suspend(() => (lose.removeMany.shift() === true ? away : Effect.void)),
      )
    },
  }
  return { lose, removed, store: unsureStore }
}

const keysOf = ({ values }: ValueStore) => [...values.keys()].filter((key) => !key.endsWith("/head"))

describe("the checkpoint of a lane", () => {
  it("is whole when a removal of its owner's claim is carried out once more after it was stored", async () => {
    const values = new ValueStore()
    const { store, lose, removed } = unsure(makeKeyValue(values))
    const run = Effect.gen(function* () {
      const first = yield* Checkpoint.claim(store, 0, "one")
      yield* Checkpoint.save(store, 0, first, 7, bytes("of one"), 1)
      lose.putMany.push(true)
      yield* Effect.flip(Checkpoint.claim(store, 0, "two"))
      const claimed = yield* Checkpoint.claim(store, 0, "two")
      yield* Checkpoint.save(store, 0, claimed, 8, bytes("of two"), 1)
      for (const keys of [...removed]) yield* store.removeMany(keys)
      const last = yield* Checkpoint.claim(store, 0, "three")
      expect([last.head.sequence, text(last.state)]).toEqual([8, "of two"])
    })
    await Effect.runPromise(run)
  })

  it("leaves nothing behind of attempts whose outcome was unclear", async () => {
    const values = new ValueStore()
    const { store, lose } = unsure(makeKeyValue(values))
    const run = Effect.gen(function* () {
      let held: Checkpoint.Held = yield* Checkpoint.claim(store, 0, "one")
      held = (yield* Checkpoint.save(store, 0, held, 1, bytes("a"), 1))!
      // Of the second and third the parts, of the fourth the head, of the fifth the removal.
      lose.putMany.push(true)
      yield* Effect.flip(Checkpoint.save(store, 0, held, 2, bytes("b"), 2))
      lose.putMany.push(true)
      yield* Effect.flip(Checkpoint.save(store, 0, held, 3, bytes("c"), 3))
      lose.putMany.push(false, true)
      yield* Effect.flip(Checkpoint.save(store, 0, held, 4, bytes("d"), 4))
      held = (yield* Checkpoint.save(store, 0, held, 5, bytes("e"), 5))!
      expect(held.head.sequence).toBe(4)
      expect(keysOf(values)).toEqual(["lane/0/one-4-0"])
      lose.removeMany.push(true)
      yield* Effect.flip(Checkpoint.save(store, 0, held, 6, bytes("f"), 6))
      held = (yield* Checkpoint.save(store, 0, held, 7, bytes("g"), 7))!
      held = (yield* Checkpoint.save(store, 0, held, 8, bytes("h"), 8))!
      expect(keysOf(values)).toEqual(["lane/0/one-8-0"])
      const last = yield* Checkpoint.claim(store, 0, "two")
      expect([last.head.sequence, text(last.state)]).toEqual([8, "h"])
    })
    await Effect.runPromise(run)
  })

  it("that is thrown away begins behind a sequence, leaves no parts, and is lost to whoever had it", async () => {
    const values = new ValueStore()
    const store = makeKeyValue(values)
    const run = Effect.gen(function* () {
      const claimed = yield* Checkpoint.claim(store, 0, "one")
      const held = (yield* Checkpoint.save(store, 0, claimed, 7, bytes("of one"), 1))!
      expect(yield* Checkpoint.reached(store, 0)).toBe(7)
      yield* Checkpoint.discard(store, 0, "operator", 40)
      expect(keysOf(values)).toEqual([])
      expect(yield* Checkpoint.save(store, 0, held, 9, bytes("late"), 2)).toBeUndefined()
      const next = yield* Checkpoint.claim(store, 0, "two")
      expect([next.head.sequence, next.state]).toEqual([40, undefined])
      // What the one that lost it wrote before it found out is gone as well.
      expect(keysOf(values)).toEqual([])
      yield* Checkpoint.save(store, 0, next, 41, bytes("of two"), 1)
      expect(text((yield* Checkpoint.claim(store, 0, "three")).state)).toBe("of two")
    })
    await Effect.runPromise(run)
  })

  it("is thrown away though its head is damaged", async () => {
    const values = new ValueStore()
    const store = makeKeyValue(values)
    const run = Effect.gen(function* () {
      const write = { key: "lane/0/head", value: bytes("{")[0]!, expectedRevision: 0 }
      yield* store.putMany([write])
      expect(yield* Checkpoint.reached(store, 0)).toBeUndefined()
      expect(yield* Effect.flip(Checkpoint.claim(store, 0, "one"))).toMatchObject({ _tag: "CorruptRecord" })
      yield* Checkpoint.discard(store, 0, "operator", 40)
      expect((yield* Checkpoint.claim(store, 0, "one")).head.sequence).toBe(40)
    })
    await Effect.runPromise(run)
  })
})
