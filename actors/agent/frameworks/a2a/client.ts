/** The protocol's own client, whose every request takes our way out, and what its failures mean. */
import type { AgentCard } from "@a2a-js/sdk"
import { type Client, ClientFactory, JsonRpcTransportFactory, RestTransportFactory } from "@a2a-js/sdk/client"
import { A2AError } from "@a2a-js/sdk/errors"
import { EgressRefused } from "../../../../resources/index.ts"
import type { Exchange } from "../remote/exchange.ts"
import { causesOf, RemoteFailure, remoteFailureOf } from "../remote/failure.ts"
import { legacyCompat } from "./card.ts"

export const clientOf = (card: AgentCard, exchange: Exchange): Promise<Client> => {
  const fetchImpl = ((url: string | URL, init?: RequestInit) => exchange.send(url, init)) as typeof fetch
  const transports = [
    new JsonRpcTransportFactory({ fetchImpl, legacyCompat }),
    new RestTransportFactory({ fetchImpl, legacyCompat }),
  ]
  return new ClientFactory({ transports }).createFromAgentCard(card)
}

interface WireError {
  readonly envelopeCode?: unknown
  readonly errorResponse?: { readonly error?: { readonly code?: unknown } }
}
const wireCode = (error: Error): unknown => {
  const { envelopeCode, errorResponse } = error as WireError
  return envelopeCode ?? errorResponse?.error?.code
}

const methodNotFound = -32601
const internalError = -32603

/** The other side speaks another version of the protocol. */
export class SpeaksOtherwise extends RemoteFailure {}

/** Whatever the client threw. */
export const a2aFailureOf = (thrown: unknown, quote: Exchange["quote"]): RemoteFailure => {
  const causes = causesOf(thrown)
  const spoken = causes.find((cause) => cause instanceof A2AError)
  if (spoken !== undefined) {
    const code = wireCode(spoken)
    const detail = `the agent says: ${quote(spoken.message)}`
    if (code === methodNotFound) return new SpeaksOtherwise("AgentRefused", detail, { alive: true })
    return new RemoteFailure(code === internalError ? "AgentFailed" : "AgentRefused", detail, { alive: true })
  }
  const isTransport = causes.some(
    (cause) =>
      cause instanceof RemoteFailure ||
      cause instanceof EgressRefused ||
      cause instanceof SyntaxError ||
      cause.message === "terminated" ||
      typeof (cause as { readonly code?: unknown }).code === "string",
  )
  return isTransport
    ? remoteFailureOf(thrown, true)
    : new RemoteFailure("AgentMalformed", "the agent's answer is not of the protocol")
}
