/** Silences, planned work and inhibitions over HTTP: the alert desk checks and keeps them. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import {
  AlertDeskProtocol,
  alertDeskKey,
  durationMs,
  durationText,
  type Inhibition,
  type InputOf,
  type Maintenance,
  type QuietMaintenance,
  type QuietSilence,
  quietEndpoints,
  type Silence,
} from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

export const silenceBody = ({
  id,
  matchers,
  startsAt,
  endsAt,
  active,
  createdBy,
  comment,
}: QuietSilence) => ({
  silence_id: id,
  matchers,
  starts_at: timestamp(startsAt),
  ends_at: timestamp(endsAt),
  active,
  created_by: createdBy,
  comment,
})

const maintenanceBody = ({ id, name, matchers, active, createdBy, window, ...when }: QuietMaintenance) => ({
  maintenance_id: id,
  name,
  matchers,
  ...(when.startsAt === undefined ? {} : { starts_at: timestamp(when.startsAt) }),
  ...(when.endsAt === undefined ? {} : { ends_at: timestamp(when.endsAt) }),
  ...(when.cron === undefined ? {} : { cron: when.cron }),
  ...(when.timeZone === undefined ? {} : { time_zone: when.timeZone }),
  ...(when.lastsMs === undefined ? {} : { duration: durationText(when.lastsMs) }),
  active,
  ...(window === undefined ? {} : { window: { from: timestamp(window.from), to: timestamp(window.to) } }),
  created_by: createdBy,
})

const inhibitionBody = ({ id, source, target, equal }: Inhibition) => ({
  inhibition_id: id,
  source,
  target,
  equal,
})

const invalid = (field: string, problem: string, remedy: string) =>
  new GatewayError(422, "CEP_QUIET_002", "The silence, planned work or inhibition is not valid.", {
    problems: [{ field, problem, remedy }],
  })
const unknown = () =>
  new GatewayError(404, "CEP_QUIET_001", "There is no such silence, planned work or inhibition.")

const timeOf = (field: string, text: string): number => {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw invalid(field, "there is no such time", "give it as 2026-01-31T23:59:59Z")
  return at
}

type SilenceGiven = InputOf<typeof quietEndpoints.addSilence>["body"]
type MaintenanceGiven = InputOf<typeof quietEndpoints.addMaintenance>["body"]

const silenceOf = (id: string, createdBy: string, given: SilenceGiven): Silence => {
  const { matchers, starts_at, ends_at, duration, comment = "" } = given
  const startsAt = starts_at === undefined ? Date.now() : timeOf("starts_at", starts_at)
  if ((ends_at === undefined) === (duration === undefined))
    throw invalid("ends_at", "it is not said when it ends", "give either ends_at or duration")
  const endsAt = ends_at === undefined ? startsAt + durationMs(duration!) : timeOf("ends_at", ends_at)
  return { id, matchers, startsAt, endsAt, createdBy, comment }
}

const maintenanceOf = (id: string, createdBy: string, given: MaintenanceGiven): Maintenance => {
  const { name, matchers, starts_at, ends_at, cron, time_zone, duration } = given
  return {
    id,
    name,
    matchers,
    ...(starts_at === undefined ? {} : { startsAt: timeOf("starts_at", starts_at) }),
    ...(ends_at === undefined ? {} : { endsAt: timeOf("ends_at", ends_at) }),
    ...(cron === undefined ? {} : { cron }),
    ...(time_zone === undefined ? {} : { timeZone: time_zone }),
    ...(duration === undefined ? {} : { lastsMs: durationMs(duration) }),
    createdBy,
  }
}

type Kind = "silences" | "maintenances" | "inhibitions"
type Command = (typeof AlertDeskProtocol)["Command"]

export const quietRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const ask = <const C extends Command>({ identity }: GatewayRequest, command: C) =>
    engine.ask(AlertDeskProtocol, alertDeskKey, command, {
      tenant: identity.tenant,
      principal: identity.user,
    })

  const readAll = Effect.fnUntraced(function* (request: GatewayRequest, of: Kind) {
    const silences: Array<QuietSilence> = []
    const maintenances: Array<QuietMaintenance> = []
    const inhibitions: Array<Inhibition> = []
    for (let after: string | undefined; ; ) {
      const page = yield* ask(request, { _tag: "ReadQuiet", of, ...(after === undefined ? {} : { after }) })
      silences.push(...page.silences)
      maintenances.push(...page.maintenances)
      inhibitions.push(...page.inhibitions)
      after = page.next
      if (after === undefined) return { silences, maintenances, inhibitions }
    }
  })

  const require = <A extends { readonly id: string }>(all: ReadonlyArray<A>, id: string) => {
    const found = all.find((one) => one.id === id)
    return found === undefined ? Effect.fail(unknown()) : Effect.succeed(found)
  }

  /** Answered as the desk has it then; `existing`: it has to be there already. */
  const putSilence = Effect.fnUntraced(function* (
    request: GatewayRequest,
    silence: Silence,
    existing: boolean,
  ) {
    if (existing) yield* require((yield* readAll(request, "silences")).silences, silence.id)
    yield* ask(request, { _tag: "PutSilence", silence, by: request.identity.user })
    return silenceBody({ ...silence, active: silence.startsAt <= Date.now() })
  })
  const putMaintenance = Effect.fnUntraced(function* (
    request: GatewayRequest,
    maintenance: Maintenance,
    existing: boolean,
  ) {
    if (existing) yield* require((yield* readAll(request, "maintenances")).maintenances, maintenance.id)
    yield* ask(request, { _tag: "PutMaintenance", maintenance, by: request.identity.user })
    const { maintenances } = yield* readAll(request, "maintenances")
    return maintenanceBody(yield* require(maintenances, maintenance.id))
  })
  const putInhibition = Effect.fnUntraced(function* (
    request: GatewayRequest,
    inhibition: Inhibition,
    existing: boolean,
  ) {
    if (existing) yield* require((yield* readAll(request, "inhibitions")).inhibitions, inhibition.id)
    yield* ask(request, { _tag: "PutInhibition", inhibition, by: request.identity.user })
    return inhibitionBody(inhibition)
  })

  return [
    route(services, quietEndpoints.listSilences, async (request) => {
      const { silences } = await runTraced(
        services,
        request,
        "GET /api/cep/silences",
        readAll(request, "silences"),
      )
      return { silences: silences.map(silenceBody) }
    }),
    route(services, quietEndpoints.addSilence, (request, { body }) => {
      const silence = silenceOf(`silence-${randomUUID()}`, request.identity.user, body)
      return runTraced(services, request, "POST /api/cep/silences", putSilence(request, silence, false))
    }),
    route(services, quietEndpoints.changeSilence, (request, { params, body }) => {
      const silence = silenceOf(params.silence, request.identity.user, body)
      return runTraced(services, request, "PUT /api/cep/silences/{id}", putSilence(request, silence, true))
    }),
    route(services, quietEndpoints.endSilence, async (request, { params }) => {
      const ending = ask(request, { _tag: "EndSilence", id: params.silence, by: request.identity.user })
      await runTraced(services, request, "DELETE /api/cep/silences/{id}", ending)
      return undefined
    }),
    route(services, quietEndpoints.listMaintenance, async (request) => {
      const reading = readAll(request, "maintenances")
      const { maintenances } = await runTraced(services, request, "GET /api/cep/maintenance", reading)
      return { maintenance: maintenances.map(maintenanceBody) }
    }),
    route(services, quietEndpoints.addMaintenance, (request, { body }) => {
      const maintenance = maintenanceOf(`maintenance-${randomUUID()}`, request.identity.user, body)
      const putting = putMaintenance(request, maintenance, false)
      return runTraced(services, request, "POST /api/cep/maintenance", putting)
    }),
    route(services, quietEndpoints.changeMaintenance, (request, { params, body }) => {
      const maintenance = maintenanceOf(params.maintenance, request.identity.user, body)
      const putting = putMaintenance(request, maintenance, true)
      return runTraced(services, request, "PUT /api/cep/maintenance/{id}", putting)
    }),
    route(services, quietEndpoints.endMaintenance, async (request, { params }) => {
      const ending = ask(request, {
        _tag: "EndMaintenance",
        id: params.maintenance,
        by: request.identity.user,
      })
      await runTraced(services, request, "DELETE /api/cep/maintenance/{id}", ending)
      return undefined
    }),
    route(services, quietEndpoints.listInhibitions, async (request) => {
      const reading = readAll(request, "inhibitions")
      const { inhibitions } = await runTraced(services, request, "GET /api/cep/inhibitions", reading)
      return { inhibitions: inhibitions.map(inhibitionBody) }
    }),
    route(services, quietEndpoints.addInhibition, (request, { body }) => {
      const inhibition = { id: `inhibition-${randomUUID()}`, ...body }
      const putting = putInhibition(request, inhibition, false)
      return runTraced(services, request, "POST /api/cep/inhibitions", putting)
    }),
    route(services, quietEndpoints.changeInhibition, (request, { params, body }) => {
      const putting = putInhibition(request, { id: params.inhibition, ...body }, true)
      return runTraced(services, request, "PUT /api/cep/inhibitions/{id}", putting)
    }),
    route(services, quietEndpoints.removeInhibition, async (request, { params }) => {
      const removing = ask(request, {
        _tag: "RemoveInhibition",
        id: params.inhibition,
        by: request.identity.user,
      })
      await runTraced(services, request, "DELETE /api/cep/inhibitions/{id}", removing)
      return undefined
    }),
  ]
}
