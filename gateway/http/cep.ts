/** Rules over metrics, the alerts that they raised, and the way in for samples. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import { PlatformSettings } from "../../resources/index.ts"
import { AgentProtocol, type Alert, CepRuleProtocol, cepEndpoints, type Rule } from "../../schemas/index.ts"
import { Answer, type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

/** Whom the built-in rules tell; until alerts have an index of their own, it is the one that knows them. */
export const alertAgent = "ops"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

export const alertBody = ({ since, at, ...alert }: Alert) => ({
  ...alert,
  since: timestamp(since),
  at: timestamp(at),
})

export const cepRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const callOf = ({ identity }: GatewayRequest) => ({ tenant: identity.tenant, principal: identity.user })

  const define = route(services, cepEndpoints.define, async (request, { body }) => {
    const { rule_id: key = randomUUID(), ...given } = body
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
    return new Answer({ rule_id: key, changed, definition: rule }, {}, changed ? 201 : 200)
  })

  const read = route(services, cepEndpoints.read, async (request, { params }) => {
    const asking = engine.ask(CepRuleProtocol, params.rule, { _tag: "Read" }, callOf(request))
    const { rule, definition, groups, evaluations, matches, ignored } = await runTraced(
      services,
      request,
      "GET /api/cep/rules/{id}",
      asking,
    )
    return { rule_id: rule, definition, groups, evaluations, matches, ignored }
  })

  const alerts = route(services, cepEndpoints.alerts, async (request, { query }) => {
    const byDefault = PlatformSettings.use(({ get }) => get(request.identity.tenant, "alerts.listed"))
    const asking = Effect.flatMap(
      query.limit === undefined ? byDefault : Effect.succeed(query.limit),
      (limit) => engine.ask(AgentProtocol, alertAgent, { _tag: "RecentAlerts", limit }, callOf(request)),
    )
    const answer = await runTraced(services, request, "GET /api/cep/alerts", asking)
    return { alerts: answer.alerts.map(alertBody), total: answer.alerts.length }
  })

  const ingest = route(services, cepEndpoints.ingest, async (request, { body: { samples } }) => {
    const now = Date.now()
    const batch = {
      samples: samples.map(({ name, labels = {}, value, at = now }) => ({ name, labels, value, at })),
    }
    const storing = services.appendSamples(batch, request.identity.tenant)
    await runTraced(services, request, "POST /api/cep/metrics", Effect.asVoid(storing))
    return { accepted: samples.length }
  })

  return [define, read, alerts, ingest]
}
