/** Rules over the past: tests with what is given, back-tests and explanations over the tenant's own part of the stream. */
import * as Effect from "effect/Effect"
import {
  type BacktestResult,
  backtestMessages,
  backtestStream,
  type Explanation,
  explainRule,
  inTurn,
  messagesOf,
  type PastMessage,
  type PastRule,
  readCsv,
  ruleProblems,
} from "../../../actors/index.ts"
import {
  CepRuleProtocol,
  durationMs,
  cepPastEndpoints as endpoints,
  type RuleDocument,
} from "../../../schemas/index.ts"
import { GatewayError } from "../../errors.ts"
import { type GatewayRequest, type Route, route } from "../../route.ts"
import type { GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"
import { timestamp } from "./bodies.ts"
import { badRule, callOf, readRule } from "./save.ts"
import { warningsOf } from "./warnings.ts"

const dayMs = 86_400_000
/** The longest range of a back-test. */
const rangeDaysMax = 3_660

const refused = (field: string, problem: string, remedy: string) =>
  new GatewayError(422, "CEP_PAST_002", "This part of the past cannot be looked at.", {
    problems: [{ field, problem, remedy }],
  })

/** JSON has no numbers that are none, and none beyond what a double holds. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? Number(part) : part)) ?? "null",
  )

const numbers = (values: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)))
const value = (given: number | undefined) =>
  given === undefined || !Number.isFinite(given) ? {} : { value: given }

const resultBody = (result: BacktestResult) => ({
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
    since: timestamp(transition.since),
    at: timestamp(transition.at),
    ...(transition.detail === undefined ? {} : { detail: transition.detail }),
  })),
  events: result.events.map(({ type, at, attributes }) => ({ type, at: timestamp(at), attributes })),
  per_day: result.perDay,
  evaluations: result.figures?.evaluations ?? 0,
  errors: result.figures?.errors ?? 0,
  ...(result.figures?.lastError === undefined ? {} : { last_error: result.figures.lastError.detail }),
})

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

const explanationBody = (explanation: Explanation & { readonly truncated: boolean }) => ({
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

/** Errors: 422 `CEP_RULE_002`, as when it were saved. */
const tried = (tenant: string, rule: string, version: number, document: RuleDocument): PastRule => {
  const problems = ruleProblems(rule, version, document, Date.now())
  if (problems.length > 0) throw badRule(problems)
  return { tenant, rule, version, document }
}

interface Asked {
  readonly from?: string
  readonly to?: string
  readonly csv?: string
  readonly metric?: string
}

const checkedRange = (from: number, until: number) => {
  if (from >= until)
    throw refused("from", "is not before to", "ask for a range that has a beginning and an end")
  if (until - from > rangeDaysMax * dayMs)
    throw refused("from", `is more than ${rangeDaysMax} days before to`, "ask for less at a time")
  return { from, until }
}

const fromCsv = (rule: PastRule, asked: Asked, csv: string) => {
  const { trigger } = rule.document
  const metric = asked.metric ?? (trigger.type === "metric" ? trigger.metric : undefined)
  if (metric === undefined)
    throw refused("metric", "is not said by the rule", "name the metric that the file has samples of")
  const read = readCsv(csv, metric)
  if ("problems" in read)
    throw new GatewayError(422, "CEP_PAST_002", "This part of the past cannot be looked at.", {
      field: "csv",
      problems: read.problems,
    })
  const [first, last] = [read.messages[0], read.messages.at(-1)]
  if (first === undefined || last === undefined)
    throw refused("csv", "has no samples", "write a line for each sample after the header")
  // A line's moment belongs to the range, as the last moment does.
  const from = asked.from === undefined ? first.place.at : Date.parse(asked.from)
  const until = asked.to === undefined ? last.place.at + 1 : Date.parse(asked.to)
  return backtestMessages(rule, checkedRange(from, until), read.messages)
}

const fromStream = (rule: PastRule, asked: Asked) => {
  const now = Date.now()
  const until = asked.to === undefined ? now : Math.min(Date.parse(asked.to), now)
  const from = asked.from === undefined ? until - dayMs : Date.parse(asked.from)
  return backtestStream(rule, checkedRange(from, until))
}

const backtest = (rule: PastRule, asked: Asked) =>
  Effect.suspend(() => (asked.csv === undefined ? fromStream(rule, asked) : fromCsv(rule, asked, asked.csv)))

/** Its documents, oldest first. Errors: none of a rule that is not there, or was removed. */
const documentsOf = Effect.fnUntraced(function* (
  { engine }: GatewayServices,
  request: GatewayRequest,
  rule: string,
) {
  yield* readRule(engine, request, rule)
  const asking = engine.ask(CepRuleProtocol, rule, { _tag: "Versions" }, callOf(request))
  return (yield* asking).versions.toReversed()
})

export const pastRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const ruleOf = (request: GatewayRequest, rule: string, document: RuleDocument | undefined) =>
    Effect.flatMap(readRule(engine, request, rule), (view) =>
      Effect.sync(() => tried(request.identity.tenant, rule, view.version, document ?? view.document)),
    )
  return [
    route(services, endpoints.test, async (request, { params, body }) => {
      const { document, samples = [], events = [], wait = "0" } = body
      const measured = samples.map((sample) => ({ labels: {}, ...sample }))
      const happened = events.map((event, index) => ({ id: `test-${index}`, attributes: {}, ...event }))
      const messages: ReadonlyArray<PastMessage> = messagesOf(measured, happened)
      const [first, last] = [messages[0], messages.at(-1)]
      if (first === undefined || last === undefined)
        throw refused("samples", "and events are both missing", "send what the rule is to see")
      const range = checkedRange(first.place.at, last.place.at + Math.max(1, durationMs(wait)))
      const asking = Effect.flatMap(ruleOf(request, params.rule, document), (rule) =>
        Effect.all([
          inTurn(backtestMessages(rule, range, messages)),
          warningsOf(request.identity, rule.document),
        ]),
      )
      const [result, warnings] = await runTraced(services, request, "POST /api/cep/rules/{id}/test", asking)
      return { ...resultBody(result), warnings }
    }),
    route(services, endpoints.backtest, async (request, { params, body: { document, ...asked } }) => {
      const asking = Effect.flatMap(ruleOf(request, params.rule, document), (rule) => backtest(rule, asked))
      return resultBody(await runTraced(services, request, "POST /api/cep/rules/{id}/backtest", asking))
    }),
    route(services, endpoints.backtestDocument, async (request, { body: { document, ...asked } }) => {
      const rule = tried(request.identity.tenant, "new", 1, document)
      return resultBody(await runTraced(services, request, "POST /api/cep/backtest", backtest(rule, asked)))
    }),
    route(services, endpoints.explain, async (request, { params, body }) => {
      const at = Date.parse(body.at)
      const group = body.group === undefined ? {} : { group: body.group }
      const { tenant } = request.identity
      const asking = Effect.flatMap(documentsOf(services, request, params.rule), (versions) =>
        explainRule({ tenant, rule: params.rule, versions, at, ...group }, Date.now()),
      )
      return explanationBody(await runTraced(services, request, "POST /api/cep/rules/{id}/explain", asking))
    }),
  ]
}
