import { describe, expect, it } from "vitest"
import { evolve } from "../../../../actors/alert-desk/fold.ts"
import { deskBytesMax } from "../../../../actors/alert-desk/limits.ts"
import { initial, type State } from "../../../../actors/alert-desk/state.ts"
import { take } from "../../../../actors/alert-desk/take.ts"
import { liveAlertsMax, type Transition } from "../../../../schemas/index.ts"
import { fingerprint, transition } from "../../../support/alert-desk.ts"

const taken = (state: State, ...transitions: ReadonlyArray<Transition>) => {
  const events = take(state, transitions, 1_000)
  const after = events.reduce<State>((folded, event) => evolve[event._tag](folded, event as never), state)
  const alerts = after.alerts.flatMap((bucket) => Object.values(bucket))
  return { after, told: alerts.map(({ fingerprint, state }) => `${fingerprint} ${state}`) }
}

describe("a desk without room", () => {
  for (const [what, full] of [
    ["alerts", { ...initial(), live: liveAlertsMax }],
    ["bytes", { ...initial(), bytes: deskBytesMax }],
  ] as const) {
    it(`for more ${what} refuses a new alert, counts it and says so by an alert of its own`, () => {
      const { after, told } = taken(full, transition(1, "firing"), transition(1, "firing", { host: "b" }))
      expect(after.refused).toBe(2)
      expect(told).toEqual(["alert-desk-full firing"])
      const again = taken(after, transition(2, "resolved"), transition(1, "firing", { host: "c" }))
      expect(again.after.refused).toBe(3)
      expect(again.told).toEqual(["alert-desk-full firing"])
    })
  }

  it("goes on with the alerts that it has, and says when there is room again", () => {
    const before = taken(initial(), transition(1, "firing")).after
    const full = taken({ ...before, live: liveAlertsMax }, transition(1, "firing", { host: "b" })).after
    const { after, told } = taken(full, transition(2, "firing", { cause: "severity", severity: "critical" }))
    expect(after.refused).toBe(1)
    expect(told).toContain(`${fingerprint()} firing`)
    const roomy = taken({ ...after, live: 2 }, transition(2, "firing", { host: "b" }))
    expect([...roomy.told].sort()).toEqual(
      [`${fingerprint()} firing`, `${fingerprint("b")} firing`, "alert-desk-full resolved"].sort(),
    )
  })
})
