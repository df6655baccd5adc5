/** An actor rebuilt from its journal: at a sequence, at a time, and from a journal that an older version wrote. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Address, type AnyKind, History, JournalRecord } from "../../engine/index.ts"
import { LogStore, makeLog } from "../../engine/memory/log.ts"
import { Account } from "../support/account.ts"

const kind = Account as unknown as AnyKind
const partitions = 4
const address = { tenant: "acme", kind: "account", key: "a" }
const id = Address.format(address)
const partition = Address.partitionOf(id, partitions)

const entry = (to: string, now: number, amount: number, tag = "Deposited"): JournalRecord.Entry => ({
  to,
  now,
  version: 1,
  cause: { t: "timer", key: "t", dueAt: now, trace: "" },
  events: [{ _tag: tag, amount } as { readonly _tag: string }],
})

/** A journal of these records, each a list of entries; answers their sequences. */
const journalOf = Effect.fnUntraced(function* (
  records: ReadonlyArray<ReadonlyArray<JournalRecord.Entry>>,
  first = 0,
) {
  const journal = makeLog(new LogStore())
  const sequences: Array<number> = []
  for (const entries of records) {
    const prev = sequences.at(-1) ?? first
    const head = { v: JournalRecord.formatVersion, id: `r${sequences.length}`, owner: "o", prev, at: 0 }
    const texts = entries.map((one) => JSON.stringify(one))
    sequences.push(yield* journal.append(partition, JournalRecord.encode(head, texts), { id: head.id }))
  }
  return { journal, sequences }
})

const balance = (rebuilt: History.Rebuilt) => (rebuilt.state as { readonly balance: number }).balance

describe("an actor's history", () => {
  it.effect("folds this actor's events alone, up to a sequence or a time, both inclusive", () =>
    Effect.gen(function* () {
      const { journal, sequences } = yield* journalOf([
        [entry(id, 100, 1), entry("acme/account/b", 100, 50)],
        [],
        [entry(id, 200, 10), entry(id, 300, 100)],
      ])
      const { entries, complete } = yield* History.read(journal, partitions, address)
      const at = (moment?: History.Moment) => balance(History.fold(kind, address, entries, moment))
      expect([complete, entries.length]).toEqual([true, 3])
      expect([at(), at({ sequence: sequences[1]! }), at({ sequence: sequences[2]! })]).toEqual([111, 1, 111])
      expect([99, 100, 200, 299, 300].map((timeMs) => at({ timeMs }))).toEqual([0, 1, 11, 11, 111])
    }),
  )

  it.effect("says that the beginning is gone, and answers nothing for an empty journal", () =>
    Effect.gen(function* () {
      const trimmed = yield* journalOf([[entry(id, 1, 1)]], 7)
      expect((yield* History.read(trimmed.journal, partitions, address)).complete).toBe(false)
      const empty = yield* journalOf([])
      expect(yield* History.read(empty.journal, partitions, address)).toEqual({ entries: [], complete: true })
    }),
  )

  it.effect("stops before an event that it cannot fold, and at a record that it cannot read", () =>
    Effect.gen(function* () {
      const { journal } = yield* journalOf([
        [entry(id, 1, 1)],
        [entry(id, 2, 10, "Unheard")],
        [entry(id, 3, 100)],
      ])
      const { entries } = yield* History.read(journal, partitions, address)
      const rebuilt = History.fold(kind, address, entries)
      expect([balance(rebuilt), rebuilt.entries]).toEqual([1, 1])
      expect(rebuilt.failure).toContain("Unheard")
      yield* journal.append(partition, new TextEncoder().encode("00000000\n{}"), { id: "x" })
      expect((yield* Effect.flip(History.read(journal, partitions, address)))._tag).toBe("CorruptRecord")
    }),
  )

  it.effect("lifts what an older version of the kind wrote", () =>
    Effect.gen(function* () {
      const { journal } = yield* journalOf([[entry(id, 1, 7, "Put")]])
      const { entries } = yield* History.read(journal, partitions, address)
      const newer = {
        ...kind,
        protocol: { ...kind.protocol, version: 2 },
        upcast: { event: (body: { readonly _tag: string }) => ({ ...body, _tag: "Deposited" }) },
      } as AnyKind
      expect(balance(History.fold(newer, address, entries))).toBe(7)
    }),
  )
})
