/** What rules over the past come to, as it goes over the wire. */
import type { BacktestResult, Explanation } from "../../../actors/index.ts"
import type { AnswerOf, cepPastEndpoints } from "../../../schemas/index.ts"
import { timestamp } from "./bodies.ts"

/** JSON has no numbers that are none, and none beyond what a double holds. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? Number(part) : part)) ?? "null",
  )

const numbers = (values: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)))
const value = (given: number | undefined) =>
  given === undefined || !Number.isFinite(given) ? {} : { value: given }

const matchedBody = (matched: BacktestResult["firings"][number]["matched"]) =>
  matched === undefined
    ? {}
    : {
        matched: Object.fromEntries(
          Object.entries(matched).map(([stage, items]) => [stage, items.map((item) => toldItem(item))]),
        ),
      }

const toldItem = (item: unknown) => {
  const { at, value: given, ...told } = item as Omit<MatchedItem, "at"> & { readonly at: number }
  return { ...told, at: timestamp(at), ...value(given) }
}

export const resultBody = (result: BacktestResult) => ({
  from: timestamp(result.from),
  to: timestamp(result.until),
  truncated: result.truncated,
  items: result.items,
  counts: result.counts,
  firing_ms: result.firingMs,
  firings: result.firings.map((firing) => ({
    fingerprint: firing.fingerprint,
    labels: firing.labels,
    fired_at: timestamp(firing.firedAt),
    ...(firing.resolvedAt === undefined ? {} : { resolved_at: timestamp(firing.resolvedAt) }),
    severity: firing.severity,
    ...value(firing.value),
    values: numbers(firing.values),
    annotations: firing.annotations,
    ...matchedBody(firing.matched),
  })),
  transitions: result.transitions.map((transition) => ({
    fingerprint: transition.fingerprint,
    number: transition.number,
    to: transition.to,
    cause: transition.cause,
    severity: transition.severity,
    labels: transition.labels,
    ...value(transition.value),
    values: numbers(transition.values),
    // Of one that is over, the evaluation still says since when it was what it was before.
    since: timestamp(isOver(transition.to) ? transition.at : transition.since),
    at: timestamp(transition.at),
    ...(transition.detail === undefined ? {} : { detail: transition.detail }),
  })),
  events: result.events.map(({ type, at, attributes }) => ({ type, at: timestamp(at), attributes })),
  per_day: result.perDay,
  evaluations: result.figures?.evaluations ?? 0,
  errors: result.figures?.errors ?? 0,
  ...(result.figures?.lastError === undefined ? {} : { last_error: result.figures.lastError.detail }),
})

type MatchedItem = NonNullable<
  AnswerOf<typeof cepPastEndpoints.test>["firings"][number]["matched"]
>[string][number]
const isOver = (state: string) => state === "resolved" || state === "inactive"

type Step = Explanation["groups"][number]["steps"][number]

const findingBody = ({ source, result, left, right, short, detail }: Step["findings"][number]) => ({
  source,
  // JSON would leave it out.
  result: result ?? ("unknown" as const),
  ...(left === undefined ? {} : { left: plain(left) }),
  ...(right === undefined ? {} : { right: plain(right) }),
  ...(short === undefined || !Number.isFinite(short) ? {} : { short }),
  ...(detail === undefined ? {} : { detail }),
})

const stageBody = ({ stage, isNot, takes, waiting, startAt, findings }: Step["stages"][number]) => ({
  stage,
  not: isNot,
  takes,
  waiting,
  ...(startAt === undefined ? {} : { started_at: timestamp(startAt) }),
  findings: findings.map(findingBody),
})

const deathBody = ({ reason, stage, waitedFor, startAt, at }: Step["deaths"][number]) => ({
  reason,
  stage,
  waited_for: waitedFor,
  started_at: timestamp(startAt),
  at: timestamp(at),
})

const stepBody = (step: Step) => ({
  at: timestamp(step.at),
  version: step.version,
  before: step.before,
  after: step.after,
  passed_filter: step.passedFilter,
  ...(step.late === undefined
    ? {}
    : {
        late: {
          by_ms: step.late.watermark - step.at,
          watermark: timestamp(step.late.watermark),
          counted: step.late.isCounted,
        },
      }),
  ...value(step.item?.value),
  values: numbers(step.values),
  findings: step.findings.map(findingBody),
  stages: step.stages.map(stageBody),
  deaths: step.deaths.map(deathBody),
  partial_matches: step.partialMatches,
  waiting: step.awaited,
  sentences: step.sentences,
  ...(step.detail === undefined ? {} : { detail: step.detail }),
})

const deskBody = (desk: NonNullable<Explanation["groups"][number]["desk"]>) => ({
  state: desk.state,
  since: timestamp(desk.since),
  cause: desk.cause,
  ...(desk.by === undefined ? {} : { by: desk.by }),
  agrees: desk.agrees,
})

export const explanationBody = (explanation: Explanation & { readonly truncated: boolean }) => ({
  version: explanation.version,
  at: timestamp(explanation.at),
  summary: explanation.summary,
  groups: explanation.groups.map(({ fingerprint, labels, state, since, desk, versions, summary, steps }) => ({
    fingerprint,
    labels,
    state,
    ...(since === undefined ? {} : { since: timestamp(since) }),
    ...(desk === undefined ? {} : { desk: deskBody(desk) }),
    versions: versions.map((one) => ({ ...one, at: timestamp(one.at) })),
    summary,
    steps: steps.map(stepBody),
  })),
  other_groups: explanation.otherGroups,
  truncated: explanation.truncated,
})
