/** Rules over the past: tests with what is given, back-tests and explanations over the tenant's own part of the stream. */
import * as Effect from "effect/Effect"
import {
  backtestMessages,
  backtestStream,
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
import { explanationBody, resultBody } from "./past-bodies.ts"
import { badRule, callOf, readRule } from "./save.ts"
import { warningsOf } from "./warnings.ts"

const dayMs = 86_400_000
/** The longest range of a back-test. */
const rangeDaysMax = 3_660

const refused = (field: string, problem: string, remedy: string) =>
  new GatewayError(422, "CEP_PAST_002", "This part of the past cannot be looked at.", {
    problems: [{ field, problem, remedy }],
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
