/**
 * The card that says how a remote A2A agent is spoken to. An agent's endpoint may be the card's own address, the base
 * below which the card is, or the address that takes JSON-RPC.
 */
import type { AgentCard } from "@a2a-js/sdk"
import { DefaultAgentCardResolver } from "@a2a-js/sdk/client"
import { under } from "../remote/address.ts"
import { RemoteFailure } from "../remote/failure.ts"

export const legacyCompat = { enabled: true }
const resolver = new DefaultAgentCardResolver({ legacyCompat })
const wellKnown = "/.well-known/agent-card.json"
/** Where the first releases of the protocol had it. */
const wellKnownBefore = "/.well-known/agent.json"

const isCardAddress = ({ pathname }: URL): boolean => pathname.endsWith(".json")

const sameAddress = (one: string, other: string): boolean =>
  one.replace(/\/+$/, "") === other.replace(/\/+$/, "")

/** A card at the origin may be another agent's there. */
const speaksFor = (card: AgentCard, endpoint: URL): boolean =>
  card.supportedInterfaces.some(({ url }) => sameAddress(url, endpoint.href))

const candidatesOf = (endpoint: URL) => {
  if (isCardAddress(endpoint)) return [{ url: endpoint, isOwn: true }]
  const isRoot = endpoint.pathname === "/"
  const own = [wellKnown, wellKnownBefore].map((path) => ({ url: under(endpoint, path), isOwn: true }))
  return isRoot ? own : [...own, { url: new URL(wellKnown, endpoint), isOwn: false }]
}

const cardOf = (text: string): AgentCard | undefined => {
  try {
    const card = resolver.normalizeAgentCard(JSON.parse(text))
    const interfaces: unknown = card?.supportedInterfaces
    const isCard =
      Array.isArray(interfaces) && interfaces.length > 0 && interfaces.every((one) => URL.canParse(one?.url))
    return isCard ? card : undefined
  } catch {
    return undefined
  }
}

/** Undefined when there is none: the endpoint itself has to take JSON-RPC then. Rejects as `send` does. */
export const findCard = async (
  endpoint: URL,
  open: (url: URL, init?: RequestInit) => Promise<Response>,
): Promise<AgentCard | undefined> => {
  for (const { url, isOwn } of candidatesOf(endpoint)) {
    const response = await open(url, { headers: { accept: "application/json", "a2a-version": "1.0" } })
    const card = response.ok ? cardOf(await response.text()) : undefined
    if (!response.ok) await response.body?.cancel()
    if (response.status >= 500 || response.status === 429)
      throw new RemoteFailure("AgentFailed", `the agent's card: it answered ${response.status}`, {
        mayRetry: true,
      })
    if (response.status === 401 || response.status === 403)
      throw new RemoteFailure("AgentRefused", `the agent's card: it answered ${response.status}`)
    if (card !== undefined && (isOwn || speaksFor(card, endpoint))) return card
  }
  if (isCardAddress(endpoint))
    throw new RemoteFailure("AgentMalformed", "there is no agent card at the endpoint")
  return undefined
}

/** For an agent without a card: its endpoint takes JSON-RPC, and it is not known to stream. */
export const assumedCard = (endpoint: URL, protocolVersion: "1.0" | "0.3"): AgentCard => ({
  name: "",
  description: "",
  version: "",
  provider: undefined,
  capabilities: { streaming: false, pushNotifications: false, extensions: [], extendedAgentCard: false },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: [],
  defaultOutputModes: [],
  skills: [],
  signatures: [],
  supportedInterfaces: [{ url: endpoint.href, protocolBinding: "JSONRPC", tenant: "", protocolVersion }],
})
