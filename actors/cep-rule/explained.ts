/**
 * Why a rule fired at a time, or why it did not, from a tenant's own messages: read from when the alert came into the state
 * that it had then, under the documents that counted, and held against what the alert desk recorded.
 */
import * as Effect from "effect/Effect"
import type { Unavailable } from "../../engine/index.ts"
import type { Refused } from "../../resources/index.ts"
import type { MetricStream } from "../../streams/index.ts"
import { AlertIndex } from "../alert-desk/index/alert-index.ts"
import { type DeskAlert, type DeskRecord, deskStateAt } from "../cep/replay/desk-record.ts"
import { Explainer, type ExplainOptions, type Explanation } from "../cep/replay/explain.ts"
import type { PastRule, PastVersion } from "../cep/replay/past-run.ts"
import { compileRule } from "../cep/rule/compile-rule.ts"
import { feed, inTurn, oneOfFew, pastLimits, readPast } from "./past.ts"

/** How long before and after the time that is asked about evaluations are looked at, besides what the rule reaches back. */
const beforeMs = 60 * 60_000
const afterMs = 10 * 60_000
/** Of the state that the alert had: so long before it began. */
const leadMs = 5 * 60_000
/** Of two runs at most. */
const runMs = pastLimits.runMs / 2
/** Documents from before the time and after it that count in one explanation; of more edits the nearest. */
const documentsBeforeMax = 8
const documentsAfterMax = 2
/** Alerts of the rule that the desk is asked for, and changes of one. */
const deskAlertsMax = 20
const deskChangesMax = 200

export interface ExplainQuestion {
  readonly tenant: string
  readonly rule: string
  /** At least one, oldest first. */
  readonly versions: ReadonlyArray<PastVersion>
  readonly at: number
  readonly group?: Readonly<Record<string, string>>
}

/** Newest first there, oldest first here. Undefined: the database cannot be asked now. */
const deskRecord = ({ tenant, rule, group }: ExplainQuestion, now: number) =>
  Effect.gen(function* () {
    const index = yield* AlertIndex
    const search = { rule, page: 1, limit: deskAlertsMax, ...(group === undefined ? {} : { labels: group }) }
    const { rows, total } = yield* index.list(tenant, search)
    const alerts = yield* Effect.forEach(rows, ({ fingerprint, labels, quietBy }) =>
      Effect.map(
        index.history(tenant, { fingerprint, limit: deskChangesMax }),
        (history): DeskAlert => ({
          ...{ fingerprint, labels, quietBy, history: history.toReversed() },
          isWhole: history.length < deskChangesMax,
        }),
      ),
    )
    return { alerts, isWhole: total <= rows.length, at: now }
  }).pipe(Effect.orElseSucceed((): DeskRecord | undefined => undefined))

/** The documents that counted from a time on: the one that did then, and what came later. */
const versionsFrom = ({ versions, at }: ExplainQuestion, from: number): ReadonlyArray<PastVersion> => {
  const indexOf = (time: number) => versions.findLastIndex((one) => one.at <= time)
  const then = Math.max(0, indexOf(at))
  const first = Math.max(0, indexOf(from), then - documentsBeforeMax)
  return versions.slice(first, then + 1 + documentsAfterMax)
}

const documentsOf = (
  { tenant, rule, at }: ExplainQuestion,
  versions: ReadonlyArray<PastVersion>,
  from: number,
): PastRule & Required<Pick<ExplainOptions, "isBeforeRule" | "later">> => {
  const { version, document, at: begins } = versions[0]!
  const isBeforeRule = begins > at
  // Of a time before the rule was there, or whose document is not kept, the oldest one is tried.
  const isFirst = begins > from && version === 1 && !isBeforeRule
  const later = isBeforeRule ? [] : versions.slice(1)
  return {
    ...{ tenant, rule, version, document, later, isBeforeRule },
    ...(isFirst ? { madeAt: begins } : {}),
  }
}

type Told = Explanation & { readonly truncated: boolean }

const refused = (
  { rule, at }: ExplainQuestion,
  { version }: PastVersion,
  compiled: ReturnType<typeof compileRule>,
) => {
  const [first] = "problems" in compiled ? compiled.problems : []
  const summary = `Nothing is evaluated: this release refuses the rule's document of that time: ${first?.field}: ${first?.problem}; ${first?.remedy}.`
  return { rule, version, at, summary, groups: [], otherGroups: 0, truncated: false, reached: true }
}

const explainFrom = Effect.fnUntraced(function* (
  question: ExplainQuestion,
  desk: DeskRecord | undefined,
  now: number,
  from: number,
): Effect.fn.Return<Told & { readonly reached: boolean }, Unavailable, MetricStream> {
  const { at, group, rule } = question
  const versions = versionsFrom(question, from)
  const compiled = versions.map(({ version, document }) => compileRule(rule, version, document))
  // What an older release took, this one may refuse: its lane does not run it either.
  const usable = versions.filter((_, index) => "program" in compiled[index]!)
  if (usable.length === 0) return refused(question, versions.at(-1)!, compiled.at(-1)!)
  const documents = documentsOf(question, usable, from)
  const explainer = new Explainer({
    ...{ ...documents, at },
    ...(group === undefined ? {} : { group }),
    ...(desk === undefined ? {} : { desk }),
  })
  const feeding = yield* feed((message) => {
    explainer.offer(message)
    return true
  }, runMs)
  const taken = (desk?.alerts ?? []).map((alert) => deskStateAt(alert, at)?.takenAt ?? at)
  const enough = Math.min(Math.max(at, ...taken) + afterMs, now)
  // What is of that time may have been stored much later: nothing was found until something is.
  const until = () =>
    explainer.seenAt === undefined ? now : Math.min(now, Math.max(enough, explainer.seenAt + afterMs))
  const programs = compiled.flatMap((one) => ("program" in one ? [one.program] : []))
  const past = { tenant: question.tenant, programs, from, until }
  const cut = yield* readPast(past, feeding)
  const told = explainer.finish(cut ?? enough, from)
  return { ...told, truncated: cut !== undefined, reached: cut === undefined || cut >= at }
})

const explained = Effect.fnUntraced(function* (
  question: ExplainQuestion,
  now: number,
): Effect.fn.Return<Told, Unavailable, MetricStream | AlertIndex> {
  const desk = yield* deskRecord(question, now)
  const near = question.at - beforeMs
  const began = (desk?.alerts ?? []).flatMap((alert) => {
    const state = deskStateAt(alert, question.at)
    if (state === undefined) return []
    // What an edit ended is explained by what it was before.
    const former = state.cause === "rule_changed" ? (state.formerSince ?? state.since) : state.since
    return [Math.min(former, state.since, state.takenAt) - leadMs]
  })
  const whole = yield* explainFrom(question, desk, now, Math.min(near, ...began))
  if (whole.reached) return whole
  // Too much lies in between: what was evaluated around the time says more than what was long before it.
  return { ...(yield* explainFrom(question, desk, now, near)), truncated: true }
})

/** `truncated`: not all was read that belongs to it. Errors: `Refused` when too many are under way for long. */
export const explainRule = (
  question: ExplainQuestion,
  now: number,
): Effect.Effect<Told, Refused | Unavailable, MetricStream | AlertIndex> =>
  inTurn(oneOfFew(question.tenant, explained(question, now)))
