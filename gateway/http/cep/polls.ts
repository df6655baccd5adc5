/** Polls of rules over HTTP: how they go, and the credential that goes along, which is sealed before it leaves here. */
import * as Effect from "effect/Effect"
import { isHeaderText, mayCarryCredentials, pollOrigin, sealPollCredential } from "../../../actors/index.ts"
import { recordChanges, Secrets, Tenancy } from "../../../resources/index.ts"
import {
  cepPollEndpoints as endpoints,
  MetricPollProtocol,
  type MetricPollView,
  type RuleDocument,
} from "../../../schemas/index.ts"
import { changedBy } from "../../changed-by.ts"
import { GatewayError, rejectionError } from "../../errors.ts"
import { type GatewayRequest, type Route, route } from "../../route.ts"
import type { GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"
import { timestamp } from "./bodies.ts"
import { callOf, readRule } from "./save.ts"

export const pollBody = ({ consecutiveFailures, hasCredential, nextAt, last, ...view }: MetricPollView) => ({
  polls: view.polls,
  failures: view.failures,
  consecutive_failures: consecutiveFailures,
  skipped: view.skipped,
  has_credential: hasCredential,
  ...(nextAt === undefined ? {} : { next_at: timestamp(nextAt) }),
  ...(last === undefined ? {} : { last: lastBody(last) }),
})

const lastBody = ({ at, latencyMs, ...last }: NonNullable<MetricPollView["last"]>) => ({
  at: timestamp(at),
  latency_ms: latencyMs,
  ...last,
})

/** Undefined of a rule that does not poll. */
export const readPoll = (
  { engine }: GatewayServices,
  request: GatewayRequest,
  rule: string,
  { trigger }: RuleDocument,
) =>
  trigger.type === "metric" && trigger.poll !== undefined
    ? engine.ask(MetricPollProtocol, rule, { _tag: "Read" }, callOf(request))
    : Effect.succeed(undefined)

const originOf = (rule: string, { trigger }: RuleDocument): string => {
  const origin =
    trigger.type === "metric" && trigger.poll !== undefined ? pollOrigin(trigger.poll.url) : undefined
  if (origin !== undefined) return origin
  throw new GatewayError(422, "CEP_POLL_001", "The rule does not poll.", {
    rule_id: rule,
    field: "trigger.poll",
    remedy: "save the rule with a trigger that polls; then give the credential for its address",
  })
}

const requireHeader = (header: string, value: string): void => {
  const wrong = mayCarryCredentials(header)
    ? {
        field: "value",
        reason: "it holds characters that no header carries",
        remedy: "copy it again, without line breaks",
      }
    : {
        field: "header",
        reason: `"${header}" carries no credentials`,
        remedy: "use Authorization or the header that the server asks for",
      }
  if (!mayCarryCredentials(header) || !isHeaderText(value))
    throw new GatewayError(422, "CEP_POLL_002", "No header carries this credential.", wrong)
}

const audit = (request: GatewayRequest, rule: string, verb: "set" | "remove", after?: object) =>
  Effect.flatMap(Tenancy, ({ within }) =>
    within(request.identity.tenant, (sql) =>
      recordChanges(sql, changedBy(request), [
        {
          action: `rule.poll-credential-${verb}`,
          objectType: "rule",
          objectId: rule,
          ...(after === undefined ? {} : { after }),
        },
      ]),
    ),
  )

export const pollRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const set = Effect.fnUntraced(function* (
    request: GatewayRequest,
    rule: string,
    credential: { readonly header: string; readonly value: string },
  ) {
    const { document, number } = yield* readRule(engine, request, rule)
    const origin = yield* Effect.try({ try: () => originOf(rule, document), catch: (refusal) => refusal })
    const place = { tenant: request.identity.tenant, rule, origin }
    const sealed = sealPollCredential(yield* Secrets, place, credential)
    const command = { _tag: "SetCredential", number, origin, sealed } as const
    const { kept } = yield* engine.ask(MetricPollProtocol, rule, command, callOf(request))
    if (!kept) return yield* Effect.fail(rejectionError("cep-rule", { _tag: "RuleConflict" }))
    const told = { origin, header: credential.header }
    yield* audit(request, rule, "set", told)
    return told
  })
  const remove = Effect.fnUntraced(function* (request: GatewayRequest, rule: string) {
    yield* readRule(engine, request, rule)
    const command = { _tag: "RemoveCredential" } as const
    const { removed } = yield* engine.ask(MetricPollProtocol, rule, command, callOf(request))
    if (removed) yield* audit(request, rule, "remove")
  })
  const name = (method: string) => `${method} /api/cep/rules/{id}/poll-credential`
  return [
    route(services, endpoints.setCredential, (request, { params, body }) => {
      requireHeader(body.header, body.value)
      return runTraced(services, request, name("PUT"), set(request, params.rule, body))
    }),
    route(services, endpoints.removeCredential, async (request, { params }) => {
      await runTraced(services, request, name("DELETE"), remove(request, params.rule))
      return undefined
    }),
  ]
}
