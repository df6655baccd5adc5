/** Takes in alerts of an Alertmanager's web hook, and those that a Prometheus server sends to an Alertmanager. */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { PlatformSettings } from "../../resources/index.ts"
import {
  AlertDeskProtocol,
  AlertmanagerHook,
  type AlertPolicy,
  alertDeskKey,
  alertmanagerEndpoints,
  type ForeignAlert,
  Id,
  type PlainCodec,
  type PostedAlert,
  PostedAlerts,
  type Severity,
  takeBytesMax,
  transitionsMax,
} from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { invalidFields, readBodyText } from "./body.ts"
import { checkContent, isNestedDeeper, tooDeep } from "./json-content.ts"

const channelsMax = 16
const labelCharactersMax = 256
const annotationCharactersMax = 2_000
const annotationsMax = 16

/** Others add fields as they like: unknown ones are passed over. */
const readAs = async <S extends PlainCodec>(
  services: GatewayServices,
  { http }: GatewayRequest,
  schema: S,
): Promise<S["Type"]> => {
  const { bodyBytesMax, bodyDepthMax } = services.limits
  const text = await readBodyText(http.env.incoming, bodyBytesMax)
  if (isNestedDeeper(text, bodyDepthMax)) throw tooDeep()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new GatewayError(400, "GTW_BODY_004", "The body is not valid JSON.", { remedy: "send JSON" })
  }
  if (typeof value === "object" && value !== null) checkContent(value, bodyDepthMax)
  try {
    return Schema.decodeUnknownSync(schema)(value)
  } catch (cause) {
    throw invalidFields(cause)
  }
}

const severities: ReadonlyMap<string, Severity> = new Map([
  ["critical", "critical"],
  ["page", "critical"],
  ["error", "critical"],
  ["info", "info"],
  ["none", "info"],
  ["warning", "warning"],
])

const clipped = (record: Readonly<Record<string, string>>, charactersMax: number) =>
  Object.fromEntries(
    Object.entries(record).map(([name, text]) => [name, text.slice(0, charactersMax).toWellFormed()]),
  )

/** Of its labels: the same alert again is the same. */
const fingerprintOf = (labels: Readonly<Record<string, string>>): string =>
  createHash("sha256")
    .update(JSON.stringify(Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1))))
    .digest("hex")
    .slice(0, 16)

/** Go's zero time, by which others say that there is none, is before this. */
const firstTime = Date.parse("1970-01-01T00:00:00Z")
const timeOf = (text: string | undefined): number | undefined => {
  const at = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(at) || at <= firstTime ? undefined : at
}

const foreignAlert = (
  posted: PostedAlert,
  given: ForeignAlert["status"] | undefined,
  now: number,
): ForeignAlert => {
  const { labels, annotations = {}, startsAt, endsAt, generatorURL } = posted
  const end = timeOf(endsAt)
  const status = given ?? (end !== undefined && end <= now ? "resolved" : "firing")
  const from = generatorURL === undefined || generatorURL === "" ? {} : { generatorURL }
  const few = Object.fromEntries(Object.entries({ ...annotations, ...from }).slice(0, annotationsMax))
  return {
    fingerprint: fingerprintOf(labels),
    name:
      (labels.alertname ?? "")
        .replaceAll(/\p{Cc}/gu, " ")
        .trim()
        .slice(0, 200)
        .toWellFormed() || "alert",
    severity: severities.get(labels.severity?.toLowerCase() ?? "") ?? "warning",
    status,
    labels: clipped(labels, labelCharactersMax),
    annotations: clipped(few, annotationCharactersMax),
    startsAt: timeOf(startsAt) ?? now,
    // Of a firing one the web hook has no end, and says it again only now and then.
    ...(end === undefined || (given === "firing" && end <= now) ? {} : { endsAt: end }),
    ...(end === undefined && given === undefined ? { timesOut: true } : {}),
  }
}

const channelsOf = (text: string): ReadonlyArray<string> => {
  const channels = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
  if (channels.length > channelsMax || !channels.every((one) => Schema.is(Id)(one) && !one.includes(":")))
    throw new GatewayError(400, "GTW_QUERY_001", "Invalid: notify.", {
      field: "notify",
      reason: `it is no list of at most ${channelsMax} channels`,
      remedy: "write the ids of channels with commas in between",
    })
  return channels
}

/** As many at a time as one command holds. */
const pages = (alerts: ReadonlyArray<ForeignAlert>): ReadonlyArray<ReadonlyArray<ForeignAlert>> => {
  const all: Array<Array<ForeignAlert>> = []
  let bytes = Number.POSITIVE_INFINITY
  for (const alert of alerts) {
    const more = Buffer.byteLength(JSON.stringify(alert))
    if (bytes + more > takeBytesMax || all.at(-1)!.length >= transitionsMax) {
      all.push([])
      bytes = 0
    }
    all.at(-1)!.push(alert)
    bytes += more
  }
  return all
}

export const alertmanagerRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const take = Effect.fnUntraced(function* (
    { identity }: GatewayRequest,
    notify: string | undefined,
    alerts: ReadonlyArray<ForeignAlert>,
  ) {
    const { tenant, user: principal } = identity
    const channels = channelsOf(
      notify ?? (yield* PlatformSettings.use(({ get }) => get(tenant, "alerts.foreign_channels"))),
    )
    const policy: AlertPolicy = {
      name: "Alerts from elsewhere",
      actions: channels.map((channel) => ({ type: "notify", channel })),
      annotations: {},
    }
    for (const page of pages(alerts)) {
      const command = { _tag: "TakeForeign", alerts: page, policy } as const
      yield* services.engine.ask(AlertDeskProtocol, alertDeskKey, command, { tenant, principal })
    }
    return { accepted: alerts.length }
  })

  const hook = route(services, alertmanagerEndpoints.hook, async (request, { query }) => {
    const { alerts } = await readAs(services, request, AlertmanagerHook)
    const now = Date.now()
    const foreign = alerts.map(({ status, ...alert }) => foreignAlert(alert, status, now))
    return runTraced(services, request, "POST /api/cep/alertmanager", take(request, query.notify, foreign))
  })

  const post = route(services, alertmanagerEndpoints.post, async (request, { query }) => {
    const alerts = await readAs(services, request, PostedAlerts)
    const now = Date.now()
    const foreign = alerts.map((alert) => foreignAlert(alert, undefined, now))
    const taking = take(request, query.notify, foreign)
    return runTraced(services, request, "POST /api/cep/alertmanager/api/v2/alerts", taking)
  })

  return [hook, post]
}
