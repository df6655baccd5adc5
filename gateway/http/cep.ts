/** Rules over metrics, the alerts that they raised, and the way in for samples. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  AgentProtocol,
  type Alert,
  alertsKeptMax,
  batchSamplesMax,
  CepRuleProtocol,
  Id,
  LabelName,
  Labels,
  MetricName,
  Rule,
} from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { type GatewayRequest, json, type Route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { bodyDecoder, readObject } from "./body.ts"

/** Whom the built-in rules tell; until alerts have an index of their own, it is the one that knows them. */
const alertAgent = "ops"

const decodeRule = bodyDecoder(
  Schema.Struct({
    ...Rule.fields,
    /** Names the rule that is made or replaced. */
    rule_id: Schema.optionalKey(Id),
    group_by: Schema.optionalKey(Schema.Array(LabelName)),
    for_ms: Schema.optionalKey(Rule.fields.for_ms),
    severity: Schema.optionalKey(Rule.fields.severity),
    notify: Schema.optionalKey(Rule.fields.notify),
    enabled: Schema.optionalKey(Schema.Boolean),
  }),
)
const decodeSamples = bodyDecoder(
  Schema.Struct({
    samples: Schema.Array(
      Schema.Struct({
        name: MetricName,
        labels: Schema.optionalKey(Labels),
        value: Schema.Finite,
        /** Milliseconds since the epoch; when it arrives, if absent. */
        at: Schema.optionalKey(Schema.Finite),
      }),
    ).check(Schema.isMinLength(1), Schema.isMaxLength(batchSamplesMax)),
  }),
)

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

const alertBody = ({ since, at, ...alert }: Alert) => ({
  ...alert,
  since: timestamp(since),
  at: timestamp(at),
})

const limitOf = ({ http }: GatewayRequest): number => {
  const limit = Number(http.req.query("limit") ?? alertsKeptMax)
  if (Number.isInteger(limit) && limit >= 1 && limit <= alertsKeptMax) return limit
  throw new GatewayError(400, "GTW_QUERY_001", "The query is not valid.", {
    field: "limit",
    reason: `a whole number from 1 to ${alertsKeptMax}`,
  })
}

export const cepRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine, limits } = services
  const body = ({ http }: GatewayRequest) => readObject(http.env.incoming, limits.bodyBytesMax)
  const callOf = ({ identity }: GatewayRequest) => ({ tenant: identity.tenant, principal: identity.user })

  const define = async (request: GatewayRequest) => {
    const { rule_id: key = randomUUID(), ...given } = decodeRule(await body(request))
    const rule: Rule = {
      group_by: ["host"],
      for_ms: 0,
      severity: "warning",
      notify: alertAgent,
      enabled: true,
      ...given,
    }
    const asking = engine.ask(CepRuleProtocol, key, { _tag: "Define", rule }, callOf(request))
    const { changed } = await runTraced(services, request, "POST /api/cep/rules", asking)
    return json(request.context, changed ? 201 : 200, { rule_id: key, changed, definition: rule })
  }

  const read = async (request: GatewayRequest) => {
    const key = request.http.req.param("rule")!
    const asking = engine.ask(CepRuleProtocol, key, { _tag: "Read" }, callOf(request))
    const view = await runTraced(services, request, "GET /api/cep/rules/{id}", asking)
    return json(request.context, 200, {
      rule_id: view.rule,
      definition: view.definition,
      groups: view.groups,
      evaluations: view.evaluations,
      matches: view.matches,
      ignored: view.ignored,
    })
  }

  const alerts = async (request: GatewayRequest) => {
    const command = { _tag: "RecentAlerts", limit: limitOf(request) } as const
    const asking = engine.ask(AgentProtocol, alertAgent, command, callOf(request))
    const answer = await runTraced(services, request, "GET /api/cep/alerts", asking)
    return json(request.context, 200, { alerts: answer.alerts.map(alertBody), total: answer.alerts.length })
  }

  const ingest = async (request: GatewayRequest) => {
    const now = Date.now()
    const { samples } = decodeSamples(await body(request))
    const batch = {
      samples: samples.map(({ name, labels = {}, value, at = now }) => ({ name, labels, value, at })),
    }
    const storing = services.appendSamples(batch, request.identity.tenant)
    await runTraced(services, request, "POST /api/cep/metrics", Effect.asVoid(storing))
    return json(request.context, 202, { accepted: samples.length })
  }

  return [
    { method: "POST", path: "/api/cep/rules", permission: "cep:write", handle: define },
    { method: "GET", path: "/api/cep/rules/:rule", permission: "cep:read", handle: read },
    { method: "GET", path: "/api/cep/alerts", permission: "cep:read", handle: alerts },
    { method: "POST", path: "/api/cep/metrics", permission: "metric:write", handle: ingest },
  ]
}
