/** The parameters of the methods `agent.*`: which of them have to be there, and what each may be. Source: seed 0 §3.1, §3.4. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import {
  AgentProtocol,
  AgentRegistration,
  frameworkNamed,
  HandoverContext,
  HandoverTerms,
  Id,
  type PlainCodec,
} from "../../schemas/index.ts"
import { bodyDecoder, invalidFields, type JsonObject } from "../http/body.ts"
import { invalidParams } from "./seed-errors.ts"

/** Seed 0 has agents both as numbers and as texts. */
const AgentId = Schema.Union([Id, Schema.Int])

const Context = Schema.optionalKey(
  Schema.Struct({
    /** The conversation that the task belongs to, or that is transferred. */
    session_id: Schema.optionalKey(Id),
  }),
)

const { task, parameters } = AgentProtocol.commands.Execute.fields

export const seedParams = {
  "agent.register": AgentRegistration,
  "agent.execute": Schema.Struct({
    agent_id: AgentId,
    task,
    context: Context,
    parameters,
    stream: Schema.optionalKey(Schema.Boolean),
  }),
  "agent.status": Schema.Struct({ agent_id: AgentId }),
  "agent.capabilities": Schema.Struct({ agent_id: AgentId }),
  "agent.transfer": Schema.Struct({
    from_agent: AgentId,
    to_agent: AgentId,
    context: Context,
    reason: Schema.optionalKey(HandoverTerms.fields.reason),
    /** How much of the conversation the other agent gets. Default: all of it. */
    context_policy: Schema.optionalKey(HandoverContext),
    messages: HandoverTerms.fields.messages,
    summary: HandoverTerms.fields.summary,
  }),
} as const satisfies Readonly<Record<string, PlainCodec>>

export type SeedMethod = keyof typeof seedParams

export const isKnownSeedMethod = (method: string): method is SeedMethod => Object.hasOwn(seedParams, method)

/** In the order in which the seed names them. */
const required: Readonly<Record<SeedMethod, ReadonlyArray<string>>> = {
  "agent.register": ["name", "framework", "endpoint"],
  "agent.execute": ["agent_id", "task"],
  "agent.status": ["agent_id"],
  "agent.capabilities": ["agent_id"],
  "agent.transfer": ["from_agent", "to_agent"],
}

/** What the seed sends along with every request and this method does not need. */
const envelopeFields = new Set(["agent_id", "task", "context", "parameters"])

const decodeRegistration = bodyDecoder(AgentRegistration)

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === ""

/** This method is for agents that have an endpoint. */
const answersHere = ({ framework }: JsonObject): boolean =>
  typeof framework === "string" && frameworkNamed(framework) === "llm"

const noEndpoint = () =>
  invalidParams(
    "Invalid field: framework: an agent of LLM answers here and has no endpoint: register it with POST /api/agents/",
  )

const checked = (method: SeedMethod, params: unknown): JsonObject => {
  if (typeof params !== "object" || params === null || Array.isArray(params))
    throw invalidParams("params have to be an object")
  const given = params as JsonObject
  for (const field of required[method]) {
    if (field === "endpoint" && answersHere(given)) throw noEndpoint()
    if (isMissing(given[field])) throw invalidParams(`Missing required field: ${field}`)
  }
  return given
}

/** Throws -32602 that names the field. What a method does not know is left aside, but for settings of an agent. */
export const decodeSeedParams = <M extends SeedMethod>(
  method: M,
  params: unknown = {},
): (typeof seedParams)[M]["Type"] => {
  const given = checked(method, params)
  if (method === "agent.register") {
    const settings = Object.entries(given).filter(([name]) => !envelopeFields.has(name))
    return decodeRegistration(Object.fromEntries(settings)) as (typeof seedParams)[M]["Type"]
  }
  const result = Schema.decodeUnknownResult(seedParams[method] as PlainCodec)(given)
  if (Result.isSuccess(result)) return result.success as (typeof seedParams)[M]["Type"]
  const { field, reason } = invalidFields(result.failure).details
  throw invalidParams(`Invalid field: ${String(field)}: ${String(reason)}`)
}
