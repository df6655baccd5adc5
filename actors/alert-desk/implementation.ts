/** What a desk's activity does: puts alerts and their history into the index. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { implementKind } from "../implement-kind.ts"
import { PlatformAccess } from "../platform-access.ts"
import { AlertDesk } from "./desk.ts"

/** The database's own words stay out of the journal: they may quote what it was given. */
const indexUnavailable = () =>
  new ActivityFailure({
    code: "IndexUnavailable",
    detail: "the index of alerts did not answer",
    retryable: false,
  })

export const alertDeskImplementation = implementKind(AlertDesk, {
  index: (rows, { self }) =>
    Effect.flatMap(
      Effect.flatMap(PlatformAccess, ({ platform }) => platform),
      ({ alerts }) =>
        alerts.put(self.tenant, rows).pipe(Effect.mapError(indexUnavailable), Effect.as(rows.upTo)),
    ),
})
