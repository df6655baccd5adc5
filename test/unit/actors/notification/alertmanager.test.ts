import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { groupIntervalMs, groupWaitMs } from "../../../../actors/alert-desk/limits.ts"
import { alertmanagerPayload } from "../../../../actors/notification/deliver/alertmanager.ts"
import { deliveryHeader } from "../../../../actors/notification/deliver/sending.ts"
import { foreignRule } from "../../../../schemas/index.ts"
import { notify, on, takes, told, transition } from "../../../support/alert-desk.ts"
import { notificationOf, notified } from "../../../support/notified.ts"

const untilTold = Effect.sleep(groupWaitMs + groupIntervalMs + 500)
const wireOf = (notification: Parameters<typeof alertmanagerPayload>[0]) =>
  alertmanagerPayload(notification, "am", undefined).alerts[0]!

describe("an alert in Alertmanager's format", () => {
  on("has the same labels until it is over, however severe it becomes", (engine, product) =>
    Effect.gen(function* () {
      const policy = { actions: [notify("am", ["firing", "severity", "resolved"])] }
      const says = (number: number, severity: "warning" | "critical", to: "firing" | "resolved") => {
        const cause = number === 2 || number === 3 ? "severity" : "condition"
        return Effect.andThen(takes(engine, transition(number, to, { severity, policy, cause })), untilTold)
      }
      yield* says(1, "warning", "firing")
      yield* says(2, "critical", "firing")
      yield* says(3, "warning", "firing")
      yield* says(4, "critical", "resolved")
      yield* says(5, "critical", "firing")
      const wires = told(product).map(({ notification }) => wireOf(notification))
      expect(
        wires.map(({ status, labels, annotations }) => [status, labels.severity, annotations.severity]),
      ).toEqual([
        ["firing", "warning", "warning"],
        ["firing", "warning", "critical"],
        ["firing", "warning", "warning"],
        ["resolved", "warning", "critical"],
        ["firing", "critical", "critical"],
      ])
      const [first, ...others] = wires.slice(0, 4).map(({ labels }) => labels)
      for (const one of others) expect(one).toEqual(first)
    }),
  )

  it("keeps a label of severity that its rule or its sender gave it", () => {
    const own = notified({ labels: { severity: "page" } })
    expect(wireOf(notificationOf("n", { alerts: [own] })).labels).toEqual({
      severity: "page",
      alertname: "CPU is busy",
    })
    const labels = { severity: "error", alertname: `Disk ${"x".repeat(220)}` }
    const foreign = notified({ rule: foreignRule, name: "Disk x", severity: "critical", labels })
    expect(wireOf(notificationOf("n", { alerts: [foreign] })).labels).toEqual(labels)
  })
})

describe("the header that names a delivery", () => {
  it("is the id as the body has it, of every notification that is made here", () => {
    for (const id of ["5d0cfe0b1f6c2a77-12-ops", "default:test:3", "collapsed:4"])
      expect(deliveryHeader(id)["X-Millrace-Delivery"]).toBe(id)
    expect(deliveryHeader("ü\n")["X-Millrace-Delivery"]).toBe("%C3%BC%0A")
  })
})
