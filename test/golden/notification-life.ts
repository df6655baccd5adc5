/** A life of a channel and of one whose deliveries fail until no more find a place, in which each of their events happens. */
import { type Notification, NotificationProtocol } from "../../schemas/index.ts"
import type { Step } from "./lives.ts"

/** How many wait in a channel. */
const queueMax = 200

const step =
  (key: string) =>
  (command: (typeof NotificationProtocol)["Command"], thenMs = 100): Step => ({
    protocol: NotificationProtocol,
    key,
    command,
    thenMs,
  })
const channel = step("ops")
const dead = step("broken")

const told = (id: string, more: Partial<Notification> = {}) =>
  ({
    _tag: "Deliver",
    notification: {
      id,
      groupKey: "g",
      groupLabels: {},
      reason: "new",
      alerts: [],
      truncated: 0,
      at: 1,
      ...more,
    },
  }) as const
const notified = {
  fingerprint: "aa",
  rule: "cpu",
  name: "Ünïcode ✓",
  status: "firing",
  severity: "warning",
  labels: { host: "a" },
  annotations: { summary: "busy" },
  value: 95,
  values: { mean: 90 },
  since: 1_000,
  at: 3_000,
} as const
const asking = {
  id: "asks",
  action: { type: "ask_ops", question: "why?" },
  alert: notified,
  owner: "ann",
} as const

export const notificationLife: ReadonlyArray<Step> = [
  channel(told("a", { alerts: [notified] }), 1_000),
  channel({ _tag: "Act", action: asking }, 1_000),
  channel({ _tag: "Test", by: "ann" }, 1_000),
  dead({ _tag: "Test", by: "ann" }, 1_000),
  ...Array.from({ length: queueMax }, (_, index) => dead(told(`n${index}`), 1)),
  dead(told("again", { reason: "repeat" })),
  dead(told("too many", { alerts: [notified] })),
  dead(told("too many more", { alerts: [notified] }), 60_000),
]
