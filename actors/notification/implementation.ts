/** What the activities of notifications do: deliver, act in the name of a rule's owner, keep the list of deliveries in step. */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { implementKind } from "../implement-kind.ts"
import { PlatformAccess } from "../platform-access.ts"
import { act } from "./deliver/act.ts"
import { deliver } from "./deliver/deliver.ts"
import { NotificationActor } from "./notification.ts"

/** The database's own words stay out of the journal: they may quote what it was given. */
const listUnavailable = () =>
  new ActivityFailure({
    code: "IndexUnavailable",
    detail: "the list of deliveries did not answer",
    retryable: true,
  })

export const notificationImplementation = implementKind(NotificationActor, {
  deliver: (input, run) => deliver(input, run),
  act: (input, run) => act(input, run),
  index: ({ rows, last, revision }, { self }) =>
    Effect.flatMap(
      Effect.flatMap(PlatformAccess, ({ platform }) => platform),
      ({ channels }) =>
        channels
          .keep(self.tenant, self.key, { rows, last })
          .pipe(Effect.mapError(listUnavailable), Effect.as({ revision })),
    ),
})
