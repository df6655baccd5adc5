import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Outbox } from "../../../engine/outbox.ts"

describe("the outbox", () => {
  it("has a floor below which every message is stored, whatever the order in which mailboxes answer", () => {
    const records = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 3 }), messages: fc.nat(3) }), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(records, fc.infiniteStream(fc.nat(1_000)), (shapes, picks) => {
        const outbox = new Outbox(0)
        const open = new Map<number, number>()
        let sequence = 0
        const check = () => {
          const waiting = [...open].filter(([, count]) => count > 0)
          expect(outbox.waiting).toBe(waiting.reduce((sum, [, count]) => sum + count, 0))
          expect(outbox.floor).toBe(
            waiting.length === 0 ? sequence : Math.min(...waiting.map(([at]) => at)) - 1,
          )
        }
        const store = () => {
          const waiting = [...open].filter(([, count]) => count > 0)
          if (waiting.length === 0) return
          const [at, count] = waiting[picks.next().value! % waiting.length]!
          outbox.stored(at)
          open.set(at, count - 1)
        }
        for (const { gap, messages } of shapes) {
          sequence += gap
          outbox.committed(sequence, messages)
          open.set(sequence, messages)
          check()
          if (picks.next().value! % 2 === 0) store()
          check()
        }
        while ([...open.values()].some((count) => count > 0)) {
          store()
          check()
        }
        expect(outbox.floor).toBe(sequence)
      }),
      { numRuns: 300 },
    )
  })

  it("ignores an acknowledgement that nobody waits for", () => {
    const outbox = new Outbox(4)
    outbox.stored(3)
    outbox.committed(6, 1)
    outbox.stored(6)
    outbox.stored(6)
    expect([outbox.waiting, outbox.floor]).toEqual([0, 6])
  })
})
