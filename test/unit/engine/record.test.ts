import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { JournalRecord } from "../../../engine/index.ts"

const head = (id = "o.1-1") => ({ v: JournalRecord.formatVersion, id, owner: "o.1", prev: 41, at: 7 })
const entry: JournalRecord.Entry = {
  to: "t/account/ä",
  now: 5,
  version: 1,
  cause: { t: "timer", key: "ring", dueAt: 4, trace: "" },
  events: [{ _tag: "Deposited" }],
}
const corruptOf = (data: Uint8Array) => {
  const decoded = JournalRecord.decode(data)
  return "corrupt" in decoded ? decoded.corrupt : undefined
}

describe("a journal record", () => {
  it("is read back as it was written, whatever its entries hold", () => {
    const entries = fc.array(fc.jsonValue(), { maxLength: 5 })
    fc.assert(
      fc.property(entries, fc.string({ unit: "binary" }), (values, id) => {
        const data = JournalRecord.encode(
          head(id),
          values.map((value) => JSON.stringify(value)),
        )
        const plain = JSON.parse(JSON.stringify({ ...head(id), entries: values }))
        expect(JournalRecord.decode(data)).toEqual(plain)
      }),
    )
  })

  it("has these bytes for ever", () => {
    const text = new TextDecoder().decode(JournalRecord.encode(head(), [JSON.stringify(entry)]))
    expect(text).toBe(
      '8609d083\n{"v":1,"id":"o.1-1","owner":"o.1","prev":41,"at":7,"entries":[{"to":"t/account/ä","now":5,"version":1,"cause":{"t":"timer","key":"ring","dueAt":4,"trace":""},"events":[{"_tag":"Deposited"}]}]}',
    )
  })

  it("notices every single byte that is changed, in every bit", () => {
    const data = JournalRecord.encode(head(), [JSON.stringify(entry)])
    for (let index = 0; index < data.length; index++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = data.slice()
        damaged[index]! ^= 1 << bit
        expect(corruptOf(damaged), `byte ${index}, bit ${bit}`).toBeDefined()
      }
    }
  })

  it("notices that its end is missing, that something was added, and that it is empty", () => {
    const data = JournalRecord.encode(head(), [JSON.stringify(entry)])
    for (let length = 0; length < data.length; length++)
      expect(corruptOf(data.slice(0, length))).toBeDefined()
    expect(corruptOf(new Uint8Array([...data, 32]))).toBeDefined()
  })

  it("of a format that this node does not know is refused by that version", () => {
    const newer = JournalRecord.encode({ ...head(), v: 2 }, [])
    expect(corruptOf(newer)).toContain("format version 2")
  })

  it("that is no record in spite of its sum is refused", () => {
    const body = JournalRecord.encode(head(), [])
    expect(corruptOf(body)).toBeUndefined()
    for (const prev of ["1", null]) {
      const strange = { ...head(), prev } as unknown as JournalRecord.RecordHead
      expect(corruptOf(JournalRecord.encode(strange, []))).toBe("not a journal record")
    }
  })
})
