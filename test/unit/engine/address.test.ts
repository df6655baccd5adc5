import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Address } from "../../../engine/index.ts"

describe("an address", () => {
  it("is read back from its text, whatever its key holds", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}[a-z0-9]$/),
        fc.string({ unit: "binary", minLength: 1, maxLength: 100 }),
        (name, key) => {
          const address = { tenant: name, kind: "account", key }
          fc.pre(Address.isAddress(address))
          expect(Address.parse(Address.format(address))).toEqual(address)
          expect(Address.kindOf(Address.format(address))).toBe("account")
        },
      ),
    )
  })

  it("keeps slashes of its key", () => {
    expect(Address.parse("t/k/a/b//c")).toEqual({ tenant: "t", kind: "k", key: "a/b//c" })
  })

  it.each([
    "",
    "t",
    "t/k",
    "t/k/",
    "/k/key",
    "t//key",
    "T/k/key",
    "t/K/key",
    "t/k/new\nline",
    `t/k/${"x".repeat(257)}`,
    `${"t".repeat(65)}/k/key`,
    "-t/k/key",
  ])("is not made of %j", (text) => {
    expect(Address.parse(text)).toBeUndefined()
  })
})

describe("the partition of an address", () => {
  // Stored mailboxes, journals and snapshots depend on these: a change here loses data of every deployment.
  it.each([
    ["t/account/a", 16, 12],
    ["t/account/b", 16, 15],
    ["acme/chat-session/0b7c1c1e-5f1f-4f0e-9b1e-1a2b3c4d5e6f", 16, 5],
    ["acme/cep-rule/cpu high/ß/日本", 64, 48],
    ["", 7, 4],
    ["t/account/a", 1, 0],
    ["t/account/a", 1_024, 828],
  ])("of %j among %i is %i for ever", (text, partitions, partition) => {
    expect(Address.partitionOf(text, partitions)).toBe(partition)
  })

  it("spreads similar keys evenly", () => {
    const counts = new Array<number>(16).fill(0)
    for (let index = 0; index < 16_000; index++) {
      const partition = Address.partitionOf(`tenant/account/customer-${index}`, 16)
      counts[partition] = counts[partition]! + 1
    }
    // Five standard deviations of a binomial distribution around 1,000.
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(155)
  })
})
