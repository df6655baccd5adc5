/** What Alertmanager's `webhook_config` sends, version 4. Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config */
import { foreignRule, type Notification, type NotifiedAlert } from "../../../schemas/index.ts"
import { alertLink, commonOf, isResolved, timeText } from "../texts.ts"

/** Go's zero time: it has not ended. */
const notEnded = "0001-01-01T00:00:00Z"

/**
 * Receivers know an alert by its labels: all of them are the same from its beginning to its end. How severe it is now is
 * therefore among the annotations, and an alert that came from an Alertmanager keeps the labels with which it came.
 */
const labelsOf = ({ rule, name, severity, firstSeverity = severity, labels }: NotifiedAlert) => ({
  severity: firstSeverity,
  ...labels,
  alertname: rule === foreignRule ? (labels.alertname ?? name) : name,
})

const wireAlert = (alert: NotifiedAlert, publicUrl: string | undefined) => {
  const { status, severity, annotations, value, detail } = alert
  const { since, at, firedAt, fingerprint } = alert
  const isOver = status === "resolved"
  return {
    status: isOver ? "resolved" : "firing",
    labels: labelsOf(alert),
    annotations: {
      severity,
      ...annotations,
      ...(value === undefined ? {} : { value: String(value) }),
      ...(detail === undefined ? {} : { detail }),
      // The format knows two states only.
      ...(status === "no_data" || status === "error" || status === "matched" ? { state: status } : {}),
    },
    startsAt: timeText(status === "matched" ? at : (firedAt ?? since)),
    // A match lasts no time.
    endsAt: isOver || status === "matched" ? timeText(at) : notEnded,
    generatorURL: alertLink(publicUrl, alert) ?? "",
    fingerprint,
  }
}

export const alertmanagerPayload = (
  notification: Notification,
  receiver: string,
  publicUrl: string | undefined,
) => {
  const alerts = notification.alerts.map((alert) => wireAlert(alert, publicUrl))
  return {
    version: "4",
    groupKey: notification.groupKey,
    truncatedAlerts: notification.truncated,
    status: isResolved(notification) ? "resolved" : "firing",
    receiver,
    groupLabels: notification.groupLabels,
    commonLabels: commonOf(alerts.map(({ labels }) => labels)),
    commonAnnotations: commonOf(alerts.map(({ annotations }) => annotations)),
    externalURL: publicUrl ?? "",
    alerts,
  }
}
