/**
 * A threshold rule over a metric, with one state per group of labels: inactive, pending while the condition holds but
 * not long enough, firing once an alert was raised.
 *
 * I1 Time is the samples' own; a sample that is not newer than the last one of its group is ignored. I2 An alert is
 * raised when the condition held for `for_ms` and resolved when the value is back at the clear level. I3 Every raised
 * alert is resolved once, at the latest when the rule is disabled or replaced; both times the agent in `notify` is told
 * and a signal is sent. I4 A batch of samples adds one `Observed` besides its transitions, never an event per sample.
 * I5 The rule index knows of exactly the enabled rules. I6 At most `groupsMax` groups.
 */
import * as Schema from "effect/Schema"
import { accept, type DecideContext, type Decision, define, reject } from "../../engine/index.ts"
import {
  AgentProtocol,
  type Alert,
  alertTopic,
  CepRuleProtocol,
  GroupState,
  Labels,
  type Outgoing,
  Rule,
  RuleIndexProtocol,
  ruleIndexKey,
  type Sample,
  type Tagged,
} from "../../schemas/index.ts"
import { ruleProblems } from "./rule-problems.ts"
import { afterTransition, type Group, matches, type Transition, transitions } from "./threshold.ts"

export const groupsMax = 1_000

const State = Schema.Struct({
  rule: Schema.String,
  definition: Schema.optionalKey(Rule),
  groups: Schema.Record(Schema.String, GroupState),
  evaluations: Schema.Int,
  matches: Schema.Int,
  ignored: Schema.Int,
})
type State = typeof State.Type

const transition = { group: Labels, value: Schema.Finite, at: Schema.Finite }
const events = {
  Defined: { definition: Rule },
  EnabledSet: { enabled: Schema.Boolean },
  BreachStarted: transition,
  BreachEnded: transition,
  AlertRaised: transition,
  AlertResolved: transition,
  /** Counts of one batch, and the newest sample of every group in it. */
  Observed: {
    evaluations: Schema.Int,
    matches: Schema.Int,
    ignored: Schema.Int,
    newest: Schema.Array(Schema.Struct({ group: Labels, value: Schema.Finite, at: Schema.Finite })),
  },
}
type Event = Tagged<typeof events>
type Silent = Decision<Event, never, { readonly _tag: "RuleUnknown" }>

const keyOf = (group: Labels): string =>
  JSON.stringify(Object.entries(group).toSorted(([a], [b]) => (a < b ? -1 : 1)))

const groupOf = ({ group_by }: Rule, { labels }: Sample): Labels =>
  Object.fromEntries(group_by.map((label) => [label, labels[label] ?? ""]))

const concerns = ({ metric, where }: Rule, { name, labels }: Sample): boolean =>
  name === metric && Object.entries(where ?? {}).every(([label, value]) => labels[label] === value)

const alertOf = (
  state: State,
  rule: Rule,
  event: Extract<Event, { _tag: "AlertRaised" | "AlertResolved" }>,
  since: number,
): Alert => ({
  id: `${state.rule}/${keyOf(event.group)}/${since}`,
  rule: state.rule,
  name: rule.name,
  severity: rule.severity,
  status: event._tag === "AlertRaised" ? "raised" : "resolved",
  metric: rule.metric,
  group: event.group,
  value: event.value,
  threshold: rule.threshold,
  since,
  at: event.at,
})

/** What follows from raised and resolved alerts: the agent is told, and whoever listens. */
const announce = (rule: Rule, alerts: ReadonlyArray<Alert>, { self }: DecideContext) => ({
  send: alerts.map((alert): Outgoing => AgentProtocol.tell(rule.notify, { _tag: "Alert", alert })),
  signal: alerts.map((alert) => ({ topic: alertTopic(self.tenant), body: { alert } })),
})

const observe = (
  state: State,
  rule: Rule,
  samples: ReadonlyArray<Sample>,
  context: DecideContext,
): Silent => {
  const groups = new Map(Object.entries(state.groups))
  const touched = new Map<string, GroupState>()
  const happened: Array<Event> = []
  const alerts: Array<Alert> = []
  let [evaluations, matched, ignored] = [0, 0, 0]
  for (const sample of samples) {
    if (!concerns(rule, sample)) continue
    const group = groupOf(rule, sample)
    const key = keyOf(group)
    const before = groups.get(key)
    if (before === undefined ? groups.size >= groupsMax : sample.at <= before.at) {
      ignored += 1
      continue
    }
    evaluations += 1
    if (matches(rule, sample.value)) matched += 1
    const { value, at } = sample
    let now: Group = { status: before?.status ?? "inactive", since: before?.since ?? 0 }
    for (const _tag of transitions(rule, now, sample)) {
      const event: Event = { _tag, group, value, at }
      now = afterTransition(now, _tag, at)
      happened.push(event)
      if (event._tag === "AlertRaised" || event._tag === "AlertResolved") {
        alerts.push(alertOf(state, rule, event, now.since))
      }
    }
    const after = stateOf(group, now, value, at)
    groups.set(key, after)
    touched.set(key, after)
  }
  if (evaluations === 0 && ignored === 0) return accept()
  const newest = [...touched.values()].map(({ group, value, at }) => ({ group, value, at }))
  return accept({
    events: [...happened, { _tag: "Observed", evaluations, matches: matched, ignored, newest }],
    ...announce(rule, alerts, context),
  })
}

const stateOf = (group: Labels, { status, since }: Group, value: number, at: number): GroupState => ({
  ...{ group, status, value, at },
  ...(status === "inactive" ? {} : { since }),
})

/** Ends what is pending or firing, because the rule stops or changes. */
const settle = (state: State, rule: Rule, context: DecideContext) => {
  const firing = Object.values(state.groups).filter(({ status }) => status === "firing")
  const resolved = firing.map(({ group, value, at, since }) => ({
    event: { _tag: "AlertResolved" as const, group, value, at },
    since: since ?? at,
  }))
  return {
    ended: resolved.map(({ event }) => event),
    ...announce(
      rule,
      resolved.map(({ event, since }) => alertOf(state, rule, event, since)),
      context,
    ),
  }
}

const enrol = (rule: string, { enabled, metric }: Rule): Outgoing =>
  RuleIndexProtocol.tell(
    ruleIndexKey,
    enabled ? { _tag: "Enrolled", rule, metric } : { _tag: "Withdrawn", rule },
  )

const setEnabled = (
  state: State,
  enabled: boolean,
  context: DecideContext,
): Decision<Event, undefined, { readonly _tag: "RuleUnknown" }> => {
  const { definition } = state
  if (definition === undefined) return reject({ _tag: "RuleUnknown" })
  if (definition.enabled === enabled) return accept()
  const { ended, send, signal } = settle(state, definition, context)
  return accept({
    events: [...ended, { _tag: "EnabledSet", enabled }],
    send: [...send, enrol(state.rule, { ...definition, enabled })],
    signal,
  })
}

const sameRule = Schema.toEquivalence(Rule)

const moved =
  (tag: Transition) =>
  (
    state: State,
    { group, value, at }: { readonly group: Labels; readonly value: number; readonly at: number },
  ): State => {
    const key = keyOf(group)
    const before = state.groups[key]
    const now = afterTransition({ status: before?.status ?? "inactive", since: before?.since ?? 0 }, tag, at)
    return { ...state, groups: { ...state.groups, [key]: stateOf(group, now, value, at) } }
  }

export const CepRule = define(CepRuleProtocol, {
  events,
  state: State,
  initial: (rule): State => ({ rule, groups: {}, evaluations: 0, matches: 0, ignored: 0 }),
  decide: {
    Define: (state, { rule }, context) => {
      const problems = ruleProblems(rule)
      if (problems.length > 0) return reject({ _tag: "BadRule", problems })
      const { definition } = state
      if (definition !== undefined && sameRule(definition, rule)) {
        return accept({ reply: { rule: state.rule, changed: false } })
      }
      const before = definition === undefined ? undefined : settle(state, definition, context)
      return accept({
        events: [...(before?.ended ?? []), { _tag: "Defined", definition: rule }],
        send: [...(before?.send ?? []), enrol(state.rule, rule)],
        signal: before?.signal ?? [],
        reply: { rule: state.rule, changed: true },
      })
    },
    Observe: (state, { samples }, context) =>
      state.definition?.enabled === true ? observe(state, state.definition, samples, context) : accept(),
    Enable: (state, _, context) => setEnabled(state, true, context),
    Disable: (state, _, context) => setEnabled(state, false, context),
    Read: ({ rule, definition, groups, evaluations, matches, ignored }) =>
      definition === undefined
        ? reject({ _tag: "RuleUnknown" })
        : accept({
            reply: { rule, definition, groups: Object.values(groups), evaluations, matches, ignored },
          }),
  },
  evolve: {
    Defined: (state, { definition }) => ({ ...state, definition, groups: {} }),
    EnabledSet: (state, { enabled }) =>
      state.definition === undefined
        ? state
        : { ...state, definition: { ...state.definition, enabled }, groups: {} },
    BreachStarted: moved("BreachStarted"),
    BreachEnded: moved("BreachEnded"),
    AlertRaised: moved("AlertRaised"),
    AlertResolved: moved("AlertResolved"),
    Observed: (state, observed) => ({
      ...state,
      evaluations: state.evaluations + observed.evaluations,
      matches: state.matches + observed.matches,
      ignored: state.ignored + observed.ignored,
      groups: {
        ...state.groups,
        ...Object.fromEntries(
          observed.newest.map(({ group, value, at }) => {
            const key = keyOf(group)
            return [key, { ...(state.groups[key] ?? { group, status: "inactive" as const }), value, at }]
          }),
        ),
      },
    }),
  },
})
