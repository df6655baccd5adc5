/**
 * The alert desk of a tenant: it owns every alert's life beyond its rule's own condition (acknowledged, silenced, inhibited,
 * flapping, resolved by a person), decides whom to tell what and when, and has lists and histories follow.
 *
 * I1 A transition is taken once, by its number. I2 People are told what an alert is, compared with what they were told of it
 * last: what is the same is not told again but as a repetition. I3 A notification has an id of its own and goes to each
 * channel once. I4 Nothing is told while it is kept quiet; what still holds afterwards is told then. I5 At most
 * `liveAlertsMax` alerts are not resolved; one more is refused, counted, and told of by an alert of the desk's own. I6 A
 * change costs what it changes, not what the desk holds. I7 The one timer `look` is set to when something is due next.
 */
import { accept, type DecideContext, define, reject } from "../../engine/index.ts"
import { AlertDeskProtocol, type AlertRecord } from "../../schemas/index.ts"
import { acknowledge, resolve, unacknowledge } from "./by-hand.ts"
import { alertOf } from "./draft.ts"
import { evolve, fold } from "./fold.ts"
import { change, follow } from "./follow.ts"
import { takeForeign } from "./foreign.ts"
import { alertRecord, indexActivity, isBehind, rowsOf } from "./index-row.ts"
import { indexAgainMs, indexAgainMsMax, lookAgainMs } from "./limits.ts"
import { look, lookAt } from "./look.ts"
import { quietCommands } from "./quiet-commands.ts"
import { type Event, events, initial, isLive, State, type StoredAlert } from "./state.ts"
import { take } from "./take.ts"

/** Like `change`, answered with the alert as it is then. */
const changeAlert = (
  state: State,
  fingerprint: string,
  context: DecideContext,
  by: (alert: StoredAlert) => ReadonlyArray<Event>,
) => {
  const alert = alertOf(state, fingerprint)
  if (alert === undefined) return reject({ _tag: "AlertUnknown" as const })
  if (!isLive(alert)) return reject({ _tag: "AlertOver" as const })
  const added = by(alert)
  const after = fold(state, added)
  const reply: AlertRecord = alertRecord(alertOf(after, fingerprint) ?? alert)
  return accept({ ...follow(state, after, added, context), reply })
}

const countOf = (record: Readonly<Record<string, unknown>>): number => Object.keys(record).length

const startIndex = (state: State) =>
  state.index.underWay || !isBehind(state)
    ? accept()
    : accept({
        events: [{ _tag: "IndexBegun" as const }],
        start: [{ activity: "index" as const, input: rowsOf(state) }],
      })

export const AlertDesk = define(AlertDeskProtocol, {
  events,
  activities: { index: indexActivity },
  state: State,
  large: true,
  initial,
  decide: {
    Take: (state, { transitions, began = [] }, context) =>
      accept(change(state, take(state, transitions, context.now, began), context)),
    TakeForeign: (state, { alerts, policy }, context) =>
      accept(change(state, takeForeign(state, alerts, policy, context.now), context)),
    Acknowledge: (state, { fingerprint, ...said }, context) =>
      changeAlert(state, fingerprint, context, (alert) => [acknowledge(alert, context.now, said)]),
    Unacknowledge: (state, { fingerprint, by }, context) =>
      changeAlert(state, fingerprint, context, (alert) =>
        alert.acknowledged === undefined ? [] : [unacknowledge(alert, context.now, by)],
      ),
    Resolve: (state, { fingerprint, by }, context) =>
      changeAlert(state, fingerprint, context, (alert) =>
        resolve(state, alert, context.now, { cause: "resolved by hand", by }),
      ),
    ...quietCommands,
    Read: (state, { fingerprint }) => {
      const alert = alertOf(state, fingerprint)
      return alert === undefined ? reject({ _tag: "AlertUnknown" }) : accept({ reply: alertRecord(alert) })
    },
    Status: ({ live, held, groups, bytes, refused, history, lost }) =>
      accept({
        reply: {
          live,
          held,
          groups: groups.reduce((sum, bucket) => sum + countOf(bucket.groups), 0),
          bytes,
          refused,
          unwritten: history.length,
          lost,
        },
      }),
  },
  evolve,
  settled: {
    index: (state, outcome) => {
      if (outcome._tag === "Success") {
        const indexed = { _tag: "Indexed" as const, ...outcome.output }
        const after = fold(state, [indexed])
        if (!isBehind(after)) return accept({ events: [indexed] })
        const begun = { _tag: "IndexBegun" as const }
        return accept({
          events: [indexed, begun],
          start: [{ activity: "index", id: `index:${state.indexed}`, input: rowsOf(after) }],
        })
      }
      const pauseMs = Math.min(indexAgainMs * 2 ** Math.min(state.index.failures, 10), indexAgainMsMax)
      return accept({
        events: [{ _tag: "IndexFailed" as const }],
        setTimers: [{ timer: "index", due: { afterMs: pauseMs } }],
      })
    },
  },
  timers: {
    look: (state, _, context) => {
      const { events: added, send, after } = look(state, context)
      const { setTimers, ...rest } = follow(state, after, added, context)
      const due = lookAt(after)
      const again =
        due === undefined
          ? []
          : [{ timer: "look" as const, due: { at: Math.max(due, context.now + lookAgainMs) } }]
      return accept({
        ...rest,
        send,
        setTimers: [...setTimers.filter(({ timer }) => timer !== "look"), ...again],
      })
    },
    index: (state) => startIndex(state),
  },
})
