/** That what is kept is never older than the last change that was announced, and that nothing grows without end. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { makeSignals, SignalStore } from "../../../engine/memory/signals.ts"
import { type ChangesConnection, makeSignalled } from "../../../resources/changes/changes.ts"
import { Generations } from "../../../resources/changes/generations.ts"
import { Changes, Kept, keptOr } from "../../../resources/index.ts"

describe("the generations of topics", () => {
  it("grow with each change of the topic, and of no other", () => {
    const generations = new Generations()
    expect(generations.of("a")).toBe(0)
    generations.advance("a")
    const first = generations.of("a")
    generations.advance("a")
    expect(generations.of("a")).toBeGreaterThan(first)
    expect(generations.of("b")).toBe(0)
  })

  it("never return to an earlier number when there are too many topics", () => {
    const generations = new Generations(2)
    generations.advance("a")
    generations.advance("b")
    const before = { a: generations.of("a"), b: generations.of("b"), never: generations.of("never") }
    generations.advance("c")
    expect(generations.of("a")).toBeGreaterThan(before.a)
    expect(generations.of("b")).toBeGreaterThan(before.b)
    expect(generations.of("never")).toBeGreaterThan(before.never)
  })
})

describe("a kept value", () => {
  const kept = () => new Kept<string>({ entriesMax: 2, keepMs: 100 })

  it("ends with its time and with its generation", () => {
    const some = kept()
    some.put("k", "v", 1, 0)
    expect(some.get("k", 1, 99)).toBe("v")
    expect(some.get("k", 1, 100)).toBeUndefined()
    some.put("k", "v", 1, 0)
    expect(some.get("k", 2, 1)).toBeUndefined()
  })

  it("gives way, the oldest first, when there are too many", () => {
    const some = kept()
    for (const key of ["a", "b", "c"]) some.put(key, key, 1, 0)
    expect(["a", "b", "c"].map((key) => some.get(key, 1, 1))).toEqual([undefined, "b", "c"])
    expect(some.size).toBe(2)
  })

  it("is not pushed out by a slower load from before the change", () => {
    const some = kept()
    some.put("k", "new", 2, 10)
    some.put("k", "old", 1, 0)
    expect(some.get("k", 2, 11)).toBe("new")
  })
})

describe("loading what is not kept", () => {
  const limits = { entriesMax: 10, keepMs: 1_000 }

  it.effect("keeps an answer of nothing as well, until its time is over", () =>
    Effect.gen(function* () {
      const kept = new Kept<string | undefined>(limits)
      let loads = 0
      const read = keptOr(
        kept,
        "k",
        "t",
        Effect.sync(() => {
          loads += 1
          return undefined
        }),
      )
      yield* read
      yield* read
      expect(loads).toBe(1)
      yield* TestClock.adjust(1_000)
      yield* read
      expect(loads).toBe(2)
    }).pipe(Effect.provide(Changes.layerLocal)),
  )

  it.effect("does not keep as fresh what was read before a change that was announced meanwhile", () =>
    Effect.gen(function* () {
      const changes = yield* Changes
      const kept = new Kept<string>(limits)
      const gate = yield* Deferred.make<void>()
      let stored = "old"
      const slow = Effect.suspend(() => {
        const read = stored
        return Effect.as(Deferred.await(gate), read)
      })
      const early = yield* Effect.forkChild(keptOr(kept, "k", "t", slow), { startImmediately: true })
      stored = "new"
      yield* changes.announce("t")
      // Whoever asks after the change joins no load from before it.
      const late = yield* keptOr(
        kept,
        "k",
        "t",
        Effect.sync(() => stored),
      )
      yield* Deferred.succeed(gate, undefined)
      expect([yield* Fiber.join(early), late]).toEqual(["old", "new"])
      expect(yield* keptOr(kept, "k", "t", Effect.succeed("loaded again"))).toBe("new")
    }).pipe(Effect.provide(Changes.layerLocal)),
  )

  it.effect("is done once for all who ask at the same time, also when the first of them leaves", () =>
    Effect.gen(function* () {
      const kept = new Kept<string>(limits)
      const gate = yield* Deferred.make<void>()
      let loads = 0
      const read = keptOr(
        kept,
        "k",
        "t",
        Effect.suspend(() => {
          loads += 1
          return Effect.as(Deferred.await(gate), "v")
        }),
      )
      const asking = { startImmediately: true }
      const first = yield* Effect.forkChild(read, asking)
      const second = yield* Effect.forkChild(read, asking)
      const third = yield* Effect.forkChild(read, asking)
      expect(loads).toBe(1)
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      expect([yield* Fiber.join(second), yield* Fiber.join(third)]).toEqual(["v", "v"])
      expect(loads).toBe(2)
      expect(kept.loading.size).toBe(0)
    }).pipe(Effect.provide(Changes.layerLocal)),
  )

  it.effect("fails for all who asked, and is tried again by the next", () =>
    Effect.gen(function* () {
      const kept = new Kept<string>(limits)
      expect(yield* Effect.flip(keptOr(kept, "k", "t", Effect.fail("away")))).toBe("away")
      expect(yield* keptOr(kept, "k", "t", Effect.succeed("v"))).toBe("v")
    }).pipe(Effect.provide(Changes.layerLocal)),
  )
})

/** A node's end of a bus, whose connection the test breaks. */
const node = Effect.fnUntraced(function* (store: SignalStore, instance: string) {
  const listeners = new Set<(connected: boolean) => void>()
  let connected = true
  const connection: ChangesConnection = {
    instance,
    status: () => ({ connected, server: "", since: 0, reconnects: 0, lastError: undefined }),
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const bus = makeSignals(store)
  const changes = yield* makeSignalled(
    {
      publish: (topic, data) => connected && bus.publish(topic, data),
      subscribe: (topic, handle) => bus.subscribe(topic, (data) => connected && handle(data)),
    },
    connection,
  )
  const setConnected = (now: boolean) => {
    connected = now
    for (const listener of listeners) listener(now)
  }
  return { changes, setConnected }
})

describe("an announcement", () => {
  it.effect("reaches this node at once and the others over the bus, once each", () =>
    Effect.gen(function* () {
      const store = new SignalStore()
      const [here, there] = [yield* node(store, "here"), yield* node(store, "there")]
      yield* here.changes.announce("access/a\nb")
      expect(here.changes.generation("access/a\nb")).toBe(1)
      expect(there.changes.generation("access/a\nb")).toBe(1)
      expect(there.changes.generation("access/b")).toBe(0)
    }),
  )

  it.effect("that was lost while a node was cut off makes everything stale when it is back", () =>
    Effect.gen(function* () {
      const store = new SignalStore()
      const [here, there] = [yield* node(store, "here"), yield* node(store, "there")]
      there.setConnected(false)
      yield* here.changes.announce("t")
      yield* there.changes.announce("u")
      expect(there.changes.generation("t")).toBe(0)
      there.setConnected(true)
      expect(there.changes.generation("t")).toBeGreaterThan(0)
      // What the lonely node announced was heard by nobody; it says so now.
      expect(here.changes.generation("u")).toBeGreaterThan(0)
    }),
  )

  it.effect("is not taken from a message that no node sent", () =>
    Effect.gen(function* () {
      const store = new SignalStore()
      const here = yield* node(store, "here")
      store.publish("changes", new TextEncoder().encode("no topic"))
      store.publish("changes", new TextEncoder().encode(`x\n${"t".repeat(2_000)}`))
      expect(here.changes.generation("no topic")).toBe(0)
    }),
  )
})
