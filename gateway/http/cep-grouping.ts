/** With whom, how soon and how often alerts are told, over HTTP: the alert desk checks and keeps it. */
import {
  AlertDeskProtocol,
  alertDeskKey,
  cepNotificationEndpoints,
  durationMs,
  durationText,
  type Grouping,
  type InputOf,
  type KeptGrouping,
  type NotificationRoute,
} from "../../schemas/index.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

type Given = InputOf<typeof cepNotificationEndpoints.replaceGrouping>["body"]
type Manner = Omit<Grouping, "routes" | "resolveTimeoutMs">

const mannerOf = ({
  group_by,
  group_wait,
  group_interval,
  repeat_interval,
}: Omit<Given, "routes" | "resolve_timeout">): Manner => ({
  ...(group_by === undefined ? {} : { groupBy: group_by }),
  ...(group_wait === undefined ? {} : { groupWaitMs: durationMs(group_wait) }),
  ...(group_interval === undefined ? {} : { groupIntervalMs: durationMs(group_interval) }),
  ...(repeat_interval === undefined ? {} : { repeatMs: durationMs(repeat_interval) }),
})

const mannerBody = ({ groupBy, groupWaitMs, groupIntervalMs, repeatMs }: Manner) => ({
  ...(groupBy === undefined ? {} : { group_by: groupBy }),
  ...(groupWaitMs === undefined ? {} : { group_wait: durationText(groupWaitMs) }),
  ...(groupIntervalMs === undefined ? {} : { group_interval: durationText(groupIntervalMs) }),
  ...(repeatMs === undefined ? {} : { repeat_interval: durationText(repeatMs) }),
})

const groupingOf = ({ routes = [], resolve_timeout, ...manner }: Given): Grouping => ({
  ...mannerOf(manner),
  ...(resolve_timeout === undefined ? {} : { resolveTimeoutMs: durationMs(resolve_timeout) }),
  routes: routes.map(
    ({ name, matchers, ...own }): NotificationRoute => ({ name, matchers, ...mannerOf(own) }),
  ),
})

const tagged = ({ routes, version, resolveTimeoutMs, ...manner }: KeptGrouping) => {
  const body = {
    ...mannerBody(manner),
    ...(resolveTimeoutMs === undefined ? {} : { resolve_timeout: durationText(resolveTimeoutMs) }),
    routes: routes.map(({ name, matchers, ...own }) => ({ name, matchers, ...mannerBody(own) })),
    version,
  }
  return new Answer(body, { ETag: etag(version) })
}

export const groupingRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  return [
    route(services, cepNotificationEndpoints.readGrouping, async (request) => {
      const { tenant } = request.identity
      const reading = engine.ask(AlertDeskProtocol, alertDeskKey, { _tag: "ReadGrouping" }, { tenant })
      return tagged(await runTraced(services, request, "GET /api/cep/notifications/grouping", reading))
    }),
    route(services, cepNotificationEndpoints.replaceGrouping, async (request, { body }) => {
      const { tenant, user } = request.identity
      const expected = ifMatch(request)
      const put = { _tag: "PutGrouping", grouping: groupingOf(body), by: user } as const
      const putting = engine.ask(
        AlertDeskProtocol,
        alertDeskKey,
        { ...put, ...(expected === undefined ? {} : { expected }) },
        { tenant, principal: user },
      )
      return tagged(await runTraced(services, request, "PUT /api/cep/notifications/grouping", putting))
    }),
  ]
}
