/** The built-in operations agent: answers through an OPS plan, and tells which alerts it was told of. */
import * as Effect from "effect/Effect"
import { ActivityFailure, type EngineError, type Rejected } from "../../../engine/index.ts"
import { formatTime, formatValue, languageOf } from "../../../ops/index.ts"
import {
  AgentProtocol,
  type Alert,
  type AnswerBlock,
  OpsPlanProtocol,
  type PlanAnswer,
} from "../../../schemas/index.ts"
import type { AnswerCall } from "../framework.ts"
import type { Utterance } from "./utterance.ts"

/** How long one attempt waits for the plan; the next attempt gets the same plan's answer. */
export const planTimeoutMs = 60_000
/** Alerts that an answer tells of, newest first. */
export const alertsPerAnswerMax = 10

export const asksForAlerts = (question: string): boolean =>
  /\balerts?\b|\balarms?\b|\bwarnings?\b|알림|경보|알람|경고/.test(question.toLowerCase())

export const alertLine = (alert: Alert): string => {
  const group = Object.entries(alert.group).map(([label, value]) => `${label}=${value}`)
  return [
    `${formatTime(alert.at)} ${alert.severity} ${alert.status}: ${alert.name}`,
    `(${[...group, `${alert.metric} ${formatValue(alert.value, "")}`, `threshold ${alert.threshold}`].join(", ")})`,
  ].join(" ")
}

const tellAlerts = (question: string, alerts: ReadonlyArray<Alert>): Utterance => {
  const korean = languageOf(question) === "ko"
  const none = korean ? "받은 알림이 없습니다." : "I have not been told of any alert."
  const firing = alerts.filter(({ status }) => status === "raised").length
  const heading = korean
    ? `최근 알림 ${alerts.length}건, 그중 ${firing}건이 해소되지 않았습니다.`
    : `The newest ${alerts.length} alerts, ${firing} of them not resolved.`
  return {
    _tag: "Say",
    text: alerts.length === 0 ? none : [heading, ...alerts.map(alertLine)].join("\n"),
    blocks: [],
  }
}

export const textOf = (blocks: ReadonlyArray<AnswerBlock>): string =>
  blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n")

const failureOf = (error: EngineError | Rejected): ActivityFailure =>
  error._tag === "Rejected"
    ? new ActivityFailure({ code: "PlanRefused", detail: error.message, retryable: false })
    : new ActivityFailure({
        code: error.code,
        detail: error.detail,
        retryable: error.kind === "retryable",
      })

/** The plan's id is the question's, so asking again gives the same answer. */
export const ops = Effect.fnUntraced(function* ({
  engine,
  question: { question, plan },
  tenant,
  view,
}: AnswerCall): Effect.fn.Return<Utterance, ActivityFailure> {
  if (asksForAlerts(question)) {
    const asking = { _tag: "RecentAlerts" as const, limit: alertsPerAnswerMax }
    const { alerts } = yield* engine
      .ask(AgentProtocol, view.agent, asking, { tenant })
      .pipe(Effect.mapError(failureOf))
    return tellAlerts(question, alerts)
  }
  const command = { _tag: "Ask" as const, question: question.slice(0, 4_000) }
  const options = { tenant, idempotencyKey: `answer:${plan}`, timeoutMs: planTimeoutMs }
  const answer: PlanAnswer = yield* engine
    .ask(OpsPlanProtocol, plan, command, options)
    .pipe(Effect.mapError(failureOf))
  return { _tag: "Say", text: textOf(answer.blocks), blocks: answer.blocks, plan }
})
