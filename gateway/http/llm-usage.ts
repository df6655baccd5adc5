/** What calls to language models took and may take: one's own, and everybody's for administrators. */
import { LlmUsage, refuse } from "../../resources/index.ts"
import { type InputOf, llmUsageEndpoints } from "../../schemas/index.ts"
import { changedBy } from "../changed-by.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

const limitDefault = 50

type Query = InputOf<typeof llmUsageEndpoints.all>["query"]

const dayOf = (date: Date): string => date.toISOString().slice(0, 10)

/** A pattern lets the 31st of February through; the calendar does not. */
const isDay = (text: string): boolean => {
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && dayOf(date) === text
}

const periodOf = ({ start_date: start, end_date: end }: Query) => {
  const today = dayOf(new Date())
  const period = { from: start ?? `${(end ?? today).slice(0, 8)}01`, to: end ?? today }
  const problem = (field: string, reason: string) =>
    refuse("malformed", "LLM_USAGE_001", `Invalid: ${field}.`, { field, reason })
  if (!isDay(period.from)) throw problem("start_date", "there is no such day")
  if (!isDay(period.to)) throw problem("end_date", "there is no such day")
  if (period.from > period.to) throw problem("start_date", "it is after the end")
  return period
}

const report =
  (services: GatewayServices, path: string, ownOnly: boolean) =>
  async (request: GatewayRequest, { query }: { readonly query: Query }) => {
    const { tenant, userId } = request.identity
    const { group_by: groupBy = "day", page = 1, limit = limitDefault } = query
    const { from, to } = periodOf(query)
    const search = { groupBy, from, to, page, limit, userId: ownOnly ? userId : undefined }
    const reading = LlmUsage.use((usage) => usage.report(tenant, search))
    const rows = await runTraced(services, request, `GET ${path}`, reading)
    return { period: `${from} to ${to}`, group_by: groupBy, usage: rows, page, limit }
  }

export const llmUsageRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, llmUsageEndpoints.own, report(services, "/api/llm-usage/me", true)),
  route(services, llmUsageEndpoints.all, report(services, "/api/admin/llm-usage/", false)),
  route(services, llmUsageEndpoints.budgets, async (request) => {
    const reading = LlmUsage.use((usage) => usage.budgets(request.identity.tenant))
    return { budgets: await runTraced(services, request, "GET /api/admin/llm-budgets/", reading) }
  }),
  route(services, llmUsageEndpoints.setBudget, async (request, { body }) => {
    if ((body.scope === "TENANT") !== (body.scope_id === ""))
      throw refuse("malformed", "LLM_BUDGET_002", "Invalid: scope_id.", {
        field: "scope_id",
        reason: "empty for the tenant, otherwise the id of a user or a model",
      })
    const setting = LlmUsage.use((usage) => usage.setBudget(changedBy(request), body))
    return runTraced(services, request, "PUT /api/admin/llm-budgets/", setting)
  }),
]
