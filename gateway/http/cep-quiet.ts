/** Silences, planned work and inhibitions over HTTP: the alert desk checks and keeps them. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import {
  AlertDeskProtocol,
  alertDeskKey,
  durationMs,
  durationText,
  type InputOf,
  type Maintenance,
  type QuietInhibition,
  type QuietMaintenance,
  type QuietSilence,
  quietEndpoints,
  type Silence,
} from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { etag, ifMatch } from "../if-match.ts"
import { Answer, type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayNeeds, GatewayServices } from "../services.ts"
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
  version = 1,
}: QuietSilence) => ({
  silence_id: id,
  matchers,
  starts_at: timestamp(startsAt),
  ends_at: timestamp(endsAt),
  active,
  version,
  created_by: createdBy,
  comment,
})

const maintenanceBody = ({
  id,
  name,
  matchers,
  active,
  createdBy,
  window,
  version = 1,
  ...when
}: QuietMaintenance) => ({
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
  version,
  created_by: createdBy,
})

const inhibitionBody = ({ id, source, target, equal, version = 1 }: QuietInhibition) => ({
  inhibition_id: id,
  source,
  target,
  equal,
  version,
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

/** What is on now follows from the clock, without a new version: nobody may keep the answer. */
const tagged = <B extends { readonly version: number }>(body: B, status = 200) =>
  new Answer(body, { ETag: etag(body.version), "Cache-Control": "no-store" }, status)

const editing = (request: GatewayRequest) => {
  const expected = ifMatch(request)
  return { by: request.identity.user, ...(expected === undefined ? {} : { expected }) }
}

export const quietRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const ask = <const C extends Command>({ identity }: GatewayRequest, command: C) =>
    engine.ask(AlertDeskProtocol, alertDeskKey, command, {
      tenant: identity.tenant,
      principal: identity.user,
    })
  const run = <A, E>(request: GatewayRequest, name: string, effect: Effect.Effect<A, E, GatewayNeeds>) =>
    runTraced(services, request, name, effect)

  const readAll = Effect.fnUntraced(function* (request: GatewayRequest, of: Kind) {
    const silences: Array<QuietSilence> = []
    const maintenances: Array<QuietMaintenance> = []
    const inhibitions: Array<QuietInhibition> = []
    for (let after: string | undefined; ; ) {
      const page = yield* ask(request, { _tag: "ReadQuiet", of, ...(after === undefined ? {} : { after }) })
      silences.push(...page.silences)
      maintenances.push(...page.maintenances)
      inhibitions.push(...page.inhibitions)
      after = page.next
      if (after === undefined) return { silences, maintenances, inhibitions }
    }
  })

  const readOne = <K extends Kind>(request: GatewayRequest, of: K, id: string) =>
    Effect.flatMap(readAll(request, of), (all) => {
      type One = Awaited<Effect.Success<ReturnType<typeof readAll>>>[K][number]
      const found = (all[of] as ReadonlyArray<One>).find((one) => one.id === id)
      return found === undefined ? Effect.fail(unknown()) : Effect.succeed(found)
    })

  return [
    route(services, quietEndpoints.listSilences, async (request) => {
      const { silences } = await run(request, "GET /api/cep/silences", readAll(request, "silences"))
      return { silences: silences.map(silenceBody) }
    }),
    route(services, quietEndpoints.readSilence, async (request, { params }) => {
      const reading = readOne(request, "silences", params.silence)
      return tagged(silenceBody(await run(request, "GET /api/cep/silences/{id}", reading)))
    }),
    route(services, quietEndpoints.addSilence, async (request, { body }) => {
      const by = request.identity.user
      const silence = silenceOf(`silence-${randomUUID()}`, by, body)
      const putting = ask(request, { _tag: "PutSilence", silence, by })
      return tagged(silenceBody(await run(request, "POST /api/cep/silences", putting)), 201)
    }),
    route(services, quietEndpoints.changeSilence, async (request, { params, body }) => {
      const silence = silenceOf(params.silence, request.identity.user, body)
      const putting = ask(request, { _tag: "PutSilence", silence, replaces: true, ...editing(request) })
      return tagged(silenceBody(await run(request, "PUT /api/cep/silences/{id}", putting)))
    }),
    route(services, quietEndpoints.endSilence, (request, { params }) => {
      const ending = ask(request, { _tag: "EndSilence", id: params.silence, ...editing(request) })
      return run(request, "DELETE /api/cep/silences/{id}", ending)
    }),
    route(services, quietEndpoints.listMaintenance, async (request) => {
      const reading = readAll(request, "maintenances")
      const { maintenances } = await run(request, "GET /api/cep/maintenance", reading)
      return { maintenance: maintenances.map(maintenanceBody) }
    }),
    route(services, quietEndpoints.readMaintenance, async (request, { params }) => {
      const reading = readOne(request, "maintenances", params.maintenance)
      return tagged(maintenanceBody(await run(request, "GET /api/cep/maintenance/{id}", reading)))
    }),
    route(services, quietEndpoints.addMaintenance, async (request, { body }) => {
      const by = request.identity.user
      const maintenance = maintenanceOf(`maintenance-${randomUUID()}`, by, body)
      const putting = ask(request, { _tag: "PutMaintenance", maintenance, by })
      return tagged(maintenanceBody(await run(request, "POST /api/cep/maintenance", putting)), 201)
    }),
    route(services, quietEndpoints.changeMaintenance, async (request, { params, body }) => {
      const maintenance = maintenanceOf(params.maintenance, request.identity.user, body)
      const edit = { replaces: true, ...editing(request) }
      const putting = ask(request, { _tag: "PutMaintenance", maintenance, ...edit })
      return tagged(maintenanceBody(await run(request, "PUT /api/cep/maintenance/{id}", putting)))
    }),
    route(services, quietEndpoints.endMaintenance, (request, { params }) => {
      const ending = ask(request, { _tag: "EndMaintenance", id: params.maintenance, ...editing(request) })
      return run(request, "DELETE /api/cep/maintenance/{id}", ending)
    }),
    route(services, quietEndpoints.listInhibitions, async (request) => {
      const { inhibitions } = await run(request, "GET /api/cep/inhibitions", readAll(request, "inhibitions"))
      return { inhibitions: inhibitions.map(inhibitionBody) }
    }),
    route(services, quietEndpoints.readInhibition, async (request, { params }) => {
      const reading = readOne(request, "inhibitions", params.inhibition)
      return tagged(inhibitionBody(await run(request, "GET /api/cep/inhibitions/{id}", reading)))
    }),
    route(services, quietEndpoints.addInhibition, async (request, { body }) => {
      const inhibition = { id: `inhibition-${randomUUID()}`, ...body }
      const putting = ask(request, { _tag: "PutInhibition", inhibition, by: request.identity.user })
      return tagged(inhibitionBody(await run(request, "POST /api/cep/inhibitions", putting)), 201)
    }),
    route(services, quietEndpoints.changeInhibition, async (request, { params, body }) => {
      const inhibition = { id: params.inhibition, ...body }
      const putting = ask(request, { _tag: "PutInhibition", inhibition, replaces: true, ...editing(request) })
      return tagged(inhibitionBody(await run(request, "PUT /api/cep/inhibitions/{id}", putting)))
    }),
    route(services, quietEndpoints.removeInhibition, (request, { params }) => {
      const removing = ask(request, { _tag: "RemoveInhibition", id: params.inhibition, ...editing(request) })
      return run(request, "DELETE /api/cep/inhibitions/{id}", removing)
    }),
  ]
}
