/** Operations as tools: questions about infrastructure, and the alerts that rules raised. */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AlertIndex } from "../../actors/index.ts"
import { PlatformSettings } from "../../resources/index.ts"
import { AlertBody, type AnswerBlock, OpsPlanProtocol, opsEndpoints } from "../../schemas/index.ts"
import { alertBody } from "../http/cep-alerts.ts"
import type { GatewayRequest } from "../route.ts"
import { defineTool, toolShape } from "./tool.ts"

/** Alerts in one answer. */
const alertsMax = 50
const toldStates = ["firing", "no_data", "error", "resolved"] as const

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
      Schema.Struct({
        limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: alertsMax }))),
      }),
      Schema.Struct({ alerts: Schema.Array(AlertBody), total: Schema.Int }),
    ),
    run: ({ services: _, request }, { limit = alertsMax }) =>
      AlertIndex.use((index) =>
        index.list(request.identity.tenant, { page: 1, limit, states: toldStates }),
      ).pipe(
        Effect.map(({ rows }) => {
          const shown = rows.map(alertBody)
          const lines = shown.map(
            ({ state, severity, name, labels, value, at }) =>
              `${at} ${state} ${severity} ${name} ${JSON.stringify(labels)}${value === undefined ? "" : `: ${value}`}`,
          )
          return {
            text: lines.length === 0 ? "There are no alerts." : lines.join("\n"),
            structured: { alerts: shown, total: shown.length },
          }
        }),
      ),
  }),
]
