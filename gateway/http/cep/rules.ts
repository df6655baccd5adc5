/** Rules over HTTP: made, changed, switched, listed, and their versions. Whoever holds `cep:write` may change any of them. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import { RuleIndex } from "../../../actors/index.ts"
import {
  CepRuleProtocol,
  cepRuleEndpoints as endpoints,
  type RuleDocument,
  type RuleView,
} from "../../../schemas/index.ts"
import { etag, ifMatch } from "../../if-match.ts"
import { jsonSchemasOf } from "../../openapi/json-schemas.ts"
import { Answer, type GatewayRequest, type Route, route } from "../../route.ts"
import type { GatewayNeeds, GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"
import { ruleBody, summaryBody, timestamp } from "./bodies.ts"
import { monitorRoutes } from "./monitor.ts"
import { pastRoutes } from "./past.ts"
import { pollRoutes } from "./polls.ts"
import { prepareRoutes } from "./prepare.ts"
import { callOf, defineRule, enableRule, readRule, restoreRule, type Written } from "./save.ts"
import { warningsOf } from "./warnings.ts"

const limitDefault = 20

const expecting = (request: GatewayRequest) => {
  const expected = ifMatch(request)
  return expected === undefined ? {} : { expected }
}

/** Runs and schedules go on without a new number, so that nobody may keep the answer. */
const headersOf = ({ number }: RuleView) => ({ ETag: etag(number), "Cache-Control": "no-store" })
const answerOf = (view: RuleView) => new Answer(ruleBody(view), headersOf(view))

/** JSON Schema of a document, with what it refers to inside. */
const documentSchema = () => {
  const { schemas, components } = jsonSchemasOf([endpoints.replace])
  const whole = { ...schemas.get(endpoints.replace.id)?.body, $defs: components }
  const text = JSON.stringify(whole).replaceAll("#/components/schemas/", "#/$defs/")
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...JSON.parse(text) } as Readonly<
    Record<string, unknown>
  >
}

const readingRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  let schema: Readonly<Record<string, unknown>> | undefined
  return [
    route(services, endpoints.list, async (request, { query }) => {
      const { page = 1, limit = limitDefault, enabled, ...rest } = query
      const search = { ...rest, page, limit, enabled: enabled === undefined ? undefined : enabled === "true" }
      const listing = RuleIndex.use(({ list }) => list(request.identity.tenant, search))
      const { rows, total } = await runTraced(services, request, "GET /api/cep/rules", listing)
      return { rules: rows.map(summaryBody), total, page, limit }
    }),
    route(services, endpoints.read, async (request, { params }) => {
      const reading = readRule(engine, request, params.rule)
      return answerOf(await runTraced(services, request, "GET /api/cep/rules/{id}", reading))
    }),
    route(services, endpoints.versions, async (request, { params }) => {
      const reading = engine.ask(CepRuleProtocol, params.rule, { _tag: "Versions" }, callOf(request))
      const name = "GET /api/cep/rules/{id}/versions"
      const { versions } = await runTraced(services, request, name, reading)
      return { versions: versions.map(({ at, ...kept }) => ({ ...kept, at: timestamp(at) })) }
    }),
    route(services, endpoints.schema, () => {
      schema ??= documentSchema()
      return schema
    }),
  ]
}

const writingRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const write = async (request: GatewayRequest, name: string, rule: string, document: RuleDocument) => {
    const saving = Effect.gen(function* () {
      const asked = { rule, document, expected: ifMatch(request) }
      const { view, created }: Written = yield* defineRule(engine, request, asked)
      return { view, created, warnings: yield* warningsOf(request.identity, view.document) }
    })
    const { view, created, warnings } = await runTraced(services, request, name, saving)
    return new Answer({ ...ruleBody(view), warnings }, headersOf(view), created ? 201 : 200)
  }
  return [
    route(services, endpoints.define, (request, { query, body: { rule_id, ...document } }) =>
      write(request, "POST /api/cep/rules", rule_id ?? query.rule_id ?? randomUUID(), document),
    ),
    route(services, endpoints.replace, (request, { params, body }) =>
      write(request, "PUT /api/cep/rules/{id}", params.rule, body),
    ),
    route(services, endpoints.remove, async (request, { params }) => {
      const remove = { _tag: "Remove", ...expecting(request) } as const
      const asking = engine.ask(CepRuleProtocol, params.rule, remove, callOf(request))
      await runTraced(services, request, "DELETE /api/cep/rules/{id}", asking)
      return undefined
    }),
  ]
}

const switchingRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const answer = async (
    request: GatewayRequest,
    name: string,
    changing: Effect.Effect<{ readonly view: RuleView }, unknown, GatewayNeeds>,
  ) => answerOf((await runTraced(services, request, name, changing)).view)
  return [
    route(services, endpoints.enable, (request, { params }) =>
      answer(
        request,
        "POST /api/cep/rules/{id}/enable",
        enableRule(engine, request, params.rule, ifMatch(request)),
      ),
    ),
    route(services, endpoints.disable, (request, { params }) => {
      const disable = { _tag: "Disable", ...expecting(request) } as const
      const asking = engine.ask(CepRuleProtocol, params.rule, disable, callOf(request))
      return answer(request, "POST /api/cep/rules/{id}/disable", asking)
    }),
    route(services, endpoints.restore, (request, { params }) =>
      answer(
        request,
        "POST /api/cep/rules/{id}/versions/{version}/restore",
        restoreRule(engine, request, { ...params, expected: ifMatch(request) }),
      ),
    ),
  ]
}

export const cepRuleRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  ...readingRoutes(services),
  ...writingRoutes(services),
  ...switchingRoutes(services),
  ...monitorRoutes(services),
  ...pastRoutes(services),
  ...pollRoutes(services),
  ...prepareRoutes(services),
]
