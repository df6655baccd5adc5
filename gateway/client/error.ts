/** The one error that the client throws, whatever went wrong: what a gateway refused, and what never reached one. */

/** Codes of failures on this side; all others are the gateway's. Part of the API. */
export const clientErrors = {
  /** No connection, or it broke. */
  network: "CLT_NET_001",
  timeout: "CLT_NET_002",
  /** The answer is not what a gateway sends: a proxy's page, JSON that is cut off, more than `answerBytesMax`. */
  answer: "CLT_NET_003",
  /** A stream broke and cannot be resumed, or brought nothing however often it was opened again. */
  stream: "CLT_NET_004",
  /** The call is not complete; nothing was sent. */
  input: "CLT_CALL_001",
  /** Too many messages wait already. */
  full: "CLT_CALL_002",
  /** The session has ended: log in again. */
  signedOut: "CLT_AUTH_001",
} as const

export interface ErrorParts {
  /** Of HTTP; 0 when there was no answer. */
  readonly status?: number
  readonly code: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly traceId?: string | undefined
  readonly requestId?: string | undefined
  readonly retryAfterSeconds?: number | undefined
  readonly cause?: unknown
}

export class MillraceError extends Error {
  override readonly name = "MillraceError"
  readonly status: number
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
  readonly traceId: string | undefined
  readonly requestId: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? {} : { cause: parts.cause })
    this.status = parts.status ?? 0
    this.code = parts.code
    this.details = parts.details ?? {}
    this.traceId = parts.traceId
    this.requestId = parts.requestId
    this.retryAfterSeconds = parts.retryAfterSeconds
  }
}

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** Units: seconds. Source: RFC 9110 §10.2.3, which allows a date as well. */
const retryAfter = (header: string | null, now: number): number | undefined => {
  if (header === null) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header)
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1_000))
}

/** Both shapes: an object under `error` (seed 0 §9.1), or a text with `error_code` beside it (seed 2 §3.2). */
const partsOf = (body: unknown): Partial<ErrorParts> => {
  if (!isObject(body)) return {}
  const inner = isObject(body.error) ? body.error : body
  const code = textOf(inner.code) ?? textOf(inner.error_code)
  const message = textOf(inner.message) ?? textOf(inner.error)
  return {
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    ...(isObject(inner.details) ? { details: inner.details } : {}),
    traceId: textOf(inner.trace_id),
    requestId: textOf(inner.request_id),
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The error that an answer tells of; one that no gateway wrote has the code `clientErrors.answer`. */
export const errorOfAnswer = (status: number, headers: Headers, text: string, now: number): MillraceError => {
  const parts = partsOf(parsed(text))
  return new MillraceError({
    status,
    code: parts.code ?? clientErrors.answer,
    message: parts.message ?? `The answer has the status ${status} and no error that is known.`,
    details: parts.details ?? {},
    traceId: parts.traceId ?? headers.get("traceparent")?.split("-")[1],
    requestId: parts.requestId ?? headers.get("x-request-id") ?? undefined,
    retryAfterSeconds: retryAfter(headers.get("retry-after"), now),
  })
}

/** Whether the same may well succeed later. */
export const isPassing = (failure: unknown): failure is MillraceError =>
  failure instanceof MillraceError &&
  (failure.status === 429 ||
    failure.status >= 500 ||
    failure.code === clientErrors.network ||
    failure.code === clientErrors.timeout)
