/** What goes wrong between us and an agent that runs elsewhere, sorted by what follows from it: blame, retry, breaker. */
import { ActivityFailure } from "../../../../engine/index.ts"
import { type BreakerOutcome, EgressRefused } from "../../../../resources/index.ts"

/** Stable: clients see them. What each says of the agent's service decides whether it is left alone for a while. */
const verdicts = {
  AgentSettingsInvalid: "unknown",
  AgentEgressRefused: "unknown",
  AgentBreakerOpen: "unknown",
  AgentUnreachable: "failure",
  AgentTimeout: "failure",
  /** It answered 4xx, or says in its own protocol that it will not. */
  AgentRefused: "success",
  /** It answered 5xx, or says in its own protocol that it could not. */
  AgentFailed: "failure",
  AgentMalformed: "failure",
  AgentBrokeOff: "failure",
  AgentAnswerTooLong: "success",
} as const satisfies Record<string, BreakerOutcome>
export type RemoteCode = keyof typeof verdicts

export interface RemoteFailureMore {
  /** Another try may help, and the agent has not worked on this one. */
  readonly mayRetry?: boolean
  readonly retryAfterMs?: number | undefined
  /** The agent's service did its part: it is no reason to leave it alone. */
  readonly alive?: boolean
}

/** `detail` holds neither the credential nor words of the agent that were not masked: see `Exchange.quote`. */
export class RemoteFailure extends Error {
  readonly _tag = "RemoteFailure"
  readonly code: RemoteCode
  readonly more: RemoteFailureMore

  constructor(code: RemoteCode, detail: string, more: RemoteFailureMore = {}) {
    super(detail)
    this.code = code
    this.more = more
  }

  get verdict(): BreakerOutcome {
    return this.more.alive === true ? "success" : verdicts[this.code]
  }
}

/** Tries that can help were made already, so the engine is not to make more of them. */
export const activityFailureOf = ({ code, message }: RemoteFailure): ActivityFailure =>
  new ActivityFailure({ code, detail: message, retryable: false })

const unreachable = (detail: string) => new RemoteFailure("AgentUnreachable", detail, { mayRetry: true })

/** The address that a name led to stays out of it: it would map the network inside for whoever may set up agents. */
const ofEgress = ({ problem, host, message, remedy }: EgressRefused): RemoteFailure => {
  switch (problem) {
    case "name":
      return unreachable(message)
    case "time":
      return new RemoteFailure("AgentTimeout", message)
    case "size":
      return new RemoteFailure("AgentAnswerTooLong", message)
    case "address":
      return new RemoteFailure("AgentEgressRefused", `${host} may not be reached from here; ${remedy}`)
    default:
      return new RemoteFailure("AgentEgressRefused", message)
  }
}

const notConnected = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
])
const notHttp = /^(?:HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RESPONSE)/
const notTrusted = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** What was thrown and what it came from. */
export const causesOf = (thrown: unknown): ReadonlyArray<Error> => {
  const causes: Array<Error> = []
  for (let cause = thrown; cause instanceof Error && causes.length < 5; cause = cause.cause)
    causes.push(cause)
  return causes
}

/** Whatever the way out threw. Its own words stay here: they may quote what was sent. */
export const remoteFailureOf = (thrown: unknown, begun: boolean): RemoteFailure => {
  const causes = causesOf(thrown)
  for (const cause of causes) {
    if (cause instanceof RemoteFailure) return cause
    if (cause instanceof EgressRefused) return ofEgress(cause)
    if (cause instanceof SyntaxError)
      return new RemoteFailure("AgentMalformed", "its answer is not valid JSON")
  }
  const code = causes.map((cause) => (cause as { readonly code?: unknown }).code).find(Boolean)
  const known = typeof code === "string" ? code : ""
  if (notConnected.has(known)) return unreachable(`no connection could be made (${known})`)
  if (notTrusted.test(known))
    return new RemoteFailure("AgentUnreachable", `its certificate is not trusted (${known})`)
  if (notHttp.test(known) || causes.some(({ name }) => name === "HTTPParserError"))
    return new RemoteFailure("AgentMalformed", "its answer is not HTTP")
  if (causes.some(({ message }) => message === "bad port"))
    return new RemoteFailure(
      "AgentEgressRefused",
      "its port is one that no web client calls; use another one",
    )
  return new RemoteFailure(
    "AgentBrokeOff",
    begun
      ? "the agent broke off in the middle of its answer"
      : "the agent closed the connection before it answered",
  )
}
