import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { Cell } from "../../../engine/cell.ts"
import { slicedCodecOf } from "../../../engine/sliced-codec.ts"
import { changed, deployed, implementation, tenant } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const Large = changed(Recorder, { codec: { ...Recorder.codec, slices: slicedCodecOf(Recorder.state) } })
const state = { lines: ["one", "", '"]', "two\nlines"], waiting: { "a,b": { node: "n", ask: 1 } } }
const address = { tenant, kind: "recorder", key: "a" }
const room = 1_000_000

const cellOf = (held: unknown = state) => {
  const cell = new Cell<never>(`${tenant}/recorder/a`, address, Large)
  cell.state = held
  return cell
}

const drain = <A>(steps: Generator<unknown, A>): A => {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

const slicesOf = (cell: Cell<never>, bytesMax = room): Uint8Array => {
  const taken = cell.capture(3, bytesMax)
  return taken instanceof Uint8Array ? taken : drain(taken)
}

const restored = (data: Uint8Array): Cell<never> => {
  const cell = cellOf(undefined)
  drain(cell.restoreSlices(data, 1))
  return cell
}

describe("the snapshot of a large state", () => {
  it("is written in slices that are read whole as well, and one written whole is read", () => {
    const data = slicesOf(cellOf())
    expect(JSON.parse(Buffer.from(data).toString())).toEqual(
      JSON.parse(Buffer.from(cellOf().encodeSnapshot(3, room)).toString()),
    )
    for (const written of [data, cellOf().encodeSnapshot(3, room)]) {
      expect(restored(written)).toMatchObject({ state, snapshotSequence: 3, failure: undefined })
    }
  })

  it("tells of the moment at which it was taken, whatever the actor does until it is encoded", () => {
    const cell = cellOf()
    const taken = cell.capture(3, room)
    cell.state = { ...state, lines: [] }
    cell.timers.set("later", { key: "later", timer: "later", at: 1, payload: null, trace: "" } as never)
    expect(restored(drain(taken as Exclude<typeof taken, Uint8Array>)).state).toEqual(state)
  })

  it("says why an actor fails whose state does not fit, or has too many bytes", () => {
    const unfit = cellOf({ ...state, lines: [1] })
    expect(restored(slicesOf(unfit)).failure).toContain("does not fit its schema")
    expect(unfit.failure).toContain("does not fit its schema")
    expect(restored(slicesOf(cellOf(), 50))).toMatchObject({
      state,
      failure: expect.stringContaining("more than snapshotBytesMax (50)"),
    })
  })

  it("that is too large leaves out no event that was taken until that was known", () => {
    const cell = cellOf()
    const taken = cell.capture(3, 50)
    const after = { ...state, lines: [] }
    cell.state = after
    cell.changes += 1
    // What is in the journal behind it is still folded by whoever reads it.
    expect(restored(drain(taken as Exclude<typeof taken, Uint8Array>))).toMatchObject({
      state,
      failure: undefined,
    })
    expect(cell.failure).toContain("more than snapshotBytesMax (50)")
    expect(restored(slicesOf(cell, 50))).toMatchObject({ state: after, failure: cell.failure })
  })

  it("that is damaged makes its actor fail and is left as it is", () => {
    const data = slicesOf(cellOf())
    for (const damaged of [data.subarray(0, data.length - 9), data.subarray(9)]) {
      const cell = restored(damaged)
      expect(cell.failure).toContain("damaged")
      expect(cell.capturable).toBe(false)
    }
  })

  it("leaves a cell alone that somebody else loaded meanwhile", () => {
    const cell = cellOf({ lines: ["newer"], waiting: {} })
    cell.loaded = true
    drain(cell.restoreSlices(slicesOf(cellOf()), 1))
    expect(cell.state).toEqual({ lines: ["newer"], waiting: {} })
  })

  it("is read where fields were added since: with their defaults, or it is refused", () => {
    const lines = [...slicedCodecOf(Recorder.state).encode(state), ',"gone":[', "1", "]"]
    const fields = Recorder.state.fields
    const added = Schema.Struct({
      ...fields,
      count: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(7))),
    })
    expect(drain(slicedCodecOf(added).decode(lines))).toEqual({ ...state, count: 7 })
    const missing = slicedCodecOf(Schema.Struct({ ...fields, count: Schema.Int }))
    expect(() => drain(missing.decode(lines))).toThrow("count")
  })

  it(
    "is what another node goes on from, in parts as well",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const first = yield* deployment.start([implementation(Large)])
          const grow = { _tag: "Grow", characters: 200_000 } as const
          for (let times = 0; times < 5; times++) {
            yield* first.engine.ask(RecorderProtocol, "a", grow, { tenant })
            yield* Effect.sleep(1_000)
          }
          const keys = [...deployment.stores.values.values.keys()]
          expect(keys.filter((key) => key.startsWith("snapshot-part/"))).toHaveLength(3)
          yield* first.crash
          const { engine, leave } = yield* deployment.start([implementation(Large)])
          const noted = yield* engine.ask(RecorderProtocol, "a", { _tag: "Note", line: "more" }, { tenant })
          expect(noted).toEqual({ count: 6 })
          yield* leave
        }),
      { partitions: 1, node: { limits: { checkpointEveryMs: 500, passivateAfterMs: 300 } } },
    ),
  )
})
