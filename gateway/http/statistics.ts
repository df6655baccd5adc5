/** Statistics of the caller's tenant. */
import * as Effect from "effect/Effect"
import { readStatistics } from "../../actors/index.ts"
import { PlatformSettings } from "../../resources/index.ts"
import { statisticsEndpoints } from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const dayMs = 24 * 3_600_000
/** Of a range whose beginning is not given. */
const daysDefault = 30

const dayOf = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10)

/** There is no 30 February. */
const millisecondsOf = (field: string, day: string): number => {
  const milliseconds = Date.parse(`${day}T00:00:00Z`)
  if (!Number.isNaN(milliseconds) && dayOf(milliseconds) === day) return milliseconds
  throw new GatewayError(400, "STA_QRY_001", "There is no such day.", {
    field,
    remedy: "give it as 2026-01-31",
  })
}

/** Both days are included. Throws what is wrong with them. */
export const rangeOf = (
  query: { readonly start_date?: string | undefined; readonly end_date?: string | undefined },
  now: number,
  daysMax: number,
): { readonly start: string; readonly end: string } => {
  const end = query.end_date === undefined ? now : millisecondsOf("end_date", query.end_date)
  const start =
    query.start_date === undefined
      ? end - (Math.min(daysDefault, daysMax) - 1) * dayMs
      : millisecondsOf("start_date", query.start_date)
  const range = { start: dayOf(start), end: dayOf(end) }
  if (range.start > range.end)
    throw new GatewayError(400, "STA_QRY_002", "The range ends before it begins.", {
      field: "end_date",
      ...range,
      remedy: "send an end_date that is not before the start_date",
    })
  const days = (Date.parse(range.end) - Date.parse(range.start)) / dayMs + 1
  if (days > daysMax)
    throw new GatewayError(400, "STA_QRY_003", "The range is too long.", {
      field: "start_date",
      days,
      limit: "statistics.range_days_max",
      days_max: daysMax,
      remedy: `ask for ${daysMax} days at most`,
    })
  return range
}

export const statisticsRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, statisticsEndpoints.read, (request, { query }) => {
    const { tenant } = request.identity
    const reading = Effect.gen(function* () {
      const daysMax = yield* PlatformSettings.use((settings) =>
        settings.get(tenant, "statistics.range_days_max"),
      )
      const range = yield* Effect.try({
        try: () => rangeOf(query, Date.now(), daysMax),
        catch: (cause) => cause,
      })
      const found = yield* readStatistics(tenant, { ...range, groupBy: query.group_by ?? "day" })
      return { period: `${range.start} to ${range.end}`, ...found }
    })
    return runTraced(services, request, "GET /api/admin/statistics/", reading)
  }),
]
