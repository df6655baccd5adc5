/** The way in for samples and events. */
import { randomUUID } from "node:crypto"
import { Lanes } from "../../actors/index.ts"
import { aheadMsMax, cepEndpoints } from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const invalid = (field: string, reason: string, remedy: string) =>
  new GatewayError(400, "GTW_BODY_006", `Invalid: ${field}.`, { field, reason, remedy })

/** What lies in the future would make everything that comes until then late. */
const checkTimes = (field: string, given: ReadonlyArray<{ readonly at?: number }>, now: number): void => {
  const index = given.findIndex(({ at = now }) => at > now + aheadMsMax)
  if (index < 0) return
  throw invalid(
    `${field}.${index}.at`,
    `it is more than ${aheadMsMax / 60_000} minutes ahead`,
    "send milliseconds since the epoch, by a clock that is right",
  )
}

const checkTypes = (events: ReadonlyArray<{ readonly type: string }>): void => {
  const index = events.findIndex(({ type }) => type.startsWith("millrace."))
  if (index >= 0)
    throw invalid(`events.${index}.type`, "types that begin with millrace. are its own", "use another name")
}

export const cepRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const ingest = route(services, cepEndpoints.ingest, async (request, { body: { samples } }) => {
    const now = Date.now()
    checkTimes("samples", samples, now)
    const whole = samples.map(({ name, labels = {}, value, at = now }) => ({ name, labels, value, at }))
    const storing = Lanes.use((lanes) => lanes.appendSamples(request.identity.tenant, whole, ["api"]))
    await runTraced(services, request, "POST /api/cep/metrics", storing)
    return { accepted: samples.length }
  })

  const events = route(services, cepEndpoints.events, async (request, { body }) => {
    const now = Date.now()
    checkTimes("events", body.events, now)
    checkTypes(body.events)
    const whole = body.events.map(({ id = randomUUID(), type, at = now, attributes = {} }) => ({
      id,
      type,
      at,
      attributes,
    }))
    const storing = Lanes.use((lanes) => lanes.appendEvents(request.identity.tenant, whole))
    await runTraced(services, request, "POST /api/cep/events", storing)
    return { accepted: whole.length, ids: whole.map(({ id }) => id) }
  })

  return [ingest, events]
}
