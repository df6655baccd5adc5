/** The index of alerts in memory, for suites without a database. */
import * as Effect from "effect/Effect"
import type { AlertIndexService } from "../../actors/index.ts"
import type { AlertRecord } from "../../schemas/index.ts"

type Rows = Parameters<AlertIndexService["put"]>[1]

export interface MemoryAlertIndex extends AlertIndexService {
  /** Every write, in order. */
  readonly writes: Array<Rows>
}

export const makeMemoryAlertIndex = (): MemoryAlertIndex => {
  const writes: Array<Rows> = []
  const records = (): ReadonlyArray<AlertRecord> => {
    const newest = new Map<string, Rows["alerts"][number]>()
    for (const row of writes.flatMap(({ alerts }) => alerts)) {
      const before = newest.get(row.alert.fingerprint)
      if (before === undefined || before.revision < row.revision) newest.set(row.alert.fingerprint, row)
    }
    return [...newest.values()].map(({ alert }) => alert).toSorted((one, other) => other.at - one.at)
  }
  return {
    writes,
    put: (_, rows) => Effect.sync(() => void writes.push(rows)),
    list: (_, { states, page, limit }) =>
      Effect.sync(() => {
        const found = records().filter(({ state }) => states === undefined || states.includes(state))
        return { rows: found.slice((page - 1) * limit, page * limit), total: found.length }
      }),
    find: (_, fingerprint) =>
      Effect.sync(() => records().find((record) => record.fingerprint === fingerprint)),
    history: (_, { fingerprint, limit }) =>
      Effect.sync(() =>
        writes
          .flatMap(({ history }) => history)
          .filter((entry) => entry.fingerprint === fingerprint)
          .toReversed()
          .slice(0, limit),
      ),
    prune: () => Effect.void,
  }
}
