/** Questions about infrastructure: asked, and answered with blocks once the plan has ended. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import { PlatformSettings } from "../../resources/index.ts"
import { OpsPlanProtocol, opsEndpoints, type PlanView } from "../../schemas/index.ts"
import { holds, type Identity } from "../auth/identity.ts"
import { rejectionError } from "../errors.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

/** A plan is its owner's, and operators' to look into: to others it is as if there were none. */
const requireOwn = (identity: Identity, { owner }: PlanView): void => {
  if (owner === undefined || owner === identity.user || holds(identity, "platform:read")) return
  throw rejectionError("ops-plan", { _tag: "PlanUnknown" })
}

export const opsRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine } = services
  const callOf = ({ identity }: GatewayRequest) => ({
    tenant: identity.tenant,
    principal: identity.user,
  })

  const ask = route(services, opsEndpoints.ask, async (request, { body }) => {
    const { question, plan_id: plan = randomUUID() } = body
    const waiting = PlatformSettings.use(({ get }) => get(request.identity.tenant, "ops.answer_seconds"))
    const asking = Effect.flatMap(waiting, (seconds) =>
      engine.ask(OpsPlanProtocol, plan, { _tag: "Ask", question } as const, {
        ...callOf(request),
        timeoutMs: seconds * 1_000,
      }),
    )
    const answer = await runTraced(services, request, "POST /api/ops/questions", asking)
    return {
      plan_id: answer.plan,
      status: answer.status,
      ...(answer.route === undefined ? {} : { route: answer.route }),
      blocks: answer.blocks,
      trace_id: request.context.traceId,
    }
  })

  const read = route(services, opsEndpoints.read, async (request, { params }) => {
    const asking = engine.ask(OpsPlanProtocol, params.plan, { _tag: "Read" } as const, callOf(request))
    const view = await runTraced(services, request, "GET /api/ops/plans/{id}", asking)
    requireOwn(request.identity, view)
    return {
      plan_id: view.plan,
      question: view.question,
      status: view.status,
      asked_at: timestamp(view.askedAt),
      ...(view.decided === undefined ? {} : { plan: view.decided }),
      stages: view.stages.map(({ name, status, startedAt, endedAt, detail }) => ({
        name,
        status,
        started_at: timestamp(startedAt),
        ...(endedAt === undefined ? {} : { ended_at: timestamp(endedAt) }),
        ...(detail === undefined ? {} : { detail }),
      })),
      blocks: view.blocks,
      trace_id: view.traceId,
    }
  })

  return [ask, read]
}
