/** How a desk's journal folds. */
import { bytesOf } from "../agent/blocks.ts"
import { alertOf, Draft } from "./draft.ts"
import { isQuiet } from "./due.ts"
import { inhibitedBy } from "./inhibition.ts"
import { historyDetailCharactersMax, historyLabelsMax } from "./limits.ts"
import { matches } from "./matchers.ts"
import { noGrouping } from "./routing.ts"
import { type Event, firstSeverityOf, type State, type StoredAlert } from "./state.ts"
import { entriesOf } from "./turning.ts"

type Of<T extends Event["_tag"]> = Extract<Event, { _tag: T }>

const without = <A>(record: Readonly<Record<string, A>>, id: string): Readonly<Record<string, A>> => {
  const { [id]: _, ...rest } = record
  return rest
}

/** Alerts that fit are kept quiet from now on, or are no more: `id` comes to or leaves what keeps them so. */
const hush = (draft: Draft, id: string, fits: (alert: StoredAlert) => boolean): void => {
  for (const alert of [...draft.everyAlert()]) {
    const [was, is] = [alert.quietBy.includes(id), fits(alert)]
    if (was === is) continue
    const others = alert.quietBy.filter((one) => one !== id)
    draft.putAlert({ ...alert, quietBy: is ? [...others, id] : others })
  }
}
const nothing = () => false

/** The version of what takes the place of another one. */
const next = (before: { readonly version?: number } | undefined) =>
  before === undefined ? {} : { version: (before.version ?? 1) + 1 }

interface Done {
  readonly to: string
  readonly id: string
  readonly name: string
  readonly at: number
  readonly by: string | undefined
}

const note = (draft: Draft, cause: string, { to, id, name, at, by }: Done): void =>
  draft.tell({
    fingerprint: "",
    rule: id,
    name,
    to,
    cause,
    at,
    takenAt: at,
    ...(by === undefined ? {} : { by }),
  })

const changed = (
  state: State,
  { policies, alerts, matches: found, dismissed = [], seen, refused, at }: Of<"Changed">,
): State => {
  const draft = new Draft(state)
  for (const { rule, version, policy } of policies) draft.putPolicy(rule, version, policy)
  for (const { alert, cause, by, silent } of alerts) {
    const before = draft.alert(alert.fingerprint)
    draft.putAlert(alert)
    if (silent === true) continue
    const { fingerprint, rule, name, severity, value, detail, acknowledged } = alert
    const comment = cause === "acknowledged" ? acknowledged?.comment : undefined
    draft.tell({
      fingerprint,
      rule,
      name,
      to: alert.state,
      ...(before === undefined ? {} : { from: before.state }),
      cause,
      severity,
      ...(value === undefined ? {} : { value }),
      at: alert.at,
      takenAt: at,
      ...(by === undefined ? {} : { by }),
      ...(detail === undefined ? {} : { detail: detail.slice(0, historyDetailCharactersMax) }),
      ...(comment === undefined ? {} : { comment }),
    })
  }
  for (const match of found) {
    const { alert } = match
    const { fingerprint, rule, name, severity, value, labels, at: happened } = alert
    draft.needPolicy(rule, 1)
    draft.set("bytes", draft.get("bytes") + bytesOf(match))
    const few = entriesOf(labels, historyLabelsMax, 64)
    const of = { fingerprint, rule, name, severity, labels: few, ...(value === undefined ? {} : { value }) }
    draft.tell({ ...of, to: "matched", cause: "matched", at: happened, takenAt: at })
  }
  if (found.length > 0) draft.set("matches", [...state.matches, ...found])
  for (const [fingerprint, number, storedAt] of seen) draft.see(fingerprint, [number, storedAt])
  draft.dismiss(dismissed)
  if (refused > 0) draft.set("refused", state.refused + refused)
  return released(state, draft.finish(at), alerts, at)
}

/** What was inhibited by alerts that fire no more is looked at again. */
const released = (before: State, after: State, changes: Of<"Changed">["alerts"], at: number): State => {
  const { inhibitions } = before
  const ended = changes.some(
    ({ alert: { fingerprint, state } }) =>
      state !== "firing" && alertOf(before, fingerprint)?.state === "firing",
  )
  if (!ended || Object.keys(inhibitions).length === 0) return after
  const draft = new Draft(after)
  for (const bucket of after.alerts) {
    for (const alert of Object.values(bucket)) {
      const was = alert.quietBy.filter((id) => Object.hasOwn(inhibitions, id))
      if (was.length === 0) continue
      const by = inhibitedBy(alert, inhibitions, after.alerts)
      if (by.length === was.length) continue
      const others = alert.quietBy.filter((id) => !was.includes(id))
      draft.putAlert({ ...alert, quietBy: [...others, ...by] })
    }
  }
  return draft.finish(at)
}

const told = (state: State, { group: key, at }: Of<"Told">): State => {
  const draft = new Draft(state)
  const group = draft.group(key)
  if (group === undefined) return state
  for (const fingerprint of draft.membersOf(key)) {
    const alert = draft.alert(fingerprint)
    if (alert === undefined || isQuiet(alert)) continue
    const { told: before, state: now, severity, flapping } = alert
    // Of what flaps people know that it does, whatever it is right now.
    if (!flapping && (now === "pending" || (before === undefined && now === "resolved"))) continue
    if (before?.state === now && before.severity === severity && before.flapping === flapping) continue
    const first = firstSeverityOf(alert)
    const known = first === undefined ? {} : { first }
    draft.patchAlert({ ...alert, told: { state: now, severity, flapping, ...known } })
  }
  const { newsAt: _, ...rest } = group
  draft.setGroup({ ...rest, toldAt: at })
  draft.set("tellings", state.tellings + 1)
  return draft.finish(at)
}

const patched = (
  state: State,
  fingerprints: ReadonlyArray<string>,
  patch: (alert: StoredAlert) => StoredAlert,
): Draft => {
  const draft = new Draft(state)
  for (const fingerprint of fingerprints) {
    const alert = draft.alert(fingerprint)
    if (alert !== undefined) draft.patchAlert(patch(alert))
  }
  return draft
}

export const evolve: { [T in Event["_tag"]]: (state: State, event: Of<T>) => State } = {
  Changed: changed,
  Inhibited: (state, { alerts }) => {
    const draft = new Draft(state)
    for (const { fingerprint, by } of alerts) {
      const alert = draft.alert(fingerprint)
      if (alert === undefined) continue
      const others = alert.quietBy.filter((id) => !Object.hasOwn(state.inhibitions, id))
      draft.putAlert({ ...alert, quietBy: [...others, ...by] })
    }
    return draft.finish(undefined)
  },
  Told: told,
  Acted: (state, { fingerprints }) => {
    const draft = patched(state, fingerprints, (alert) => ({ ...alert, acts: [] }))
    draft.set("tellings", state.tellings + 1)
    return draft.finish(undefined)
  },
  Began: (state, { began }) => ({ ...state, began: [...(state.began ?? []), ...began] }),
  StaleEnded: ({ began = [], ...state }, { count }) =>
    began.length === count ? state : { ...state, began: began.slice(count) },
  MatchesActed: (state, { count }) => {
    const draft = new Draft(state)
    for (const match of state.matches.slice(0, count)) {
      draft.needPolicy(match.alert.rule, -1)
      draft.set("bytes", draft.get("bytes") - bytesOf(match))
    }
    draft.set("matches", state.matches.slice(count))
    // Each of them had a number of its own.
    draft.set("tellings", state.tellings + count)
    return draft.finish(undefined)
  },
  Steadied: (state, { fingerprints, at }) => {
    const draft = new Draft(state)
    for (const fingerprint of fingerprints) {
      const alert = draft.alert(fingerprint)
      if (alert !== undefined) draft.putAlert({ ...alert, flapping: false, turns: [] })
    }
    return draft.finish(at)
  },
  Left: (state, { fingerprints }) => {
    const draft = new Draft(state)
    for (const fingerprint of fingerprints) draft.removeAlert(fingerprint)
    return draft.finish(undefined)
  },
  Postponed: (state, { fingerprints, until }) =>
    patched(state, fingerprints, (alert) => ({ ...alert, leavesAt: until })).finish(undefined),
  SilencePut: (state, { silence, active, by, at }) => {
    const draft = new Draft(state)
    draft.set("silences", {
      ...state.silences,
      [silence.id]: { ...silence, active, ...next(state.silences[silence.id]) },
    })
    hush(draft, silence.id, active ? (alert) => matches(silence.matchers, alert) : nothing)
    const verb = Object.hasOwn(state.silences, silence.id) ? "changed" : "created"
    note(draft, "silence", { to: verb, id: silence.id, name: silence.comment.slice(0, 200), at, by })
    return draft.finish(at)
  },
  SilenceBegun: (state, { id, at }) => {
    const silence = state.silences[id]
    if (silence === undefined) return state
    const draft = new Draft(state)
    draft.set("silences", { ...state.silences, [id]: { ...silence, active: true } })
    hush(draft, id, (alert) => matches(silence.matchers, alert))
    return draft.finish(at)
  },
  SilenceEnded: (state, { id, by, at }) => {
    const silence = state.silences[id]
    if (silence === undefined) return state
    const draft = new Draft(state)
    draft.set("silences", without(state.silences, id))
    hush(draft, id, nothing)
    note(draft, "silence", { to: "ended", id, name: silence.comment.slice(0, 200), at, by })
    return draft.finish(at)
  },
  MaintenancePut: (state, { maintenance, window, active, by, at }) => {
    const draft = new Draft(state)
    const { id, name, matchers } = maintenance
    const kept = {
      ...maintenance,
      active,
      ...next(state.maintenances[id]),
      ...(window === undefined ? {} : { window }),
    }
    draft.set("maintenances", { ...state.maintenances, [id]: kept })
    hush(draft, id, active ? (alert) => matches(matchers, alert) : nothing)
    const verb = Object.hasOwn(state.maintenances, id) ? "changed" : "created"
    note(draft, "maintenance", { to: verb, id, name, at, by })
    return draft.finish(at)
  },
  MaintenanceTurned: (state, { id, window, active, at }) => {
    const maintenance = state.maintenances[id]
    if (maintenance === undefined) return state
    const draft = new Draft(state)
    draft.set("maintenances", { ...state.maintenances, [id]: { ...maintenance, window, active } })
    hush(draft, id, active ? (alert) => matches(maintenance.matchers, alert) : nothing)
    return draft.finish(at)
  },
  MaintenanceEnded: (state, { id, by, at }) => {
    const maintenance = state.maintenances[id]
    if (maintenance === undefined) return state
    const draft = new Draft(state)
    draft.set("maintenances", without(state.maintenances, id))
    hush(draft, id, nothing)
    note(draft, "maintenance", { to: "ended", id, name: maintenance.name, at, by })
    return draft.finish(at)
  },
  InhibitionPut: (state, { inhibition, by, at }) => {
    const draft = new Draft(state)
    const { id } = inhibition
    const verb = Object.hasOwn(state.inhibitions, id) ? "changed" : "created"
    draft.set("inhibitions", {
      ...state.inhibitions,
      [id]: { ...inhibition, ...next(state.inhibitions[id]) },
    })
    hush(draft, id, nothing)
    note(draft, "inhibition", { to: verb, id, name: "", at, by })
    return draft.finish(at)
  },
  InhibitionRemoved: (state, { id, by, at }) => {
    const draft = new Draft(state)
    draft.set("inhibitions", without(state.inhibitions, id))
    hush(draft, id, nothing)
    note(draft, "inhibition", { to: "ended", id, name: "", at, by })
    return draft.finish(at)
  },
  GroupingPut: (state, { grouping, by, at }) => {
    const draft = new Draft(state)
    const { version } = state.grouping ?? noGrouping
    draft.set("grouping", { ...grouping, version: version + 1 })
    for (const alert of [...draft.everyAlert()]) draft.regroup(alert)
    note(draft, "grouping", { to: "changed", id: "grouping", name: "", at, by })
    return draft.finish(at)
  },
  IndexBegun: (state) => ({ ...state, index: { ...state.index, underWay: true } }),
  Indexed: (state, { revision, history }) => ({
    ...state,
    indexed: Math.max(state.indexed, revision),
    history: state.history.filter(({ number }) => number > history),
    index: { underWay: false, failures: 0 },
  }),
  IndexFailed: (state) => ({ ...state, index: { underWay: false, failures: state.index.failures + 1 } }),
}
