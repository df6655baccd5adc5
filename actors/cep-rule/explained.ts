/**
 * Why a rule fired at a time, or why it did not, from a tenant's own messages: read from when the alert came into the state
 * that it had then, under the documents that counted, and held against what the alert desk recorded.
 */
import * as Effect from "effect/Effect"
import type { Unavailable } from "../../engine/index.ts"
import type { Refused } from "../../resources/index.ts"
import type { MetricStream } from "../../streams/index.ts"
import { AlertIndex } from "../alert-desk/index/alert-index.ts"
import { type DeskAlert, deskStateAt } from "../cep/replay/desk-record.ts"
import { Explainer, type ExplainOptions, type Explanation } from "../cep/replay/explain.ts"
import type { PastRule, PastVersion } from "../cep/replay/past-run.ts"
import { feed, inTurn, oneOfFew, pastLimits, programOf, readPast } from "./past.ts"

/** How long before and after the time that is asked about evaluations are looked at, besides what the rule reaches back. */
const beforeMs = 60 * 60_000
const afterMs = 10 * 60_000
/** Of the state that the alert had: so long before it began. */
const leadMs = 5 * 60_000
/** Of two runs at most. */
const runMs = pastLimits.runMs / 2
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
const deskRecord = ({ tenant, rule, group }: ExplainQuestion) =>
  Effect.gen(function* () {
    const index = yield* AlertIndex
    const search = { rule, page: 1, limit: deskAlertsMax, ...(group === undefined ? {} : { labels: group }) }
    const { rows } = yield* index.list(tenant, search)
    return yield* Effect.forEach(rows, ({ fingerprint, labels, quietBy }) =>
      Effect.map(
        index.history(tenant, { fingerprint, limit: deskChangesMax }),
        (history): DeskAlert => ({ fingerprint, labels, quietBy, history: history.toReversed() }),
      ),
    )
  }).pipe(Effect.orElseSucceed((): ReadonlyArray<DeskAlert> | undefined => undefined))

/** The documents that counted from a time on: the one that did then, and what came later. */
const documentsFrom = (
  { tenant, rule, versions, at }: ExplainQuestion,
  from: number,
): PastRule & Required<Pick<ExplainOptions, "isBeforeRule" | "later">> => {
  const index = Math.max(
    0,
    versions.findLastIndex((one) => one.at <= from),
  )
  const { version, document, at: begins } = versions[index]!
  const isBeforeRule = begins > at
  // Of a time before the rule was there, or whose document is not kept, the oldest one is tried.
  const isFirst = begins > from && version === 1 && !isBeforeRule
  const later = isBeforeRule ? [] : versions.slice(index + 1)
  return {
    ...{ tenant, rule, version, document, later, isBeforeRule },
    ...(isFirst ? { madeAt: begins } : {}),
  }
}

type Told = Explanation & { readonly truncated: boolean }

const explainFrom = Effect.fnUntraced(function* (
  question: ExplainQuestion,
  desk: ReadonlyArray<DeskAlert> | undefined,
  now: number,
  from: number,
): Effect.fn.Return<Told & { readonly reached: boolean }, Unavailable, MetricStream> {
  const { at, group } = question
  const documents = documentsFrom(question, from)
  const explainer = new Explainer({
    ...{ ...documents, at },
    ...(group === undefined ? {} : { group }),
    ...(desk === undefined ? {} : { desk }),
  })
  const feeding = yield* feed((message) => {
    explainer.offer(message)
    return true
  }, runMs)
  const taken = (desk ?? []).map((alert) => deskStateAt(alert, at)?.takenAt ?? at)
  const enough = Math.min(Math.max(at, ...taken) + afterMs, now)
  // What is of that time may have been stored much later: nothing was found until something is.
  const until = () =>
    explainer.seenAt === undefined ? now : Math.min(now, Math.max(enough, explainer.seenAt + afterMs))
  const programs = [documents, ...documents.later].map((one) => programOf(question.rule, one))
  const past = { tenant: question.tenant, programs, from, until }
  const cut = yield* readPast(past, feeding)
  const told = explainer.finish(cut ?? enough, from)
  return { ...told, truncated: cut !== undefined, reached: cut === undefined || cut >= at }
})

const explained = Effect.fnUntraced(function* (
  question: ExplainQuestion,
  now: number,
): Effect.fn.Return<Told, Unavailable, MetricStream | AlertIndex> {
  const desk = yield* deskRecord(question)
  const near = question.at - beforeMs
  const began = (desk ?? []).flatMap((alert) => {
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
