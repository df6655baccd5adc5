/** What a web hook is sent: a contract with its receivers, apart from how notifications are kept. */
import type { Notification, NotificationBody, NotifiedAlert } from "../../../schemas/index.ts"
import { alertLink, timeText } from "../texts.ts"

const alertBody = (alert: NotifiedAlert, publicUrl: string | undefined) => {
  const { since, at, firedAt, resolvedAt, acknowledgedBy, traceId, firstSeverity: _, ...rest } = alert
  const url = alertLink(publicUrl, alert)
  return {
    ...rest,
    since: timeText(since),
    at: timeText(at),
    ...(firedAt === undefined ? {} : { fired_at: timeText(firedAt) }),
    ...(resolvedAt === undefined ? {} : { resolved_at: timeText(resolvedAt) }),
    ...(acknowledgedBy === undefined ? {} : { acknowledged_by: acknowledgedBy }),
    ...(traceId === undefined ? {} : { trace_id: traceId }),
    ...(url === undefined ? {} : { url }),
  }
}

export const webHookBody = (
  channel: string,
  { id, reason, groupKey, groupLabels, at, truncated, alerts }: Notification,
  publicUrl: string | undefined,
): NotificationBody => ({
  version: 1,
  channel,
  notification: {
    id,
    reason,
    group_key: groupKey,
    group_labels: groupLabels,
    at: timeText(at),
    truncated,
    alerts: alerts.map((alert) => alertBody(alert, publicUrl)),
  },
})
