/** What somebody says about an agent over HTTP, and how an agent is shown. Shape: seed 0 §4.2 and §7, with what they leave open. */
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { AccessLevel, AgentHealth, AgentTool, agentListsMax, LifecycleStatus, Skill } from "../agent.ts"
import { countOf, Id, nameOf, storableTextOf, textOf } from "../text.ts"
import { FrameworkName } from "./framework-names.ts"
import { Timestamp } from "./paging.ts"

const isAddress = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return (protocol === "http:" || protocol === "https:") && username === "" && password === ""
}

const Address = storableTextOf(2_000).check(
  Schema.makeFilter(isAddress, {
    expected:
      "an address with http or https and without a user or a password: send what it asks for as `credential`",
  }),
)

const texts = (charactersMax: number, max = 20) =>
  Schema.Array(storableTextOf(charactersMax)).check(Schema.isMaxLength(max))
const Names = Schema.Array(nameOf(200)).check(Schema.isMaxLength(agentListsMax))

/** A skill by its name alone, or with what there is to say about it. */
const SkillBody = Schema.Union([
  nameOf(100),
  Schema.Struct({
    id: Schema.optionalKey(Id),
    name: nameOf(100),
    description: Schema.optionalKey(Skill.fields.description),
    tags: Skill.fields.tags,
    examples: Skill.fields.examples,
  }),
])

/** Characters of `connection.request` as JSON. */
export const requestTemplateCharactersMax = 16_000

const capabilities = Schema.Struct({
  skills: Schema.Array(SkillBody).check(Schema.isMaxLength(50)),
  description: storableTextOf(2_000),
  version: storableTextOf(64),
  languages: texts(35),
})

const connection = Schema.Struct({
  timeout_ms: countOf(100, 300_000),
  retries_max: countOf(0, 5),
  credential_header: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9-]{1,64}$/u)),
  request: Schema.Unknown.annotate({
    description:
      "of Custom: the JSON that is sent; {{question}}, {{session_id}}, {{user_id}}, {{history}} and {{parameters}} in its texts are filled in",
  }),
  response_path: textOf(200)
    .check(Schema.isPattern(/^[\p{L}\p{N}_$-]+(?:\.[\p{L}\p{N}_$-]+)*$/u))
    .annotate({ description: "of Custom: where the answer's text is, such as results.0.text" }),
  target: storableTextOf(256).annotate({
    description: "of OpenAI: the model's name there; of Agno and ADK: the command, chat by default",
  }),
})

const llm = Schema.Struct({
  model: storableTextOf(256),
  prompt: storableTextOf(16_000),
  tools: Schema.Array(AgentTool).check(Schema.isMaxLength(20)),
  transfer_to: Schema.Array(Id).check(Schema.isMaxLength(20)),
  memory_messages: countOf(0, 20),
  temperature: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  max_tokens: countOf(1, 16_000),
})

const settings = Schema.Struct({
  /** Both name the same. */
  a2a_endpoint: Address,
  endpoint: Address,
  allowed_users: Names,
  /** Departments, or ids of groups. */
  allowed_teams: Names,
  department: nameOf(200),
  examples: texts(500),
  on_interruption: Schema.Literals(["restart", "fail"]),
  credential: storableTextOf(4_096).check(Schema.isMinLength(1)).annotate({
    description: "what the agent's service asks for; sealed on arrival, never given back",
  }),
})

const Name = nameOf(100)
const access = {
  /** Short for the access levels `public` and `private`. Default: public. */
  is_public: Schema.optionalKey(Schema.Boolean),
  access_level: Schema.optionalKey(AccessLevel),
}

const optional = Struct.map(Schema.optionalKey)
const orNull = Struct.map(Schema.NullOr)

/** Of agents that run elsewhere. */
export const AgentConnection = connection.mapFields(optional)
/** Of the framework LLM. */
export const AgentLlm = llm.mapFields(optional)

export const AgentRegistration = Schema.Struct({
  /** Default: a UUID. */
  id: Schema.optionalKey(Id),
  name: Name,
  framework: FrameworkName,
  capabilities: Schema.optionalKey(capabilities.mapFields(optional)),
  connection: Schema.optionalKey(AgentConnection),
  llm: Schema.optionalKey(AgentLlm),
  ...access,
  ...settings.mapFields(optional).fields,
}).annotate({ identifier: "AgentRegistration" })
export type AgentRegistration = typeof AgentRegistration.Type

/**
 * What is left out stays, null takes away. `capabilities`, `connection` and `llm` are merged field by field; what their
 * fields hold is replaced. Source: RFC 7396, two levels of it.
 */
export const AgentChange = Schema.Struct({
  name: Schema.optionalKey(Name),
  framework: Schema.optionalKey(FrameworkName),
  capabilities: Schema.optionalKey(capabilities.mapFields(orNull).mapFields(optional)),
  connection: Schema.optionalKey(Schema.NullOr(connection.mapFields(orNull).mapFields(optional))),
  llm: Schema.optionalKey(Schema.NullOr(llm.mapFields(orNull).mapFields(optional))),
  ...access,
  ...settings.mapFields(orNull).mapFields(optional).fields,
}).annotate({ identifier: "AgentChange" })
export type AgentChange = typeof AgentChange.Type

export const AgentBody = Schema.Struct({
  id: Id,
  name: Schema.String,
  framework: Schema.String,
  status: LifecycleStatus,
  description: Schema.String,
  /** Skills by their names. */
  capabilities: Schema.Struct({
    skills: Schema.Array(Schema.String),
    description: Schema.String,
    version: Schema.optionalKey(Schema.String),
    languages: Schema.optionalKey(Schema.Array(Schema.String)),
  }),
  skills: Schema.Array(Skill),
  /** The owner's name; null for what the product ships. */
  owner_id: Schema.NullOr(Schema.String),
  department: Schema.NullOr(Schema.String),
  is_public: Schema.Boolean,
  access_level: AccessLevel,
  health_status: AgentHealth.fields.status,
  is_archived: Schema.Boolean,
  /** Of settings, status and archiving: what If-Match is compared with. */
  version: Schema.Int,
  running: Schema.Int,
  answered: Schema.Int,
  failed: Schema.Int,
  created_at: Timestamp,
  updated_at: Timestamp,
}).annotate({ identifier: "Agent" })

/** One agent. Where it is reached and how it is set up is only for who may change it. */
export const AgentDetail = Schema.Struct({
  ...AgentBody.fields,
  examples: Schema.Array(Schema.String),
  health: Schema.Struct({
    status: AgentHealth.fields.status,
    last_check: Schema.NullOr(Timestamp),
    latency_ms: Schema.NullOr(Schema.Finite),
    consecutive_failures: Schema.Int,
    /** Why it is unhealthy; only for who may change it. */
    detail: Schema.optionalKey(Schema.String),
  }),
  settings: Schema.optionalKey(
    Schema.Struct({
      a2a_endpoint: Schema.NullOr(Schema.String),
      allowed_users: Schema.Array(Schema.String),
      allowed_teams: Schema.Array(Schema.String),
      connection: Schema.NullOr(AgentConnection),
      llm: Schema.NullOr(AgentLlm),
      on_interruption: settings.fields.on_interruption,
      has_credential: Schema.Boolean,
    }),
  ),
}).annotate({ identifier: "AgentDetail" })
