/** Alerts: lists from their index, what people do to one by its desk. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import { AlertIndex, type HistoryEntry } from "../../actors/index.ts"
import type { CallOptions } from "../../engine/index.ts"
import { PlatformSettings } from "../../resources/index.ts"
import {
  AlertDeskProtocol,
  type AlertRecord,
  type AlertState,
  alertDeskKey,
  alertEndpoints,
  durationMs,
  type InputOf,
  matchersMax,
  type Silence,
} from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { streamAlerts } from "../sse/alert-stream.ts"
import { runTraced } from "../traced.ts"
import { silenceBody } from "./cep-quiet.ts"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

export const alertBody = (alert: AlertRecord) => {
  const { since, at, firedAt, resolvedAt, acknowledged, quietBy, groupKey, number: _, ...rest } = alert
  return {
    ...rest,
    since: timestamp(since),
    at: timestamp(at),
    ...(firedAt === undefined ? {} : { fired_at: timestamp(firedAt) }),
    ...(resolvedAt === undefined ? {} : { resolved_at: timestamp(resolvedAt) }),
    ...(acknowledged === undefined
      ? {}
      : { acknowledged: { ...acknowledged, at: timestamp(acknowledged.at) } }),
    silenced: quietBy.length > 0,
    quiet_by: quietBy,
    group_key: groupKey,
  }
}

const historyBody = ({
  at,
  takenAt,
  fingerprint: _1,
  rule: _2,
  name: _3,
  labels: _4,
  ...entry
}: HistoryEntry) => ({
  ...entry,
  at: timestamp(at),
  taken_at: timestamp(takenAt),
})

const historyDefault = 50
const activeStates: ReadonlyArray<AlertState> = ["pending", "firing", "no_data", "error"]
const overStates: ReadonlyArray<AlertState> = ["resolved"]

const unknown = () => new GatewayError(404, "CEP_ALERT_001", "There is no such alert.")

/** Errors: 422 `CEP_QUIET_002` for an alert with more labels than that: with fewer others would fall silent, too. */
const exactly = ({ rule, labels }: AlertRecord): Silence["matchers"] => {
  const matchers = Object.entries({ rule, ...labels }).map(
    ([name, value]) => ({ name, value, operator: "=" }) as const,
  )
  if (matchers.length <= matchersMax) return matchers
  throw new GatewayError(422, "CEP_QUIET_002", "The silence, planned work or inhibition is not valid.", {
    problems: [
      {
        field: "labels",
        problem: `the alert has more than ${matchersMax - 1}: fewer would silence others with it`,
        remedy: "name the labels that tell it from others, with POST /api/cep/silences",
      },
    ],
  })
}

const flag = (text: "true" | "false" | undefined): boolean | undefined =>
  text === undefined ? undefined : text === "true"

const labelsOf = (text: string | undefined): Readonly<Record<string, string>> | undefined => {
  if (text === undefined) return undefined
  const pairs = text.split(",").map((pair): readonly [string, string] => {
    const equals = pair.indexOf("=")
    return [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  return Object.fromEntries(pairs)
}

type ListQuery = InputOf<typeof alertEndpoints.list>["query"]

const searchOf = ({ state, active, label, silenced, acknowledged, ...query }: ListQuery) => {
  const byActivity = { true: activeStates, false: overStates }
  const all = [...activeStates, ...overStates]
  return {
    ...query,
    states: state !== undefined ? [state] : active === undefined ? all : byActivity[active],
    labels: labelsOf(label),
    silenced: flag(silenced),
    acknowledged: flag(acknowledged),
  }
}

export const alertRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const callOf = ({ identity }: GatewayRequest): CallOptions => ({
    tenant: identity.tenant,
    principal: identity.user,
  })
  const ask = <const C extends (typeof AlertDeskProtocol)["Command"]>(request: GatewayRequest, command: C) =>
    engine.ask(AlertDeskProtocol, alertDeskKey, command, callOf(request))

  /** As the desk has it, or as it was when it left. */
  const find = Effect.fnUntraced(function* (request: GatewayRequest, fingerprint: string) {
    const held = yield* ask(request, { _tag: "Read", fingerprint }).pipe(
      Effect.catchTag("Rejected", () => Effect.succeed(undefined)),
    )
    const found = held ?? (yield* AlertIndex.use((index) => index.find(request.identity.tenant, fingerprint)))
    return found ?? (yield* Effect.fail(unknown()))
  })

  const list = route(services, alertEndpoints.list, async (request, { query }) => {
    const { tenant } = request.identity
    const search = searchOf(query)
    const { page = 1 } = query
    const listing = Effect.gen(function* () {
      const byDefault = PlatformSettings.use(({ get }) => get(tenant, "alerts.listed"))
      const limit = query.limit ?? (yield* byDefault)
      const found = yield* AlertIndex.use((index) => index.list(tenant, { ...search, page, limit }))
      return { alerts: found.rows.map(alertBody), total: found.total, page, limit }
    })
    return runTraced(services, request, "GET /api/cep/alerts", listing)
  })

  const get = route(services, alertEndpoints.get, async (request, { params, query }) => {
    const { tenant } = request.identity
    const { before, limit = historyDefault } = query
    const reading = Effect.gen(function* () {
      const alert = yield* find(request, params.fingerprint)
      const of = { fingerprint: params.fingerprint, before, limit }
      const history = yield* AlertIndex.use((index) => index.history(tenant, of))
      return { alert: alertBody(alert), history: history.map(historyBody) }
    })
    return runTraced(services, request, "GET /api/cep/alerts/{fingerprint}", reading)
  })

  const doing =
    (name: string) =>
    async (
      request: GatewayRequest,
      command: Extract<
        (typeof AlertDeskProtocol)["Command"],
        { readonly _tag: "Acknowledge" | "Unacknowledge" | "Resolve" }
      >,
    ) =>
      alertBody(await runTraced(services, request, name, ask(request, command)))

  const acknowledge = route(services, alertEndpoints.acknowledge, (request, { params, body: { comment } }) =>
    doing("POST /api/cep/alerts/{fingerprint}/ack")(request, {
      _tag: "Acknowledge",
      ...params,
      by: request.identity.user,
      ...(comment === undefined ? {} : { comment }),
    }),
  )
  const unacknowledge = route(services, alertEndpoints.unacknowledge, (request, { params }) =>
    doing("DELETE /api/cep/alerts/{fingerprint}/ack")(request, {
      _tag: "Unacknowledge",
      ...params,
      by: request.identity.user,
    }),
  )
  const resolve = route(services, alertEndpoints.resolve, (request, { params }) =>
    doing("POST /api/cep/alerts/{fingerprint}/resolve")(request, {
      _tag: "Resolve",
      ...params,
      by: request.identity.user,
    }),
  )

  const silence = route(services, alertEndpoints.silence, async (request, { params, body }) => {
    const by = request.identity.user
    const startsAt = Date.now()
    const silencing = Effect.gen(function* () {
      const alert = yield* find(request, params.fingerprint)
      const matchers = yield* Effect.try({ try: () => exactly(alert), catch: (refusal) => refusal })
      const put: Silence = {
        id: `silence-${randomUUID()}`,
        matchers,
        startsAt,
        endsAt: startsAt + durationMs(body.duration),
        createdBy: by,
        comment: body.comment ?? "",
      }
      return silenceBody(yield* ask(request, { _tag: "PutSilence", silence: put, by }))
    })
    return runTraced(services, request, "POST /api/cep/alerts/{fingerprint}/silence", silencing)
  })

  const stream = route(services, alertEndpoints.stream, (request) => streamAlerts(services, request))

  return [list, stream, get, acknowledge, unacknowledge, resolve, silence]
}
