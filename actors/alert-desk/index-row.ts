/** Keeps the list of alerts and their history, a projection into Postgres, in step: one write of what gathered at a time. */
import * as Schema from "effect/Schema"
import { activity } from "../../engine/index.ts"
import { AlertRecord } from "../../schemas/index.ts"
import { bytesOf } from "../agent/blocks.ts"
import { indexBytesMax, indexRowsMax } from "./limits.ts"
import { HistoryEntry, type State, type StoredAlert } from "./state.ts"

/** Alerts and entries of their history that the database does not have. Of two rows of an alert the later revision holds. */
export const AlertRows = Schema.Struct({
  alerts: Schema.Array(Schema.Struct({ revision: Schema.Int, alert: AlertRecord })),
  history: Schema.Array(HistoryEntry),
  /** Once they are in, all alerts are up to this revision, and the history is up to this number. */
  upTo: Schema.Struct({ revision: Schema.Int, history: Schema.Int }),
})
export type AlertRows = typeof AlertRows.Type

/** Idempotent: what is there already changes nothing. */
export const indexActivity = activity({
  input: AlertRows,
  output: Schema.Struct({ revision: Schema.Int, history: Schema.Int }),
  timeoutMs: 30_000,
  retry: { attemptsMax: 1 },
})

/** Whether the database lacks something. */
export const isBehind = ({ revision, indexed, history }: State): boolean =>
  revision > indexed || history.length > 0

/** The alert as everybody may see it. */
export const alertRecord = (alert: StoredAlert): AlertRecord => {
  const { told: _1, acts: _2, turns: _3, turnedAt: _4, expiresAt: _5, leavesAt: _6, ...rest } = alert
  const { bytes: _7, revision: _8, said: _9, policyKey: _10, ...record } = rest
  return record
}

/** As many as one write takes, the oldest changes first. */
export const rowsOf = (state: State): AlertRows => {
  let bytes = 0
  const fits = (value: unknown): boolean => {
    bytes += bytesOf(value)
    return bytes <= indexBytesMax
  }
  const history: Array<HistoryEntry> = []
  for (const entry of state.history) {
    if (history.length === indexRowsMax || (history.length > 0 && !fits(entry))) break
    history.push(entry)
  }
  const waiting = state.alerts
    .flatMap((bucket) => Object.values(bucket).filter(({ revision }) => revision > state.indexed))
    .toSorted((one, other) => one.revision - other.revision)
  const alerts: Array<AlertRows["alerts"][number]> = []
  for (const alert of waiting) {
    if (alerts.length === indexRowsMax || (alerts.length > 0 && !fits(alert))) break
    alerts.push({ revision: alert.revision, alert: alertRecord(alert) })
  }
  const all = alerts.length === waiting.length
  const revision = all ? state.revision : alerts.at(-1)!.revision
  return { alerts, history, upTo: { revision, history: history.at(-1)?.number ?? 0 } }
}
