/**
 * The one place where failures become HTTP: every engine error code, every rejection that an actor kind declares, and
 * what the gateway itself refuses, with the body that all errors share. The codes are part of the API.
 */
import { EngineError, type EngineErrorCode, LogFull, Rejected, Unavailable } from "../engine/index.ts"
import { type RefusalReason, Refused } from "../resources/index.ts"
import type {
  AgentProtocol,
  AlertDeskProtocol,
  CepRuleProtocol,
  ChatSessionProtocol,
  LockProtocol,
  NotificationProtocol,
  OpsPlanProtocol,
  RejectionOf,
  TaskProtocol,
} from "../schemas/index.ts"

export type Details = Readonly<Record<string, unknown>>

/** A request that ends without its result. Thrown by handlers, or failed with in an Effect. */
export class GatewayError extends Error {
  readonly _tag = "GatewayError"
  readonly status: number
  readonly code: string
  readonly details: Details
  readonly retryAfterSeconds: number | undefined

  constructor(
    status: number,
    code: string,
    message: string,
    details: Details = {},
    retryAfterSeconds: number | undefined = status === 429 || status === 503 ? 1 : undefined,
  ) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
    this.retryAfterSeconds = retryAfterSeconds
  }
}

type Row = readonly [status: number, code: string, message: string]

const engineErrors: Record<EngineErrorCode, Row> = {
  UnknownKind: [404, "ENG_KIND_001", "There is no such kind of actor."],
  UnknownCommand: [404, "ENG_CMD_001", "This kind of actor has no such command."],
  UnknownVersion: [422, "ENG_CMD_002", "The command has a version that no node knows."],
  MalformedAddress: [400, "ENG_ADDR_001", "The actor's address is not valid."],
  MalformedCommand: [400, "ENG_CMD_003", "The command's fields are not valid."],
  MalformedEnvelope: [400, "ENG_CMD_004", "The command's envelope is not valid."],
  PayloadTooLarge: [413, "ENG_LIM_001", "The command is too large."],
  RecordTooLarge: [413, "ENG_LIM_002", "What the command leads to is too large to be stored."],
  TooManyTimers: [429, "ENG_LIM_003", "The actor has as many timers as it may have."],
  MailboxFull: [503, "ENG_LOAD_001", "The mailbox is full; try again later."],
  Overloaded: [503, "ENG_LOAD_002", "The node is busy; try again later."],
  Unavailable: [503, "ENG_AVL_001", "The store cannot be reached; try again later."],
  AcceptanceUnknown: [
    503,
    "ENG_AVL_002",
    "Whether the command was stored is unknown; repeat it with its Idempotency-Key.",
  ],
  ReplyTimeout: [
    503,
    "ENG_AVL_003",
    "The command is stored, its answer is late; ask again with its Idempotency-Key.",
  ],
  Draining: [503, "ENG_AVL_004", "This node is shutting down; try again."],
  ActorFailed: [500, "ENG_FAIL_001", "The actor failed on this command, which is kept as a dead letter."],
  PartitionHalted: [500, "ENG_FAIL_002", "The actor's partition is halted; see /health."],
}

type RejectionTag = RejectionOf<
  | typeof AgentProtocol
  | typeof AlertDeskProtocol
  | typeof CepRuleProtocol
  | typeof ChatSessionProtocol
  | typeof LockProtocol
  | typeof NotificationProtocol
  | typeof OpsPlanProtocol
  | typeof TaskProtocol
>["_tag"]

const rejections: Record<RejectionTag, Row> = {
  AgentUnknown: [404, "AGT_REG_001", "There is no such agent."],
  AgentBusy: [429, "AGT_LOAD_001", "The agent is busy; try again later."],
  AgentExists: [409, "AGT_REG_003", "There is an agent of this id."],
  AgentArchived: [422, "AGT_REG_004", "The agent is archived."],
  AgentVersionConflict: [412, "AGT_REG_005", "The agent was changed meanwhile; read it again."],
  AgentMoveRefused: [422, "AGT_LIFE_001", "The agent cannot go to that status from its own."],
  AlertUnknown: [404, "CEP_ALERT_001", "There is no such alert."],
  AlertOver: [409, "CEP_ALERT_002", "The alert is over."],
  QuietUnknown: [404, "CEP_QUIET_001", "There is no such silence, planned work or inhibition."],
  BadGrouping: [422, "CEP_GROUP_001", "How alerts are grouped and repeated is not valid."],
  GroupingConflict: [412, "CEP_GROUP_002", "How alerts are grouped was changed meanwhile; read it again."],
  QuietConflict: [
    412,
    "CEP_QUIET_003",
    "The silence, planned work or inhibition was changed meanwhile; read it again.",
  ],
  BadQuiet: [422, "CEP_QUIET_002", "The silence, planned work or inhibition is not valid."],
  TooMany: [429, "CEP_LIM_001", "There are as many as there may be; details name the limit."],
  RuleUnknown: [404, "CEP_RULE_001", "There is no such rule."],
  BadRule: [422, "CEP_RULE_002", "The rule is not valid."],
  RuleConflict: [412, "CEP_RULE_003", "The rule was changed meanwhile; read it again."],
  RuleVersionUnknown: [404, "CEP_RULE_004", "This version of the rule is not kept."],
  SessionUnknown: [404, "CHT_SES_001", "There is no such session."],
  SessionTaken: [409, "CHT_SES_002", "The session exists with another agent or owner."],
  TurnInProgress: [409, "CHT_SES_003", "An answer is under way; wait for its end or stop it."],
  NotHolder: [409, "LCK_HOLD_001", "You do not hold this lock."],
  AlreadyAcquiring: [409, "LCK_HOLD_002", "This owner holds or awaits the lock already."],
  QueueFull: [429, "LCK_LOAD_001", "Too many wait for this lock."],
  DeliveryOver: [409, "CEP_CHAN_007", "This delivery is over."],
  TooManyTests: [
    429,
    "CEP_CHAN_006",
    "Too many tests of this channel are under way; try again when they are over.",
  ],
  PlanUnknown: [404, "OPS_PLAN_001", "There is no such plan."],
  PlanTaken: [409, "OPS_PLAN_002", "The plan exists with another question."],
  TooManyWaiting: [429, "OPS_LOAD_001", "Too many wait for this plan."],
  TaskUnknown: [404, "TSK_TASK_001", "There is no such task."],
  TaskTaken: [409, "TSK_TASK_002", "The task exists with another agent or message."],
  TaskMovedOn: [409, "TSK_TASK_005", "This message made a task that was gone on with since."],
  TaskEnded: [409, "TSK_TASK_003", "The task has ended."],
  TaskAtWork: [409, "TSK_TASK_004", "The agent is at work and asked nothing; wait or cancel the task."],
  TaskTooLong: [422, "TSK_LIM_001", "The task holds as much as it may; begin another one in its context."],
  TooManyPushes: [429, "TSK_LIM_002", "The task has as many receivers as it may have."],
}

/** What engine errors and rejections become, by code. */
export const errorRows: ReadonlyMap<string, readonly [status: number, message: string]> = new Map(
  ([...Object.values(engineErrors), ...Object.values(rejections)] as ReadonlyArray<Row>).map(
    ([status, code, message]) => [code, [status, message]],
  ),
)

/** A kind that this table does not know: understood, and refused. */
const otherRejection = (kind: string): Row => [
  422,
  `${kind.replaceAll("-", "_").toUpperCase()}_REJECTED`,
  "The actor refused the command.",
]

/** `encoded` is the rejection as it is on the wire. */
export const rejectionError = (kind: string, encoded: { readonly _tag: string }): GatewayError => {
  const { _tag, ...fields } = encoded
  const [status, code, message] = Object.hasOwn(rejections, _tag)
    ? rejections[_tag as RejectionTag]
    : otherRejection(kind)
  return new GatewayError(status, code, message, { rejection: _tag, ...fields })
}

export const engineError = (error: {
  readonly code: EngineErrorCode
  readonly detail: string
  readonly limit?: string | undefined
  readonly accepted?: boolean | undefined
  readonly retryAfterMs?: number | undefined
}): GatewayError => {
  const [status, code, message] = engineErrors[error.code] ?? engineErrors.ActorFailed
  const { limit, accepted, retryAfterMs } = error
  return new GatewayError(
    status,
    code,
    message,
    {
      reason: error.detail,
      ...(limit === undefined ? {} : { limit }),
      ...(accepted === undefined ? {} : { accepted }),
    },
    retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1_000)),
  )
}

/** Of a service over users' data. */
const refusalStatus: Record<RefusalReason, number> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  stale: 412,
  invalid: 422,
  limit: 429,
  upstream: 502,
  unavailable: 503,
  timeout: 504,
}

const isSqlError = (failure: unknown): boolean =>
  typeof failure === "object" && failure !== null && "_tag" in failure && failure._tag === "SqlError"

/** Total: what is none of the known errors is a defect, whose text stays inside. */
export const toGatewayError = (failure: unknown): GatewayError => {
  if (failure instanceof GatewayError) return failure
  if (failure instanceof Refused)
    return new GatewayError(
      refusalStatus[failure.reason],
      failure.code,
      failure.text,
      failure.details,
      failure.retryAfterSeconds,
    )
  if (failure instanceof EngineError) return engineError(failure)
  if (failure instanceof Unavailable) return engineError({ code: "Unavailable", detail: failure.detail })
  if (failure instanceof LogFull) return engineError({ code: "MailboxFull", detail: failure.detail })
  if (isSqlError(failure))
    return new GatewayError(503, "GTW_SQL_001", "The database cannot answer now; try again later.")
  if (failure instanceof Rejected)
    return rejectionError(failure.to.split("/")[1] ?? "actor", failure.rejection)
  return new GatewayError(500, "GTW_FAIL_001", "The gateway failed on this request.")
}

/** The body that every error has. Source: seed 0 §9.1. */
export const errorBody = (error: GatewayError, traceId: string): string =>
  JSON.stringify({
    error: {
      code: error.code,
      message: error.message,
      details: error.details,
      timestamp: new Date().toISOString(),
      trace_id: traceId,
    },
  })

/** The same for endpoints with the `v2` envelope. Source: seed 2 §3.2, with the details and the trace. */
export const envelopedErrorBody = (
  error: GatewayError,
  { requestId, traceId }: { readonly requestId: string; readonly traceId: string },
): string =>
  JSON.stringify({
    success: false,
    data: null,
    error: error.message,
    error_code: error.code,
    details: error.details,
    request_id: requestId,
    trace_id: traceId,
    timestamp: new Date().toISOString(),
  })

const openaiType = (status: number): string => {
  if (status === 401) return "authentication_error"
  if (status === 403) return "permission_error"
  if (status === 429) return "rate_limit_error"
  return status >= 500 ? "server_error" : "invalid_request_error"
}

/** The same for endpoints that OpenAI's clients call; the trace is in the headers. Source: OpenAI's API reference, errors. */
export const openaiErrorBody = ({ status, code, message, details }: GatewayError): string => {
  const { field, reason } = details
  const text = typeof reason === "string" ? `${message} ${reason}` : message
  const param = typeof field === "string" ? field : null
  return JSON.stringify({ error: { message: text, type: openaiType(status), param, code } })
}
