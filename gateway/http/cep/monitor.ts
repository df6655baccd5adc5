/** How rules run: what the nodes that evaluate their lanes say of them. */
import * as Effect from "effect/Effect"
import { Lanes, RuleIndex, type RuleReport } from "../../../actors/index.ts"
import { cepInsightEndpoints as endpoints, type RuleDocument } from "../../../schemas/index.ts"
import { type Route, route } from "../../route.ts"
import type { GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"
import { timestamp } from "./bodies.ts"
import { pollBody, readPoll } from "./polls.ts"
import { readRule } from "./save.ts"

const limitDefault = 20
/** Questions to lanes on their way at one time. */
const reportsAtOnce = 16

/** Nothing for what is not there yet, which the evaluator has as no number. */
const some = <Name extends string, A>(name: Name, value: number | undefined, of: (value: number) => A) =>
  (value === undefined || !Number.isFinite(value) ? {} : { [name]: of(value) }) as {
    readonly [N in Name]?: A
  }
const same = (value: number) => value

const figuresBody = ({ figures }: RuleReport) => {
  const {
    lastError,
    newestAt,
    lastItemAt,
    partialMatches,
    partialMatchesDropped,
    stateBytes,
    crowdedOut,
    isFilling,
    number: _number,
    rule: _rule,
    ...counts
  } = figures
  return {
    ...counts,
    filling: isFilling,
    partial_matches: partialMatches,
    partial_matches_dropped: partialMatchesDropped,
    state_bytes: stateBytes,
    crowded_out: crowdedOut,
    ...(lastError === undefined
      ? {}
      : { last_error: { at: timestamp(lastError.at), detail: lastError.detail } }),
    ...some("newest_at", newestAt, timestamp),
    ...some("last_item_at", lastItemAt, timestamp),
  }
}

const groupBody = ({ since, at, value, values, ...group }: RuleReport["groups"][number]) => ({
  ...group,
  since: timestamp(since),
  at: timestamp(at),
  ...some("value", value, same),
  values: Object.fromEntries(Object.entries(values).filter(([, found]) => Number.isFinite(found))),
})

const monitored = (rule: string, document: RuleDocument, report: RuleReport | undefined) => {
  const known = { rule_id: rule, name: document.name }
  if (document.enabled === false) return { ...known, status: "disabled" } as const
  if (report === undefined) return { ...known, status: "starting" } as const
  const { lane, node, lagMessages, lagMs, latency, microsPerItem } = report
  const figures = figuresBody(report)
  return {
    ...known,
    status: report.figures.number < 0 ? "filling" : "running",
    lane,
    node,
    lag_messages: lagMessages,
    lag_ms: lagMs,
    ...(latency === undefined ? {} : { latency_ms: latency }),
    micros_per_item: microsPerItem,
    figures,
  } as const
}

const reportOf = (tenant: string, rule: string, document: RuleDocument, groups: boolean) =>
  document.enabled === false
    ? Effect.succeed(undefined)
    : Lanes.use((lanes) => lanes.report(tenant, rule, document, groups))

export const monitorRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, endpoints.monitor, async (request, { params: { rule } }) => {
    const asking = Effect.gen(function* () {
      const { document } = yield* readRule(services.engine, request, rule)
      const [report, poll] = yield* Effect.all(
        [
          reportOf(request.identity.tenant, rule, document, true),
          readPoll(services, request, rule, document),
        ],
        { concurrency: "unbounded" },
      )
      return { document, report, poll }
    })
    const name = "GET /api/cep/rules/{id}/monitor"
    const { document, report, poll } = await runTraced(services, request, name, asking)
    return {
      ...monitored(rule, document, report),
      groups: (report?.groups ?? []).map(groupBody),
      groups_left_out: report === undefined ? 0 : report.figures.groups - report.groups.length,
      ...(poll === undefined ? {} : { poll: pollBody(poll) }),
    }
  }),
  route(services, endpoints.monitorAll, async (request, { query }) => {
    const { page = 1, limit = limitDefault } = query
    const { tenant } = request.identity
    const asking = Effect.gen(function* () {
      const { rows, total } = yield* RuleIndex.use((index) => index.list(tenant, { page, limit }))
      const rules = yield* Effect.forEach(
        rows,
        ({ rule, document }) =>
          Effect.map(reportOf(tenant, rule, document, false), (report) => monitored(rule, document, report)),
        { concurrency: reportsAtOnce },
      )
      return { rules, total }
    })
    const { rules, total } = await runTraced(services, request, "GET /api/cep/monitor", asking)
    return { rules, total, page, limit }
  }),
]
