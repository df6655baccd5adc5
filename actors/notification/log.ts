/** What the log of a channel shows, and what of it the database does not have yet. */
import type { DeliveryAttempt } from "../../schemas/index.ts"
import type { Over, State, Waiting } from "./state.ts"

const statusOf = (entry: Waiting | Over): DeliveryAttempt["status"] => {
  if ("status" in entry) return entry.status
  return entry.attempts > 0 && !entry.flying ? "failed" : "waiting"
}

export const attemptOf = (entry: Waiting | Over): DeliveryAttempt => {
  const { id, what, attempts, at, detail, traceId } = entry
  return {
    id,
    what,
    status: statusOf(entry),
    attempts,
    at,
    ...(detail === undefined ? {} : { detail }),
    ...(traceId === undefined ? {} : { traceId }),
  }
}

/** Postgres stores neither a zero character nor half of a surrogate pair. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is replaced
const storable = (text: string): string => text.replaceAll(/[\u0000\p{Cs}]/gu, "\ufffd")

/** By revision. */
export const rowsToIndex = ({ waiting, log, indexed }: State): ReadonlyArray<Over> =>
  [...waiting, ...log]
    .filter(({ revision }) => revision > indexed)
    .sort((one, other) => one.revision - other.revision)
    .map((entry) => {
      const { id, what, detail, ...row } = attemptOf(entry)
      const told = detail === undefined ? {} : { detail: storable(detail) }
      return { ...row, id: storable(id), what: storable(what), ...told, n: entry.n, revision: entry.revision }
    })
