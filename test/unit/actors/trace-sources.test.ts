/** How the projection reads a journal: every record once, and no silence about one that is gone. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import { describe, expect, it } from "vitest"
import { traceLimits } from "../../../actors/trace/limits.ts"
import type { Part } from "../../../actors/trace/positions.ts"
import { readJournal } from "../../../actors/trace/sources.ts"
import { JournalRecord, type Log } from "../../../engine/index.ts"

const record = (sequence: number, prev: number) => ({
  sequence,
  storedAt: 0,
  data: JournalRecord.encode({ v: JournalRecord.formatVersion, id: "i", owner: "o", prev, at: 0 }, []),
})

/** What is handed over from a journal that holds these records, read after a position, and what is logged. */
const reading = (after: number, ...records: ReadonlyArray<ReturnType<typeof record>>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<Part>()
      const messages: Array<string> = []
      let taken = false
      const take = Effect.suspend(() => {
        if (taken) return Effect.never
        taken = true
        return Effect.succeed(records)
      })
      const journal = { open: () => Effect.succeed({ take }) } as Partial<Log.Log> as Log.Log
      yield* readJournal({ journal, partition: 0, after, queue, limits: traceLimits() }).pipe(
        Effect.provide(Logger.layer([Logger.make(({ message }) => void messages.push(String(message)))])),
        Effect.forkScoped,
      )
      const { after: from, through, gaps } = yield* Queue.take(queue)
      return { from, through, gaps, messages }
    }).pipe(Effect.scoped),
  )

describe("reading a journal", () => {
  it("finds no gap where each record names the one before it, however far apart their numbers are", async () => {
    expect(await reading(3, record(7, 3), record(8, 7))).toEqual({
      from: 3,
      through: 8,
      gaps: 0,
      messages: [],
    })
  })

  it("counts and logs records that were gone before they were read", async () => {
    const { gaps, messages } = await reading(3, record(9, 8), record(12, 9), record(20, 15))
    expect(gaps).toBe(2)
    expect(messages).toEqual([
      expect.stringContaining("lost what stood after 3, up to 8"),
      expect.stringContaining("lost what stood after 12, up to 15"),
    ])
  })

  it("notices a journal that was made anew and has grown past its predecessor", async () => {
    const { gaps, messages } = await reading(5, record(6, 2))
    expect([gaps, messages]).toEqual([1, [expect.stringContaining("made anew")]])
  })
})
