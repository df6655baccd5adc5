/** Channels and their deliveries over HTTP. Whoever holds `cep:write` may change any channel of the tenant. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import { Channels, type ShownChannel } from "../../actors/index.ts"
import {
  type Channel,
  type ChannelSettings,
  type DeliveryAttempt,
  deliveryLogMax,
  cepNotificationEndpoints as endpoints,
  NotificationProtocol,
  perMinuteMaxDefault,
} from "../../schemas/index.ts"
import { changedBy } from "../changed-by.ts"
import { GatewayError } from "../errors.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { groupingRoutes } from "./cep-grouping.ts"

const limitDefault = 20
/** Longer than any channel's own time limits. */
const testTimeoutMs = 95_000

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

const deliveryBody = ({ at, traceId, ...delivery }: DeliveryAttempt) => ({
  ...delivery,
  at: timestamp(at),
  ...(traceId === undefined || traceId === "" ? {} : { trace_id: traceId }),
})

const channelBody = (shown: ShownChannel) => {
  const { id, name, settings, perMinuteMax, enabled, version, updatedAt, updatedBy } = shown
  return {
    channel_id: id,
    name,
    settings,
    per_minute_max: perMinuteMax,
    enabled,
    version,
    ...(updatedAt === undefined ? {} : { updated_at: timestamp(updatedAt) }),
    ...(updatedBy === undefined ? {} : { updated_by: updatedBy }),
  }
}

const tagged = (shown: ShownChannel, status = 200) =>
  new Answer(channelBody(shown), { ETag: etag(shown.version) }, status)

interface Given {
  readonly name: string
  readonly settings: ChannelSettings
  readonly per_minute_max?: number
  readonly enabled?: boolean
}

const channelOf = (id: string, given: Given): Channel => ({
  id,
  name: given.name,
  settings: given.settings,
  perMinuteMax: given.per_minute_max ?? perMinuteMaxDefault,
  enabled: given.enabled ?? true,
})

const unknown = () => new GatewayError(404, "CEP_CHAN_001", "There is no such channel.")

/** Errors: 404 `CEP_CHAN_001`. */
const known = Effect.fnUntraced(function* ({ identity }: GatewayRequest, id: string) {
  const found = yield* Channels.use(({ find }) => find(identity.tenant, id))
  return found ?? (yield* Effect.fail(unknown()))
})

const readingRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, endpoints.deliveries, async (request, { query }) => {
    const { page = 1, limit = limitDefault, ...rest } = query
    const listing = Channels.use(({ deliveries }) =>
      deliveries(request.identity.tenant, { ...rest, page, limit }),
    )
    const { rows, total } = await runTraced(services, request, "GET /api/cep/notifications", listing)
    const deliveries = rows.map(({ channel, ...row }) => ({ channel, ...deliveryBody(row) }))
    return { deliveries, total, page, limit }
  }),
  route(services, endpoints.channels, async (request) => {
    const listing = Channels.use(({ list }) => list(request.identity.tenant))
    const channels = await runTraced(services, request, "GET /api/cep/notifications/channels", listing)
    return { channels: channels.map(channelBody) }
  }),
  route(services, endpoints.read, async (request, { params }) => {
    const name = "GET /api/cep/notifications/channels/{id}"
    return tagged(await runTraced(services, request, name, known(request, params.channel)))
  }),
  route(services, endpoints.log, async (request, { params, query: { limit = deliveryLogMax } }) => {
    const { tenant } = request.identity
    const reading = Effect.andThen(
      known(request, params.channel),
      services.engine.ask(NotificationProtocol, params.channel, { _tag: "Log", limit }, { tenant }),
    )
    const name = "GET /api/cep/notifications/channels/{id}/log"
    return { deliveries: (await runTraced(services, request, name, reading)).map(deliveryBody) }
  }),
]

const writingRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, endpoints.create, async (request, { body: { channel_id = randomUUID(), ...given } }) => {
    const putting = Channels.use(({ put }) =>
      put(changedBy(request), channelOf(channel_id, given), { create: true }),
    )
    const { channel } = await runTraced(services, request, "POST /api/cep/notifications/channels", putting)
    return tagged(channel, 201)
  }),
  route(services, endpoints.replace, async (request, { params, body }) => {
    const edit = { expected: ifMatch(request) }
    const putting = Channels.use(({ put }) => put(changedBy(request), channelOf(params.channel, body), edit))
    const name = "PUT /api/cep/notifications/channels/{id}"
    const { channel, created } = await runTraced(services, request, name, putting)
    return tagged(channel, created ? 201 : 200)
  }),
  route(services, endpoints.remove, async (request, { params }) => {
    const expected = ifMatch(request)
    const removing = Channels.use(({ remove }) => remove(changedBy(request), params.channel, expected))
    const name = "DELETE /api/cep/notifications/channels/{id}"
    if (!(await runTraced(services, request, name, removing))) throw unknown()
    return undefined
  }),
  route(services, endpoints.test, async (request, { params }) => {
    const { tenant, user } = request.identity
    const test = { _tag: "Test", by: user.slice(0, 200) } as const
    const testing = Effect.andThen(
      known(request, params.channel),
      services.engine.ask(NotificationProtocol, params.channel, test, { tenant, timeoutMs: testTimeoutMs }),
    )
    const name = "POST /api/cep/notifications/channels/{id}/test"
    return deliveryBody(await runTraced(services, request, name, testing))
  }),
]

export const cepNotificationRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  ...readingRoutes(services),
  ...writingRoutes(services),
  ...groupingRoutes(services),
]
