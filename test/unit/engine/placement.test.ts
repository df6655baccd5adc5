import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Membership, shares } from "../../../engine/placement.ts"

const nodeNames = (min: number) =>
  fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,12}$/), { minLength: min, maxLength: 8 })
const partitionCount = fc.integer({ min: 1, max: 128 })

describe("the shares of nodes", () => {
  it("cover every partition, and nobody gets more than a fair share", () => {
    fc.assert(
      fc.property(nodeNames(1), partitionCount, (nodes, partitions) => {
        const owners = shares(nodes, partitions)
        expect(owners).toHaveLength(partitions)
        for (const owner of owners) expect(nodes).toContain(owner)
        for (const node of nodes) {
          expect(owners.filter((owner) => owner === node).length).toBeLessThanOrEqual(
            Math.ceil(partitions / nodes.length),
          )
        }
      }),
    )
  })

  it("are the same in whatever order the nodes were heard", () => {
    fc.assert(
      fc.property(
        nodeNames(1).chain((nodes) =>
          fc.tuple(
            fc.constant(nodes),
            fc.shuffledSubarray(nodes, { minLength: nodes.length, maxLength: nodes.length }),
          ),
        ),
        partitionCount,
        ([nodes, shuffled], partitions) => {
          expect(shares(shuffled, partitions)).toEqual(shares(nodes, partitions))
        },
      ),
    )
  })

  it("move little when a node comes or goes: on average less than twice what has to move", () => {
    const partitions = 128
    let moved = 0
    let necessary = 0
    for (let round = 0; round < 50; round++) {
      for (let size = 2; size <= 6; size++) {
        const nodes = Array.from({ length: size }, (_, index) => `node-${round}-${index}`)
        const all = shares(nodes, partitions)
        const without = shares(nodes.slice(1), partitions)
        moved += all.filter((owner, partition) => owner !== without[partition]).length
        necessary += all.filter((owner) => owner === nodes[0]).length
      }
    }
    expect(moved / necessary).toBeLessThan(2)
  })

  it("are nobody's when there is no node", () => {
    expect(shares([], 3)).toEqual([undefined, undefined, undefined])
  })
})

describe("the members that a node heard of", () => {
  const beat = (node: string, owned: ReadonlyArray<number> = [], leaving = false) => ({
    node,
    owned,
    halted: [],
    leaving,
  })

  it("are suspected after their silence, not before", () => {
    const members = new Membership("self", 1_000)
    members.hear(beat("other"), 0)
    members.expire(1_000)
    expect(members.eligible(false)).toEqual(["self", "other"])
    members.expire(1_001)
    expect(members.eligible(false)).toEqual(["self"])
  })

  it("that leave get nothing more, and are forgotten once they have handed everything over", () => {
    const members = new Membership("self", 1_000)
    members.hear(beat("other", [3], true), 0)
    members.expire(1)
    expect(members.eligible(false)).toEqual(["self"])
    expect(members.others()).toHaveLength(1)
    members.hear(beat("other", [], true), 2)
    members.expire(3)
    expect(members.others()).toEqual([])
    expect(members.eligible(true)).toEqual([])
  })

  it("say something new only when what they own or whether they leave has changed", () => {
    const members = new Membership("self", 1_000)
    expect(members.hear(beat("self", [1]), 0)).toBe(false)
    expect(members.hear(beat("other", [1]), 0)).toBe(true)
    expect(members.hear(beat("other", [1]), 1)).toBe(false)
    expect(members.hear(beat("other", [1, 2]), 2)).toBe(true)
    expect(members.hear(beat("other", [1, 2], true), 3)).toBe(true)
  })
})
