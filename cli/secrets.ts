/** Under which keys the platform's secrets are sealed, and sealing them again: the two steps of a change of key. */
import type { Resealed, SealedReport } from "../resources/index.ts"
import { renderTable } from "./render.ts"

const unreachableLine = (unreachable: ReadonlyArray<string>): ReadonlyArray<string> =>
  unreachable.length === 0 ? [] : [`\nnot reached: ${unreachable.join(", ")}`]

const meaning = {
  newest: "the newest key",
  older: "an older key: millrace secrets reseal",
  missing: "MILLRACE_SECRET_KEYS does not hold this key",
} as const

export const renderSealed = ({ sealed, unreachable }: SealedReport): string =>
  [
    renderTable(
      ["what", "key", "rows", ""],
      sealed.map(({ kind, key_id, rows, key }) => [kind, key_id, String(rows), meaning[key]]),
    ),
    ...unreachableLine(unreachable),
  ].join("\n")

export const renderResealed = ({ resealed, unreadable, unreachable }: Resealed): string =>
  [
    `sealed again under the newest key: ${resealed}`,
    ...(unreadable === 0 ? [] : [`cannot be opened with the keys of this environment: ${unreadable}`]),
    ...unreachableLine(unreachable),
  ].join("\n")
