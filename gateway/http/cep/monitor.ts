/** How rules run: what the nodes that evaluate their lanes say of them. */
import * as Effect from "effect/Effect"
import { homeName, LaneOperations, Lanes, RuleIndex, type RuleReport } from "../../../actors/index.ts"
import { cepInsightEndpoints as endpoints, type RuleDocument } from "../../../schemas/index.ts"
import { laneOf } from "../../../streams/index.ts"
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

interface Asked {
  readonly rule: string
  readonly document: RuleDocument
  readonly report: RuleReport | undefined
}

/** Whether a rule for which nobody answers is in a lane that somebody has to mend. Asked only when there is such a rule. */
const findStopped = Effect.fnUntraced(function* (tenant: string, asked: ReadonlyArray<Asked>) {
  if (asked.every(({ document, report }) => report !== undefined || document.enabled === false))
    return () => false
  const lanes = yield* LaneOperations.use(({ overview }) => overview)
  return ({ rule, document }: Asked): boolean => {
    const lane = lanes[laneOf(tenant, homeName(rule, document), lanes.length)]
    return lane?.problem !== undefined && lane.figures === undefined
  }
})

const monitored = ({ rule, document, report }: Asked, isStopped: boolean) => {
  const known = { rule_id: rule, name: document.name }
  if (document.enabled === false) return { ...known, status: "disabled" } as const
  if (report === undefined) return { ...known, status: isStopped ? "stopped" : "starting" } as const
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
      const asked = { rule, document, report }
      const isStopped = yield* findStopped(request.identity.tenant, [asked])
      return { told: monitored(asked, isStopped(asked)), report, poll }
    })
    const name = "GET /api/cep/rules/{id}/monitor"
    const { told, report, poll } = await runTraced(services, request, name, asking)
    return {
      ...told,
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
      const asked = yield* Effect.forEach(
        rows,
        ({ rule, document }) =>
          Effect.map(reportOf(tenant, rule, document, false), (report) => ({ rule, document, report })),
        { concurrency: reportsAtOnce },
      )
      const isStopped = yield* findStopped(tenant, asked)
      return { rules: asked.map((one) => monitored(one, isStopped(one))), total }
    })
    const { rules, total } = await runTraced(services, request, "GET /api/cep/monitor", asking)
    return { rules, total, page, limit }
  }),
]
