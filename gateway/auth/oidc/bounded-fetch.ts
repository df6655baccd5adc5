/**
 * Requests to the identity provider: timed, bounded, and never redirected. The provider's address is the operator's own
 * setting and often one of a private network, so that the guard of what users may have fetched does not apply here.
 */
import { GatewayError } from "../../errors.ts"
import { oidcLimits } from "./limits.ts"

export const providerFailed = (reason: string) =>
  new GatewayError(502, "USR_SSO_005", "The identity provider did not answer as it should.", {
    reason,
    remedy: "try again; if it stays so, check OIDC_ISSUER and the provider",
  })

const boundedBytes = async (response: Response): Promise<Uint8Array<ArrayBuffer>> => {
  const pieces: Array<Uint8Array> = []
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    if (bytes > oidcLimits.answerBytesMax) throw providerFailed("its answer is too large")
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** Rejects with `USR_SSO_005`. The answer's body has been read. */
export const fetchProvider = async (url: string, init: RequestInit = {}): Promise<Response> => {
  try {
    const signal = AbortSignal.timeout(oidcLimits.requestMs)
    const response = await fetch(url, { ...init, redirect: "error", signal })
    return new Response(await boundedBytes(response), { status: response.status, headers: response.headers })
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw providerFailed(
      cause instanceof Error && cause.name === "TimeoutError" ? "it took too long" : "it cannot be reached",
    )
  }
}

/** Rejects with `USR_SSO_005` unless the answer is an object in JSON. */
export const jsonObject = async (response: Response): Promise<Readonly<Record<string, unknown>>> => {
  const value: unknown = await response.json().catch(() => undefined)
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>
  throw providerFailed(`its answer is no JSON object; status ${response.status}`)
}
