/** A life of an alert desk in which each of its events happens. */
import { AlertDeskProtocol, alertDeskKey, type Transition } from "../../schemas/index.ts"
import type { Step } from "./lives.ts"

const alertDesk = (command: (typeof AlertDeskProtocol)["Command"], thenMs = 100): Step => ({
  protocol: AlertDeskProtocol,
  key: alertDeskKey,
  command,
  thenMs,
})

const transition = (number: number, to: Transition["to"], more: Partial<Transition> = {}): Transition => ({
  id: `cpu/0123456789abcdef/${number}`,
  rule: "cpu",
  version: 1,
  fingerprint: "0123456789abcdef",
  number,
  to,
  cause: "condition",
  severity: "warning",
  labels: { host: "a" },
  values: {},
  since: number * 1_000,
  at: number * 1_000,
  storedAt: number * 1_000,
  policy: {
    name: "CPU",
    actions: [
      { type: "notify", channel: "ops" },
      { type: "ask_ops", question: "why" },
    ],
    annotations: { summary: "Ünïcode ✓" },
    repeatMs: 60_000,
  },
  ...more,
})
const taken = (...transitions: ReadonlyArray<Transition>) => alertDesk({ _tag: "Take", transitions }, 2_000)
const onHost = (value: string) => [{ name: "host", value, operator: "=~" }] as const
const begun = 1_800_000_000_000
const silenced = (id: string, startsAt: number, endsAt: number) =>
  alertDesk({
    _tag: "PutSilence",
    silence: { id, matchers: onHost("b"), startsAt, endsAt, createdBy: "ann", comment: "known" },
    by: "ann",
  })
export const alertDeskLife: ReadonlyArray<Step> = [
  silenced("s1", begun + 30_000, begun + 60_000),
  silenced("s2", begun, begun + 3_600_000),
  alertDesk({ _tag: "EndSilence", id: "s2", by: "ann" }),
  taken(transition(1, "pending"), transition(2, "firing", { value: 97, values: { mean: 95 } })),
  alertDesk({ _tag: "Acknowledge", fingerprint: "0123456789abcdef", by: "ann", comment: "at it" }),
  alertDesk({ _tag: "Unacknowledge", fingerprint: "0123456789abcdef", by: "ann" }),
  taken(transition(1, "firing", { fingerprint: "m", cause: "matched" })),
  alertDesk({
    _tag: "PutInhibition",
    inhibition: { id: "i", source: onHost("a"), target: onHost("b"), equal: [] },
    by: "ann",
  }),
  taken(transition(1, "firing", { fingerprint: "b", labels: { host: "b" } })),
  alertDesk({ _tag: "RemoveInhibition", id: "i", by: "ann" }, 12_000),
  alertDesk(
    {
      _tag: "PutMaintenance",
      maintenance: {
        id: "w",
        name: "Work",
        matchers: onHost("b"),
        cron: "* * * * *",
        lastsMs: 20_000,
        createdBy: "ann",
      },
      by: "ann",
    },
    130_000,
  ),
  alertDesk({ _tag: "EndMaintenance", id: "w", by: "ann" }),
  alertDesk({ _tag: "Resolve", fingerprint: "b", by: "ann" }, 12_000),
  ...[3, 4, 5, 6, 7, 8].map((number) => taken(transition(number, number % 2 === 0 ? "firing" : "resolved"))),
  alertDesk(
    {
      _tag: "TakeForeign",
      alerts: [
        {
          fingerprint: "f",
          name: "Elsewhere",
          severity: "critical",
          status: "firing",
          labels: { alertname: "Elsewhere" },
          annotations: {},
          startsAt: 1_000,
        },
      ],
      policy: { name: "Elsewhere", actions: [], annotations: {} },
    },
    700_000,
  ),
  taken(transition(1, "firing", { fingerprint: "c", labels: { host: "broken" } })),
  taken(transition(2, "resolved", { fingerprint: "c", labels: { host: "broken" } })),
  alertDesk({ _tag: "Status" }, 400_000),
  taken(transition(100, "firing", { fingerprint: "d", labels: { host: "d" }, lane: 1 })),
  alertDesk(
    {
      _tag: "PutGrouping",
      grouping: { groupBy: ["host"], routes: [{ name: "a", matchers: onHost("a|d"), repeatMs: 60_000 }] },
      by: "ann",
    },
    70_000,
  ),
  alertDesk(
    { _tag: "Take", transitions: [], began: [{ rule: "cpu", number: 200, storedAt: 200_000 }] },
    20_000,
  ),
  ...(["wh", "am"] as const).map((channel) =>
    alertDesk(
      {
        _tag: "TakeForeign",
        alerts: [
          {
            fingerprint: "g",
            name: "Elsewhere",
            severity: "warning",
            status: "firing",
            labels: { alertname: "Elsewhere", host: "g" },
            annotations: {},
            startsAt: 2_000,
            timesOut: true,
          },
        ],
        policy: { name: "Elsewhere", actions: [{ type: "notify", channel }], annotations: {} },
      },
      20_000,
    ),
  ),
  alertDesk({ _tag: "Resolve", fingerprint: "am-g", by: "ann" }, 400_000),
  taken(transition(201, "firing", { fingerprint: "e", labels: { host: "e" } })),
  taken(
    transition(202, "firing", {
      fingerprint: "e",
      labels: { host: "e" },
      cause: "severity",
      severity: "critical",
    }),
  ),
  alertDesk({ _tag: "Resolve", fingerprint: "e", by: "ann" }, 2_000),
  taken(transition(203, "firing", { fingerprint: "e", labels: { host: "e" }, cause: "severity" })),
]
