import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { MailboxProgress } from "../../../engine/mailbox-progress.ts"

/** Messages with gaps between their sequences, some of them empty, and an order in which all is committed. */
const run = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: 5 }), size: fc.nat(4) }), { maxLength: 20, size: "max" })
  .chain((shapes) => {
    let sequence = 0
    const messages = shapes.map(({ gap, size }) => {
      sequence += gap
      return { sequence, indexes: Array.from({ length: size }, (_, index) => index) }
    })
    const reads = messages.map((message) => ({ read: message }) as const)
    const positions = messages.flatMap(({ sequence: at, indexes }) =>
      indexes.map((index) => [at, index] as const),
    )
    return fc.record({
      reads: fc.constant(reads),
      commits: fc.shuffledSubarray(positions),
      /** How many messages are read before each commit. */
      paces: fc.array(fc.nat(3), { minLength: positions.length, maxLength: positions.length }),
    })
  })

/** Everything at or below it is committed, worked out from scratch. */
const naiveFloor = (
  read: ReadonlyArray<{ readonly sequence: number; readonly indexes: ReadonlyArray<number> }>,
  committed: ReadonlySet<string>,
): number => {
  const open = read.find(({ sequence, indexes }) =>
    indexes.some((index) => !committed.has(`${sequence}.${index}`)),
  )
  return open === undefined ? (read.at(-1)?.sequence ?? 0) : open.sequence - 1
}

describe("the progress through a mailbox", () => {
  it("has a floor below which all is committed, whatever the order of commits", () => {
    fc.assert(
      fc.property(run, ({ reads, commits, paces }) => {
        const progress = new MailboxProgress(0)
        const read: Array<(typeof reads)[number]["read"]> = []
        const committed = new Set<string>()
        const check = () => {
          expect(progress.floor).toBe(naiveFloor(read, committed))
          const open = read.flatMap(({ sequence, indexes }) =>
            indexes.map((index) => `${sequence}.${index}`).filter((key) => !committed.has(key)),
          )
          expect(progress.inFlight).toBe(open.length)
          const { pending, floor } = progress.snapshot()
          expect(pending.flatMap(([at, indexes]) => indexes.map((index) => `${at}.${index}`))).toEqual(open)
          expect(pending.every(([at]) => at > floor)).toBe(true)
        }
        const readNext = () => {
          const next = reads[read.length]?.read
          if (next === undefined) return
          progress.read(next.sequence, next.indexes)
          read.push(next)
        }
        commits.forEach((position, step) => {
          for (let pace = 0; pace < paces[step]!; pace++) readNext()
          while ((read.at(-1)?.sequence ?? 0) < position[0]) readNext()
          progress.commit(position)
          committed.add(position.join("."))
          check()
        })
        while (read.length < reads.length) readNext()
        check()
        expect(progress.readPosition).toBe(reads.at(-1)?.read.sequence ?? 0)
      }),
      { numRuns: 300 },
    )
  })

  it("ignores a commit of something that is not open", () => {
    const progress = new MailboxProgress(3)
    progress.read(5, [0, 1])
    progress.commit([5, 7])
    progress.commit([4, 0])
    progress.commit([5, 0])
    progress.commit([5, 0])
    expect(progress.snapshot()).toEqual({ floor: 4, read: 5, pending: [[5, [1]]] })
    expect(progress.inFlight).toBe(1)
  })
})
