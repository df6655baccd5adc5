import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { snapshotKey } from "../../../engine/snapshots.ts"
import {
  changed,
  type Deployment,
  deployed,
  implementation,
  outcomeOf,
  type TestNode,
  tenant,
} from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)
/** The recorder with a mistake: it cannot fold a line that says so. */
const broken = implementation(
  changed(Recorder, {
    evolve: {
      ...changed(Recorder).evolve,
      Noted: (state, event: { readonly _tag: string; readonly line?: string }) => {
        if (event.line === "unfoldable") throw new Error("cannot fold it")
        return { ...state, lines: [...state.lines, event.line] }
      },
    },
  }),
)
const limits = { checkpointEveryMs: 500, passivateAfterMs: 800 }

const note = (node: TestNode, key: string, line: string) =>
  outcomeOf(node.engine.ask(RecorderProtocol, key, { _tag: "Note", line }, { tenant }))
const read = (node: TestNode, key: string) =>
  outcomeOf(node.engine.ask(RecorderProtocol, key, { _tag: "Read" }, { tenant }))
const snapshotOf = (deployment: Deployment, key: string) => {
  const stored = deployment.stores.values.values.get(snapshotKey(`t/recorder/${key}`))
  return stored === undefined
    ? undefined
    : (JSON.parse(new TextDecoder().decode(stored.value)) as {
        readonly state: { readonly lines: ReadonlyArray<string> }
        readonly failure?: string
      })
}
const failed = { code: "ActorFailed" }

describe("an actor whose events cannot be folded", () => {
  it(
    "fails alone: it refuses with the place in the journal, keeps what was asked, and its neighbours go on",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const good = yield* deployment.start([recorder])
          for (const line of ["one", "unfoldable", "three"]) yield* note(good, "a", line)
          yield* note(good, "b", "fine")
          yield* good.crash
          const node = yield* deployment.start([broken])
          const refused = yield* Effect.flip(
            node.engine.ask(RecorderProtocol, "a", { _tag: "Read" }, { tenant }),
          )
          expect(refused).toMatchObject({ code: "ActorFailed", kind: "defect", accepted: true })
          expect(refused.message).toMatch(/cannot be folded at journal sequence \d+: Error: cannot fold it/)
          expect(yield* read(node, "b")).toEqual({ ok: { lines: ["fine"] } })
          expect(yield* note(node, "a", "four")).toEqual(failed)
          yield* Effect.sleep(200)
          const letters = deployment.deadLetters()
          expect(letters.map(({ entry }) => (entry.cause as { readonly body?: unknown }).body)).toEqual([
            { _tag: "Read" },
            { _tag: "Note", line: "four" },
          ])
        }),
      { partitions: 1, node: { limits } },
    ),
  )

  it(
    "keeps the last state that could be folded, says so in its snapshot, and stays stopped after a restart",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const good = yield* deployment.start([recorder], { limits: {} })
          for (const line of ["one", "unfoldable", "three"]) yield* note(good, "a", line)
          yield* good.crash
          const node = yield* deployment.start([broken])
          expect(yield* note(node, "a", "four")).toEqual(failed)
          yield* Effect.sleep(3_000)
          expect(snapshotOf(deployment, "a")).toMatchObject({
            state: { lines: ["one"] },
            failure: expect.stringContaining("cannot be folded"),
          })
          yield* node.leave
          // The mistake is mended: but what followed is past the checkpoint, so it must not go on without it.
          const mended = yield* deployment.start([recorder])
          expect(yield* note(mended, "a", "five")).toEqual(failed)
          yield* mended.leave
          // A person rebuilds it: without checkpoint and snapshots all comes from the journal.
          deployment.stores.values.values.clear()
          const rebuilt = yield* deployment.start([recorder])
          expect(yield* read(rebuilt, "a")).toEqual({ ok: { lines: ["one", "unfoldable", "three"] } })
        }),
      { partitions: 1, node: { limits } },
    ),
  )

  it(
    "fails the one command that would add such an event, before it is in the journal",
    deployed((deployment) =>
      Effect.gen(function* () {
        const node = yield* deployment.start([broken])
        expect(yield* note(node, "a", "unfoldable")).toEqual(failed)
        expect(yield* note(node, "a", "fine")).toEqual({ ok: { count: 1 } })
        expect(deployment.entries().flatMap(({ events }) => events ?? [])).toHaveLength(1)
      }),
    ),
  )
})

describe("an actor whose snapshot cannot be read", () => {
  const unreadable = implementation(
    changed(Recorder, {
      codec: {
        ...changed(Recorder).codec,
        state: {
          ...changed(Recorder).codec.state,
          decode: () => {
            throw new Error("another shape")
          },
        },
      },
    }),
  )

  it(
    "fails alone, and its snapshot is left as it is, so that the right version can read it again",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const good = yield* deployment.start([recorder])
          yield* note(good, "a", "one")
          yield* note(good, "b", "fine")
          yield* good.leave
          const before = deployment.stores.values.values.get(snapshotKey("t/recorder/a"))
          const node = yield* deployment.start([unreadable])
          expect(yield* note(node, "a", "two")).toEqual(failed)
          expect(yield* note(node, "c", "new")).toEqual({ ok: { count: 1 } })
          yield* Effect.sleep(3_000)
          expect(deployment.stores.values.values.get(snapshotKey("t/recorder/a"))).toEqual(before)
          yield* node.leave
          const right = yield* deployment.start([recorder])
          expect(yield* read(right, "a")).toEqual({ ok: { lines: ["one"] } })
        }),
      { partitions: 1, node: { limits } },
    ),
  )

  it(
    "never comes back without the events that followed its snapshot",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const good = yield* deployment.start([recorder])
          yield* note(good, "a", "one")
          yield* Effect.sleep(2_000)
          // Past the snapshot, and not in a checkpoint when the node dies.
          yield* note(good, "a", "two")
          yield* good.crash
          const node = yield* deployment.start([unreadable])
          expect(yield* note(node, "a", "three")).toEqual(failed)
          yield* Effect.sleep(3_000)
          yield* node.leave
          const right = yield* deployment.start([recorder])
          const found = yield* read(right, "a")
          expect([failed, { ok: { lines: ["one", "two"] } }]).toContainEqual(found)
        }),
      { partitions: 1, node: { limits } },
    ),
  )

  it(
    "because its bytes are damaged fails alone too",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const good = yield* deployment.start([recorder])
          yield* note(good, "a", "one")
          yield* note(good, "b", "fine")
          yield* good.leave
          const key = snapshotKey("t/recorder/a")
          const stored = deployment.stores.values.values.get(key)!
          const damaged = stored.value.slice()
          damaged[0] = 0
          deployment.stores.values.values.set(key, { ...stored, value: damaged })
          const node = yield* deployment.start([recorder])
          expect(yield* read(node, "a")).toEqual(failed)
          expect(yield* note(node, "b", "on")).toEqual({ ok: { count: 2 } })
          yield* Effect.sleep(3_000)
          expect(deployment.stores.values.values.get(key)!.value).toEqual(damaged)
        }),
      { partitions: 1, node: { limits } },
    ),
  )
})
