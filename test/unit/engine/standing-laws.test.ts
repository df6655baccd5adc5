import { describe, expect, it } from "vitest"
import { kinds } from "../../../actors/index.ts"
import type { AnyKind } from "../../../engine/index.ts"
import { standingLaws } from "../../../engine/testkit/standing-laws.ts"
import { Ledger } from "../../simulation/ledger.ts"
import { Account } from "../../support/account.ts"
import { changed } from "../../support/deployment.ts"
import { Recorder } from "../../support/recorder.ts"

describe("the standing laws", () => {
  const all: ReadonlyArray<AnyKind> = [...kinds, ...[Account, Recorder, Ledger].map((kind) => changed(kind))]
  for (const kind of all) {
    it(`hold for ${kind.protocol.kind}`, () => {
      expect(standingLaws(kind)).toEqual([])
    })
  }

  it("notice an evolve that remembers something beside its state", () => {
    let folded = 0
    const leaking = changed(Account, {
      evolve: {
        ...changed(Account).evolve,
        Deposited: (state) => {
          folded += 1
          return { ...state, handled: folded }
        },
      },
    })
    expect(standingLaws(leaking)).not.toEqual([])
  })

  it("notice a state whose schema does not hold all of it", () => {
    const { codec } = changed(Account)
    const forgetful = changed(Account, {
      codec: {
        ...codec,
        state: {
          encode: (state) => codec.state.encode({ ...(state as object), balance: 0 }),
          decode: codec.state.decode,
        },
      },
      evolve: {
        ...changed(Account).evolve,
        Deposited: (state) => ({ ...state, handled: state.balance, balance: state.balance + 1 }),
      },
    })
    expect(standingLaws(forgetful)).not.toEqual([])
  })
})
