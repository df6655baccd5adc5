import { describe, expect, it } from "vitest"
import { resolve } from "../../../../actors/alert-desk/by-hand.ts"
import { alertOf } from "../../../../actors/alert-desk/draft.ts"
import { evolve, fold } from "../../../../actors/alert-desk/fold.ts"
import { deskBytesMax, dismissedMax } from "../../../../actors/alert-desk/limits.ts"
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

  it("takes what it refused when it changes its severity, though it was resolved once before", () => {
    const over = taken(initial(), transition(1, "firing"), transition(2, "resolved")).after
    const full = taken({ ...over, live: liveAlertsMax }, transition(3, "firing")).after
    const more = { cause: "severity", severity: "critical" } as const
    const roomy = taken({ ...full, live: 1 }, transition(4, "firing", more))
    expect(roomy.told).toContain(`${fingerprint()} firing`)
    const never = taken({ ...initial(), live: liveAlertsMax }, transition(1, "firing")).after
    expect(taken({ ...never, live: 1 }, transition(2, "firing", more)).told).toContain(
      `${fingerprint()} firing`,
    )
  })

  it("remembers a bounded number of alerts that people resolved, the newest", () => {
    const hosts = Array.from({ length: dismissedMax }, (_, index) => [fingerprint(`h${index}`), 1] as const)
    const fired = taken({ ...initial(), dismissed: Object.fromEntries(hosts) }, transition(1, "firing")).after
    const alert = alertOf(fired, fingerprint())!
    const state = fold(fired, resolve(fired, alert, 1_000, { cause: "resolved by hand", by: "ann" }))
    const dismissed = Object.keys(state.dismissed ?? {})
    expect(dismissed).toHaveLength(dismissedMax)
    expect([dismissed.includes(fingerprint("h0")), dismissed.at(-1)]).toEqual([false, fingerprint()])
    const said = taken(state, transition(2, "resolved", { host: "h5" })).after
    expect(Object.keys(said.dismissed ?? {})).toHaveLength(dismissedMax - 1)
  })
})
