/** Operations as tools: questions about infrastructure, and the alerts that rules raised. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { PlatformSettings } from "../../resources/index.ts"
import {
  AgentProtocol,
  AlertBody,
  type AnswerBlock,
  alertsKeptMax,
  OpsPlanProtocol,
  opsEndpoints,
} from "../../schemas/index.ts"
import { alertAgent, alertBody } from "../http/cep.ts"
import type { GatewayRequest } from "../route.ts"
import { defineTool, toolShape } from "./tool.ts"

const callOf = ({ identity }: GatewayRequest) => ({ tenant: identity.tenant, principal: identity.user })

const textOf = (blocks: ReadonlyArray<AnswerBlock>): string =>
  blocks.map((block) => (block.type === "text" ? block.text : JSON.stringify(block))).join("\n\n")

export const opsTools = [
  defineTool({
    name: "ops_question",
    title: "Question about infrastructure",
    description:
      "Answers a question about hosts and services from their metrics, with the query that was run, tables and charts.",
    permission: "ops:ask",
    readOnly: true,
    shape: toolShape(
      Schema.Struct({ question: OpsPlanProtocol.commands.Ask.fields.question }),
      opsEndpoints.ask.answer,
    ),
    run: ({ services, request, id }, { question }) =>
      Effect.gen(function* () {
        const seconds = yield* PlatformSettings.use(({ get }) =>
          get(request.identity.tenant, "ops.answer_seconds"),
        )
        const answer = yield* services.engine.ask(
          OpsPlanProtocol,
          id ?? randomUUID(),
          { _tag: "Ask", question },
          { ...callOf(request), timeoutMs: seconds * 1_000 },
        )
        const { plan, status, route, blocks } = answer
        return {
          text: textOf(blocks),
          structured: {
            plan_id: plan,
            status,
            ...(route === undefined ? {} : { route }),
            blocks,
            trace_id: request.context.traceId,
          },
          isError: status === "failed",
        }
      }),
  }),
  defineTool({
    name: "recent_alerts",
    title: "Recent alerts",
    description: "Lists the newest alerts that the rules over metrics raised or resolved.",
    permission: "cep:read",
    readOnly: true,
    shape: toolShape(
      Schema.Struct({ limit: AgentProtocol.commands.RecentAlerts.fields.limit }),
      Schema.Struct({ alerts: Schema.Array(AlertBody), total: Schema.Int }),
    ),
    run: ({ services, request }, { limit = alertsKeptMax }) =>
      services.engine.ask(AgentProtocol, alertAgent, { _tag: "RecentAlerts", limit }, callOf(request)).pipe(
        Effect.map(({ alerts }) => {
          const shown = alerts.map(alertBody)
          const lines = shown.map(
            ({ status, severity, name, metric, value, threshold, at }) =>
              `${at} ${status} ${severity} ${name}: ${metric} ${value} (threshold ${threshold})`,
          )
          return {
            text: lines.length === 0 ? "There are no alerts." : lines.join("\n"),
            structured: { alerts: shown, total: shown.length },
          }
        }),
      ),
  }),
]
