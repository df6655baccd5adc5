/** What goes wrong between us and a provider, sorted by what follows from it: blame, retry, fall-back, answer. */
import { APIConnectionTimeoutError, APIError } from "openai"
import { EgressRefused } from "../egress/refused.ts"
import { type RefusalReason, Refused } from "../refusal.ts"
import { maskText } from "../tracing/masking.ts"
import { llmLimits } from "./limits.ts"
import { retryAfterMs } from "./retry.ts"

/**
 * `caller`: the request itself is at fault. `configuration`: our key, address or model name is wrong. `limited`: the
 * provider takes no more for now. The others are the provider's or the network's fault.
 */
export type FailureKind = "caller" | "configuration" | "limited" | "upstream" | "timeout" | "malformed"

export interface FailureMore {
  readonly status?: number | undefined
  readonly retryable?: boolean
  readonly retryAfterMs?: number | undefined
  /** The parameter that the provider names. */
  readonly param?: string | undefined
}

export class UpstreamFailure extends Error {
  readonly _tag = "UpstreamFailure"
  readonly kind: FailureKind
  readonly more: FailureMore

  /** `detail` may be a provider's words: it is masked and bounded here. */
  constructor(kind: FailureKind, detail: string, more: FailureMore = {}) {
    super(maskText(detail).slice(0, llmLimits.detailMax))
    this.kind = kind
    this.more = more
  }

  /** Whether the provider may have worked on it all the same; one that answers 408 has not even read it. */
  get fateUnknown(): boolean {
    return this.kind === "timeout" && this.more.status !== 408
  }

  /** Whether the provider showed that it cannot serve now; what callers or our settings did wrong shows nothing. */
  get tripsBreaker(): boolean {
    return this.kind === "upstream" || this.kind === "timeout" || this.kind === "malformed"
  }
}

const kindOfStatus = (status: number): { readonly kind: FailureKind; readonly retryable: boolean } => {
  if (status === 401 || status === 403 || status === 404 || status === 405)
    return { kind: "configuration", retryable: false }
  if (status === 408 || status === 504) return { kind: "timeout", retryable: true }
  if (status === 409 || status === 425) return { kind: "limited", retryable: true }
  if (status === 429) return { kind: "limited", retryable: true }
  if (status >= 500) return { kind: "upstream", retryable: status !== 501 && status !== 505 }
  return status >= 400 ? { kind: "caller", retryable: false } : { kind: "malformed", retryable: false }
}

/** What a provider's answer with this status means. `code` is the provider's own. */
export const failureOfStatus = (
  status: number,
  detail: string,
  headers: Headers | undefined,
  more: { readonly code?: string | null | undefined; readonly param?: string | null | undefined } = {},
): UpstreamFailure => {
  // The account has no money: waiting does not help.
  const exhausted = status === 429 && more.code === "insufficient_quota"
  const { kind, retryable } = exhausted
    ? { kind: "configuration" as const, retryable: false }
    : kindOfStatus(status)
  return new UpstreamFailure(kind, detail, {
    status,
    retryable,
    retryAfterMs: retryAfterMs(headers, Date.now()),
    ...(more.param == null ? {} : { param: more.param }),
  })
}

const egressCause = (failure: unknown): EgressRefused | undefined => {
  let cause = failure
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    if (cause instanceof EgressRefused) return cause
    cause = cause.cause
  }
  return undefined
}

const ofEgress = (refused: EgressRefused): UpstreamFailure => {
  switch (refused.problem) {
    case "size":
      return new UpstreamFailure("malformed", refused.message)
    case "time":
      return new UpstreamFailure("timeout", refused.message)
    case "name":
      return new UpstreamFailure("upstream", refused.message, { retryable: true })
    default:
      return new UpstreamFailure("configuration", refused.message)
  }
}

/** Whatever a provider's client threw. */
export const toUpstreamFailure = (failure: unknown): UpstreamFailure => {
  if (failure instanceof UpstreamFailure) return failure
  const refused = egressCause(failure)
  if (refused !== undefined) return ofEgress(refused)
  if (failure instanceof APIConnectionTimeoutError)
    return new UpstreamFailure("timeout", "no answer in time", { retryable: true })
  if (failure instanceof APIError && typeof failure.status === "number")
    return failureOfStatus(failure.status, failure.message, failure.headers, failure)
  if (failure instanceof SyntaxError) return new UpstreamFailure("malformed", "the answer is not valid JSON")
  const text = failure instanceof Error ? failure.message : String(failure)
  return new UpstreamFailure("upstream", text, { retryable: true })
}

type Row = readonly [reason: RefusalReason, code: string, text: string]

const rows: Record<FailureKind, Row> = {
  caller: ["malformed", "LLM_CALL_002", "The model's provider refused the request."],
  configuration: [
    "upstream",
    "LLM_CALL_003",
    "The model is not set up rightly; an administrator has to look.",
  ],
  limited: ["unavailable", "LLM_CALL_004", "The model's provider takes no more calls now; try again later."],
  upstream: ["upstream", "LLM_CALL_001", "The model's provider failed."],
  malformed: ["upstream", "LLM_CALL_001", "The model's provider answered something that is no answer."],
  timeout: ["timeout", "LLM_CALL_005", "The model did not answer in time."],
}

const retryAfter = (kind: FailureKind, milliseconds: number | undefined) => {
  if (milliseconds !== undefined) return { retryAfterSeconds: Math.max(1, Math.ceil(milliseconds / 1_000)) }
  return kind === "limited" ? { retryAfterSeconds: 5 } : {}
}

/** What the caller is told. Only a caller's own fault is told in the provider's words: others may show our set-up. */
export const toRefused = (failure: UpstreamFailure, model: string, started: boolean): Refused => {
  const [reason, code, text] = rows[failure.kind]
  const { status, param } = failure.more
  return new Refused({
    reason,
    code: started ? "LLM_CALL_008" : code,
    text: started ? "The answer broke off; what was sent is all there is." : text,
    details: {
      model,
      ...(status === undefined ? {} : { upstream_status: status }),
      ...(failure.kind === "caller" ? { reason: failure.message } : {}),
      ...(param === undefined ? {} : { field: param }),
    },
    ...retryAfter(failure.kind, failure.more.retryAfterMs),
  })
}
