/** Questions about infrastructure: asked, and answered with blocks once the plan has ended. */
import { randomUUID } from "node:crypto"
import * as Schema from "effect/Schema"
import { Id, OpsPlanProtocol } from "../../schemas/index.ts"
import { type GatewayRequest, json, type Route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import { bodyDecoder, readObject } from "./body.ts"

const decodeQuestion = bodyDecoder(
  Schema.Struct({
    question: OpsPlanProtocol.commands.Ask.fields.question,
    /** The same id and question again give the same answer. */
    plan_id: Schema.optionalKey(Id),
  }),
)

/** A plan may run long; its stages have limits of their own. */
const answerMs = 60_000
const timestamp = (milliseconds: number) => new Date(milliseconds).toISOString()

export const opsRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { engine, limits } = services
  const callOf = ({ identity }: GatewayRequest) => ({
    tenant: identity.tenant,
    principal: identity.user,
    timeoutMs: answerMs,
  })

  const ask = async (request: GatewayRequest) => {
    const body = await readObject(request.http.env.incoming, limits.bodyBytesMax)
    const { question, plan_id: plan = randomUUID() } = decodeQuestion(body)
    const asking = engine.ask(OpsPlanProtocol, plan, { _tag: "Ask", question } as const, callOf(request))
    const answer = await runTraced(services, request, "POST /api/ops/questions", asking)
    return json(request.context, 200, {
      plan_id: answer.plan,
      status: answer.status,
      ...(answer.route === undefined ? {} : { route: answer.route }),
      blocks: answer.blocks,
      trace_id: request.context.traceId,
    })
  }

  const read = async (request: GatewayRequest) => {
    const asking = engine.ask(
      OpsPlanProtocol,
      request.http.req.param("plan")!,
      { _tag: "Read" } as const,
      callOf(request),
    )
    const view = await runTraced(services, request, "GET /api/ops/plans/{id}", asking)
    return json(request.context, 200, {
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
    })
  }

  return [
    { method: "POST", path: "/api/ops/questions", permission: "ops:ask", handle: ask },
    { method: "GET", path: "/api/ops/plans/:plan", permission: "ops:ask", handle: read },
  ]
}
