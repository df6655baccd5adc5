import { describe, expect, it } from "vitest"
import type { Stores } from "../../engine/testkit/memory-deployment.ts"
import { simulate } from "./scenario.ts"

/** New seeds every day, the same ones all day: a red run can be repeated, and no seed is favoured for ever. */
const day = process.env.SIMULATION_SEED ?? new Date().toISOString().slice(0, 10)
const seedsPerTest = 125

describe("the engine under simulated faults", () => {
  for (let block = 0; block < 8; block++) {
    it(`keeps every promise for seeds ${day}/${block * seedsPerTest} and following`, () => {
      for (let index = 0; index < seedsPerTest; index++) {
        const seed = `${day}/${block * seedsPerTest + index}`
        const { violations } = simulate(seed)
        expect(violations, `npm run simulate -- --seed ${seed}`).toEqual([])
      }
    })
  }

  it("gives the same run for the same seed", () => {
    expect(simulate("twice the same")).toEqual(simulate("twice the same"))
  })
})

/** Seeds in which a sabotaged deployment was caught. */
const caught = (sabotage: (stores: Stores) => void): number => {
  let found = 0
  for (let index = 0; index < 40 && found === 0; index++) {
    if (simulate(`canary ${index}`, sabotage).violations.length > 0) found += 1
  }
  return found
}

describe("the checkers notice", () => {
  it("a journal that takes an append whatever it expects", () => {
    expect(
      caught(({ journal }) => {
        const append = journal.append.bind(journal)
        journal.append = (partition, data, _expected, id) => append(partition, data, undefined, id)
      }),
    ).toBeGreaterThan(0)
  })

  it("a mailbox that loses an accepted message now and then", () => {
    expect(
      caught(({ mailbox }) => {
        let appended = 0
        const append = mailbox.append.bind(mailbox)
        mailbox.append = (partition, data, expected, id) =>
          ++appended % 20 === 0 ? 1_000_000 : append(partition, data, expected, id)
      }),
    ).toBeGreaterThan(0)
  })

  it("a store of snapshots that forgets a write", () => {
    expect(
      caught(({ values }) => {
        let written = 0
        const put = values.put.bind(values)
        values.put = (key, value, expected) =>
          key.startsWith("snapshot/") && ++written % 5 === 0 ? 999_999_999 : put(key, value, expected)
      }),
    ).toBeGreaterThan(0)
  })
})
