/** Lanes, for whoever operates the deployment: a lane holds rules of all tenants. */
import * as Effect from "effect/Effect"
import { LaneOperations, type LaneStatus, mendOf } from "../../actors/index.ts"
import { platformTenant, recordChanges, Tenancy } from "../../resources/index.ts"
import { laneEndpoints as endpoints } from "../../schemas/index.ts"
import { changedBy } from "../changed-by.ts"
import { GatewayError } from "../errors.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

/** A role of another tenant that grants it by mistake opens nothing. */
const requirePlatform = ({ identity }: GatewayRequest): void => {
  if (identity.tenant === platformTenant) return
  throw new GatewayError(403, "CEP_LANE_001", "Only the platform's own people see and mend lanes.", {
    remedy: `use a credential of the tenant ${platformTenant}`,
  })
}

const figuresBody = (figures: NonNullable<LaneStatus["figures"]>) => ({
  sequence: figures.sequence,
  checkpoint: figures.checkpoint,
  rules: figures.rules,
  lag_messages: figures.lagMessages,
  lag_ms: figures.lagMs,
  state_bytes: figures.stateBytes,
  missed: figures.missed,
  outputs_waiting: figures.outputsWaiting,
  held_up: figures.isHeldUp,
  receivers: figures.receivers,
  ...(figures.latency === undefined ? {} : { latency_ms: figures.latency }),
  micros_per_item: figures.microsPerItem,
})

const problemBody = (problem: NonNullable<LaneStatus["problem"]>) => ({
  reason: problem.reason,
  since: timestamp(problem.since),
  times: problem.times,
  again_at: timestamp(problem.againAt),
  mend: mendOf(problem),
})

const laneBody = ({ figures, problem, ...lane }: LaneStatus) => ({
  ...lane,
  ...(figures === undefined ? {} : { figures: figuresBody(figures) }),
  ...(problem === undefined ? {} : { problem: problemBody(problem) }),
})

const audit = (request: GatewayRequest, lane: number, after: object) =>
  Tenancy.use(({ within }) =>
    within(request.identity.tenant, (sql) =>
      recordChanges(sql, changedBy(request), [
        { action: "lane.rebuild", objectType: "lane", objectId: String(lane), after },
      ]),
    ),
  )

export const laneRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, endpoints.list, async (request) => {
    requirePlatform(request)
    const asking = LaneOperations.use(({ overview }) => overview)
    const lanes = await runTraced(services, request, "GET /api/admin/lanes", asking)
    return { lanes: lanes.map(laneBody) }
  }),
  route(services, endpoints.rebuild, async (request, { params }) => {
    requirePlatform(request)
    const lane = Number(params.lane)
    const { partitions } = await Effect.runPromiseWith(services.context)(services.engine.status)
    if (lane >= partitions.length)
      throw new GatewayError(404, "CEP_LANE_002", "There is no such lane.", {
        field: "lane",
        reason: `lanes are numbered from 0 to ${partitions.length - 1}`,
      })
    const rebuilding = Effect.gen(function* () {
      const done = yield* LaneOperations.use((lanes) => lanes.rebuild(lane))
      yield* audit(request, lane, done)
      return done
    })
    return runTraced(services, request, "POST /api/admin/lanes/{lane}/rebuild", rebuilding)
  }),
]
