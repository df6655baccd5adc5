/**
 * How the methods `agent.*` fail: what JSON-RPC has codes for by those, all else by codes of the server's own. `data` has
 * the stable code that every protocol here gives, and in `details` what is wrong and what to do about it.
 * Source: seed 0 §3.3, https://www.jsonrpc.org/specification#error_object
 */
import { type GatewayError, toGatewayError } from "../errors.ts"
import { JsonRpcFailure, jsonRpcCodes } from "../json-rpc-failure.ts"

/** These are part of the API. */
export const seedErrors = {
  notFound: [-32_001, "Not found"],
  forbidden: [-32_002, "Forbidden"],
  archived: [-32_003, "Agent archived"],
  busy: [-32_004, "Busy"],
  agentFailed: [-32_005, "Agent failed"],
  conflict: [-32_006, "Conflict"],
  unavailable: [-32_007, "Unavailable"],
  canceled: [-32_008, "Canceled"],
} as const

type SeedError = keyof typeof seedErrors

const seedFailure = (error: SeedError, data: Readonly<Record<string, unknown>>): JsonRpcFailure => {
  const [code, message] = seedErrors[error]
  return new JsonRpcFailure(code, message, data)
}

export const invalidParams = (details: string, more: Readonly<Record<string, unknown>> = {}) =>
  new JsonRpcFailure(jsonRpcCodes.invalidParams, "Invalid params", { ...more, details })

/** More is known of these than their status. */
const byCode: Readonly<Record<string, SeedError>> = { AGT_REG_004: "archived", AGT_ANS_002: "canceled" }

const byStatus: Readonly<Record<number, SeedError>> = {
  401: "forbidden",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  412: "conflict",
  429: "busy",
  502: "agentFailed",
  503: "unavailable",
  504: "agentFailed",
}

const sentence = ({ message, details: { reason, remedy } }: GatewayError): string =>
  [message, reason, remedy].filter((part) => typeof part === "string").join(" ")

/** Total: what nobody knows is an internal error, whose text stays inside. */
export const seedFailureOf = (failure: unknown): JsonRpcFailure => {
  if (failure instanceof JsonRpcFailure) return failure
  const error = toGatewayError(failure)
  const { status, code, details } = error
  const data = { ...details, code, details: sentence(error) }
  const known = byCode[code] ?? byStatus[status]
  if (known !== undefined) return seedFailure(known, data)
  return status < 500
    ? new JsonRpcFailure(jsonRpcCodes.invalidParams, "Invalid params", data)
    : new JsonRpcFailure(jsonRpcCodes.internalError, "Internal error", data)
}
