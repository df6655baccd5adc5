/** What suites tell channels, and have rules do. */
import type { AlertAction, Notification, NotifiedAlert } from "../../schemas/index.ts"

export const notified = (more: Partial<NotifiedAlert> = {}): NotifiedAlert => ({
  fingerprint: "00000000000000aa",
  rule: "cpu",
  name: "CPU is busy",
  status: "firing",
  severity: "warning",
  labels: { host: "web" },
  annotations: { summary: "it is <busy> & hot" },
  value: 97,
  values: { mean: 95.5 },
  since: 1_000,
  at: 2_000,
  ...more,
})

export const notificationOf = (id: string, more: Partial<Notification> = {}): Notification => ({
  id,
  groupKey: `group ${id}`,
  groupLabels: { host: "web" },
  reason: "new",
  alerts: [notified()],
  truncated: 0,
  at: 2_000,
  ...more,
})

export const actionOf = (
  id: string,
  action: AlertAction["action"],
  owner: string | undefined = "ann",
): AlertAction => ({ id, action, alert: notified(), ...(owner === undefined ? {} : { owner }) })
