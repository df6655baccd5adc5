/**
 * Agents as their cards describe them. The card that everybody may read says of the default agent what it is and how to
 * come in; who is logged in is shown more. Source: A2A 1.0 §4.4, §8.
 */
import { createHash } from "node:crypto"
import { AgentCard } from "@a2a-js/sdk"
import { builtinAgents } from "../../actors/index.ts"
import type { AgentDescriptor, AgentView } from "../../schemas/index.ts"
import { productVersion } from "../product-version.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import type { HeaderSet } from "../web-policy.ts"
import { inputModes, outputModes } from "./message.ts"
import type { Version } from "./versions.ts"

/** Who answers at the addresses that name no agent. */
export const defaultAgent = "guide"
/** The methods `agent.*`, which the same address takes. */
export const seedExtension = "urn:millrace:a2a:agent-methods:1"

/** Where people reach the node; where nobody said, at the name that the client used. */
export const baseUrl = ({ login }: GatewayServices, { http }: GatewayRequest): string => {
  const { host, "x-forwarded-proto": forwarded } = http.env.incoming.headers
  const base = login.publicUrl ?? `${forwarded === "https" ? "https" : "http"}://${host || "localhost"}`
  return base.replace(/\/$/, "")
}

/** Addresses of one agent; of the default one without `agent`. */
const interfacesOf = (base: string, agent: string | undefined) => {
  const [rpc, rest] =
    agent === undefined
      ? [`${base}/a2a`, base]
      : [`${base}/a2a/agents/${agent}`, `${base}/a2a/agents/${agent}/rest`]
  return (["1.0", "0.3"] as const).flatMap((protocolVersion) => [
    { url: rpc, protocolBinding: "JSONRPC", tenant: "", protocolVersion },
    { url: rest, protocolBinding: "HTTP+JSON", tenant: "", protocolVersion },
  ])
}

const skillOf = ({ id, name, description, tags = [], examples = [] }: AgentDescriptor["skills"][number]) => ({
  id,
  name,
  description,
  tags: tags.length === 0 ? [id] : [...tags],
  examples: [...examples],
  inputModes: [],
  outputModes: [],
  securityRequirements: [],
})

const bearer = {
  scheme: {
    $case: "httpAuthSecurityScheme" as const,
    value: { description: "What the login gives, or an API key.", scheme: "Bearer", bearerFormat: "" },
  },
}

/** A login that is not protected on its way, as in development, is not recommended to anybody. */
const securityOf = ({ login }: GatewayServices): AgentCard["securitySchemes"] => {
  const issuer = login.issuer()
  if (!issuer.startsWith("https:")) return { bearer }
  const value = {
    description: "The login of this deployment.",
    openIdConnectUrl: `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
  }
  return { bearer, openId: { scheme: { $case: "openIdConnectSecurityScheme", value } } }
}

export interface Described extends AgentDescriptor {
  /** Undefined: the default one, at the addresses that name none. */
  readonly agent: string | undefined
}

const cardOf = (services: GatewayServices, base: string, described: Described): AgentCard => {
  const { agent, name, description, agentVersion, skills } = described
  const shown = skills.map(skillOf)
  const securitySchemes = securityOf(services)
  return {
    name,
    description: description === "" ? name : description,
    supportedInterfaces: interfacesOf(base, agent),
    provider: { organization: "Millrace", url: base },
    version: agentVersion ?? productVersion(),
    documentationUrl: `${base}/api/docs`,
    capabilities: {
      streaming: true,
      pushNotifications: true,
      extendedAgentCard: true,
      extensions:
        agent === undefined
          ? [
              {
                uri: seedExtension,
                description:
                  "agent.register, agent.execute, agent.status, agent.capabilities and agent.transfer.",
                required: false,
                params: undefined,
              },
            ]
          : [],
    },
    securitySchemes,
    securityRequirements: Object.keys(securitySchemes).map((name) => ({ schemes: { [name]: { list: [] } } })),
    defaultInputModes: [...inputModes],
    defaultOutputModes: [...outputModes],
    skills: shown.length > 0 ? shown : [skillOf({ id: "answer", name, description: description || name })],
    signatures: [],
  }
}

export const publicCard = (services: GatewayServices, request: GatewayRequest): AgentCard =>
  cardOf(services, baseUrl(services, request), { ...builtinAgents[defaultAgent]!, agent: undefined })

/** Of an agent that the caller may use. */
export const agentCard = (services: GatewayServices, request: GatewayRequest, view: AgentView): AgentCard =>
  cardOf(services, baseUrl(services, request), {
    ...view,
    agent: view.agent,
  })

/** With what only those who may use it are told; of the default agent also the agents that the caller may use. */
export const extendedCard = (
  services: GatewayServices,
  request: GatewayRequest,
  view: AgentView,
  at: { readonly isDefault: boolean; readonly others: ReadonlyArray<AgentView> },
): AgentCard => {
  const card = cardOf(services, baseUrl(services, request), {
    ...view,
    agent: at.isDefault ? undefined : view.agent,
  })
  const examples = [...(view.examples ?? [])]
  const own = card.skills.map((skill, index) =>
    index === 0 ? { ...skill, examples: [...skill.examples, ...examples] } : skill,
  )
  const others = at.others
    .filter(({ agent }) => agent !== view.agent)
    .map(({ agent, name, description, skills }) =>
      skillOf({
        id: `agent.${agent}`,
        name,
        description: description || name,
        tags: ["agent", ...skills.map(({ id }) => id)].slice(0, 20),
      }),
    )
  return { ...card, skills: [...own, ...others] }
}

/** 0.3 named the same things otherwise. Source: A2A 0.3.0 §5.5. */
const legacyFields = (card: AgentCard) => {
  const legacy = card.supportedInterfaces.filter(({ protocolVersion }) => protocolVersion === "0.3")
  const [first, ...more] = legacy
  return {
    protocolVersion: "0.3.0",
    url: first!.url,
    preferredTransport: first!.protocolBinding,
    additionalInterfaces: [first!, ...more].map(({ url, protocolBinding }) => ({
      url,
      transport: protocolBinding,
    })),
    supportsAuthenticatedExtendedCard: card.capabilities?.extendedAgentCard === true,
    security: card.securityRequirements.map(({ schemes }) =>
      Object.fromEntries(Object.entries(schemes).map(([name, { list }]) => [name, list])),
    ),
  }
}

type SchemeJson = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const legacyScheme = (scheme: SchemeJson) => {
  const { httpAuthSecurityScheme: http, openIdConnectSecurityScheme: openId } = scheme
  if (http !== undefined) return { type: "http", ...http, scheme: String(http.scheme).toLowerCase() }
  return { type: "openIdConnect", ...openId }
}

type CardJson = Readonly<Record<string, unknown>> & {
  readonly securitySchemes: Readonly<Record<string, SchemeJson>>
}

/**
 * 1.0 for who asks for it. Who names no version may speak either, so that such a card has the fields of both, and what
 * has one name and two shapes is there in both.
 */
export const cardJson = (card: AgentCard, version: Version | undefined): unknown => {
  const json = AgentCard.toJSON(card) as CardJson
  if (version === "1.0") return json
  const schemes = Object.fromEntries(
    Object.entries(json.securitySchemes).map(([name, scheme]) => [
      name,
      version === undefined ? { ...legacyScheme(scheme), ...scheme } : legacyScheme(scheme),
    ]),
  )
  const both = { ...json, ...legacyFields(card), securitySchemes: schemes }
  if (version === undefined) return both
  const {
    supportedInterfaces: _1,
    securityRequirements: _2,
    ...legacy
  }: Readonly<Record<string, unknown>> = both
  return legacy
}

/** What a card says is the program's, or an agent's, which has its own tag. */
const startedAt = new Date().toUTCString()

/** A card may be kept for a while, and asked for again by its tag. Source: §8.6. */
export const cardHeaders = (body: string, isPublic: boolean): HeaderSet => ({
  ETag: `W/"${createHash("sha256").update(body).digest("hex").slice(0, 24)}"`,
  "Last-Modified": startedAt,
  "Cache-Control": `${isPublic ? "public" : "private"}, max-age=${isPublic ? 300 : 60}`,
  Vary: "A2A-Version, Authorization, Origin, Accept-Encoding",
})
