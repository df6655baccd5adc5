/** What a rule's activities do: show it in lists, tell its lane of it, and put runs that are due into the lane. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../engine/index.ts"
import { scheduleEvent } from "../../schemas/index.ts"
import { implementKind } from "../implement-kind.ts"
import { PlatformAccess } from "../platform-access.ts"
import { CepRule } from "./rule.ts"

/** The database's and the stream's own words stay out of the journal. */
const away = (what: string) => () =>
  new ActivityFailure({ code: "Unavailable", detail: `${what} did not answer`, retryable: true })

const platformOf = Effect.flatMap(PlatformAccess, ({ platform }) => platform)

export const cepRuleImplementation = implementKind(CepRule, {
  index: (row, { self }) =>
    Effect.flatMap(platformOf, ({ rules }) =>
      rules
        .put(self.tenant, self.key, row)
        .pipe(Effect.mapError(away("the index of rules")), Effect.as({ number: row.number })),
    ),
  announce: ({ before, ...change }, { self }) =>
    Effect.flatMap(platformOf, ({ lanes }) =>
      lanes.changeRule({ tenant: self.tenant, rule: self.key, ...change }, before).pipe(
        Effect.mapError(away("the rule's lane")),
        Effect.zipWith(Clock.currentTimeMillis, (place, at) => ({ ...place, at })),
      ),
    ),
  append: (due, { self }) =>
    Effect.flatMap(platformOf, ({ lanes }) => {
      const type = scheduleEvent(self.key)
      const events = due.map((at) => ({ id: `${self.key}/${at}`, type, at, attributes: {} }))
      return lanes
        .appendEvents(self.tenant, events)
        .pipe(Effect.mapError(away("the rule's lane")), Effect.as({}))
    }),
})
