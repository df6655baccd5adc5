/** Settings of the caller's tenant. A category has a version, so that two who edit it do not overwrite each other. */
import { PlatformSettings, type SettingCategory } from "../../resources/index.ts"
import { settingEndpoints } from "../../schemas/index.ts"
import { changedBy } from "../changed-by.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { readCursor } from "./audit.ts"

const historyLimit = 50

const tagged = ([category]: ReadonlyArray<SettingCategory>) =>
  new Answer(category!, { ETag: etag(category!.version) })

export const settingRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, settingEndpoints.list, async (request) => {
    const reading = PlatformSettings.use((settings) => settings.read(request.identity.tenant))
    return { categories: await runTraced(services, request, "GET /api/admin/settings/", reading) }
  }),
  route(services, settingEndpoints.get, async (request, { params }) => {
    const { tenant } = request.identity
    const reading = PlatformSettings.use((settings) => settings.read(tenant, params.category))
    return tagged(await runTraced(services, request, "GET /api/admin/settings/{category}", reading))
  }),
  route(services, settingEndpoints.change, async (request, { params, body }) => {
    const version = ifMatch(request)
    const changing = PlatformSettings.use((settings) =>
      settings.change(changedBy(request), { [params.category]: body.settings }, version),
    )
    return tagged(await runTraced(services, request, "PATCH /api/admin/settings/{category}", changing))
  }),
  route(services, settingEndpoints.changeAll, async (request, { body }) => {
    const changing = PlatformSettings.use((settings) => settings.change(changedBy(request), body.settings))
    return { categories: await runTraced(services, request, "PUT /api/admin/settings/", changing) }
  }),
  route(services, settingEndpoints.reset, async (request, { params }) => {
    const version = ifMatch(request)
    const wanted = { [params.category]: { [params.name]: undefined } }
    const changing = PlatformSettings.use((settings) => settings.change(changedBy(request), wanted, version))
    const name = "DELETE /api/admin/settings/{category}/{name}"
    return tagged(await runTraced(services, request, name, changing))
  }),
  route(services, settingEndpoints.history, async (request, { params, query }) => {
    const { cursor, limit = historyLimit } = query
    const page = { before: readCursor(cursor), limit }
    const reading = PlatformSettings.use((settings) =>
      settings.history(request.identity.tenant, params.category, params.name, page),
    )
    const name = "GET /api/admin/settings/{category}/{name}/history"
    const { entries, next } = await runTraced(services, request, name, reading)
    return { entries, ...(next === undefined ? {} : { next_cursor: String(next) }) }
  }),
]
