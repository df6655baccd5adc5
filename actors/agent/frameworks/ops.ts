/** The built-in operations agent: answers through an OPS plan, and tells which alerts there are. */
import * as Effect from "effect/Effect"
import { ActivityFailure, type EngineError, type Rejected } from "../../../engine/index.ts"
import { formatTime, formatValue, languageOf } from "../../../ops/index.ts"
import {
  type AlertRecord,
  type AlertState,
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

const toldStates: ReadonlyArray<AlertState> = ["firing", "no_data", "error", "resolved"]

export const alertLine = (alert: AlertRecord): string => {
  const { labels, value, acknowledged, quietBy } = alert
  const more = [
    ...Object.entries(labels).map(([label, text]) => `${label}=${text}`),
    ...(value === undefined ? [] : [`value ${formatValue(value, "")}`]),
    ...(acknowledged === undefined ? [] : [`acknowledged by ${acknowledged.by}`]),
    ...(quietBy.length === 0 ? [] : ["silenced"]),
  ]
  const head = `${formatTime(alert.at)} ${alert.severity} ${alert.state}: ${alert.name}`
  return more.length === 0 ? head : `${head} (${more.join(", ")})`
}

/** The newest, of those that people are told of. */
export const recentAlerts = ({ platform, tenant }: Pick<AnswerCall, "platform" | "tenant">) =>
  platform.alerts.list(tenant, { page: 1, limit: alertsPerAnswerMax, states: toldStates }).pipe(
    Effect.map(({ rows }) => rows),
    Effect.mapError(
      () =>
        new ActivityFailure({
          code: "IndexUnavailable",
          detail: "the index of alerts did not answer",
          retryable: true,
        }),
    ),
  )

const tellAlerts = (question: string, alerts: ReadonlyArray<AlertRecord>): Utterance => {
  const korean = languageOf(question) === "ko"
  const none = korean ? "알림이 없습니다." : "There are no alerts."
  const firing = alerts.filter(({ state }) => state !== "resolved").length
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
  platform,
}: AnswerCall): Effect.fn.Return<Utterance, ActivityFailure> {
  if (asksForAlerts(question)) {
    return tellAlerts(question, yield* recentAlerts({ platform, tenant }))
  }
  const command = { _tag: "Ask" as const, question: question.slice(0, 4_000) }
  const options = { tenant, idempotencyKey: `answer:${plan}`, timeoutMs: planTimeoutMs }
  const answer: PlanAnswer = yield* engine
    .ask(OpsPlanProtocol, plan, command, options)
    .pipe(Effect.mapError(failureOf))
  return { _tag: "Say", text: textOf(answer.blocks), blocks: answer.blocks, plan }
})
