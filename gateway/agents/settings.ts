/**
 * From what somebody says about an agent to what its actor is told, and back. What does not go together is refused here,
 * with the field and the remedy: the actor takes what it is given.
 */
import { mayCarryCredentials, templateTrouble } from "../../actors/index.ts"
import {
  type AccessLevel,
  type AgentChange,
  type AgentConnection,
  type AgentDescriptor,
  type AgentLlm,
  type AgentRegistration,
  type AgentView,
  type Framework,
  frameworkNamed,
  frameworkNames,
  requestTemplateCharactersMax,
  type Skill,
} from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"

/** An agent's settings as the wire has them. Its id and its credential are no settings. */
export type Settings = Omit<AgentRegistration, "id" | "credential">

const refused = (field: string, reason: string, remedy: string) =>
  new GatewayError(422, "AGT_REG_006", "The agent's settings do not go together.", { field, reason, remedy })

type Names = Readonly<Record<string, string>>
const connectionNames = {
  timeout_ms: "timeoutMs",
  retries_max: "retriesMax",
  credential_header: "credentialHeader",
  request: "request",
  response_path: "responsePath",
  target: "target",
} as const
const llmNames = {
  model: "model",
  prompt: "prompt",
  tools: "tools",
  transfer_to: "transferTo",
  memory_messages: "memoryMessages",
  temperature: "temperature",
  max_tokens: "outputTokensMax",
} as const

const renamed = (fields: object, names: Names): object =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [names[name] ?? name, value]))
const backwards = (names: Names): Names =>
  Object.fromEntries(Object.entries(names).map(([wire, own]) => [own, wire]))

type Wire<Fields extends string, From> = { readonly [F in Fields]?: From }
export const connectionBody = (connection: AgentDescriptor["connection"] = {}) =>
  renamed(connection, backwards(connectionNames)) as (typeof AgentConnection)["Type"] & Wire<never, unknown>
export const llmBody = (llm: AgentDescriptor["llm"] = {}) =>
  renamed(llm, backwards(llmNames)) as (typeof AgentLlm)["Type"]

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** A skill that has only a name is called by it where that can be an id. */
const skillsOf = (bodies: NonNullable<Settings["capabilities"]>["skills"] = []): ReadonlyArray<Skill> => {
  const taken = new Set<string>()
  return bodies.map((body, index) => {
    const given = typeof body === "string" ? { name: body } : body
    const { name, description = "", id = idPattern.test(name) ? name : `skill-${index + 1}` } = given
    if (taken.has(id))
      throw refused(`capabilities.skills.${index}`, `"${id}" is there twice`, "name each skill once")
    taken.add(id)
    return { ...given, id, name, description }
  })
}

const accessOf = ({ access_level, is_public, allowed_users, allowed_teams }: Settings): AccessLevel => {
  const level = access_level ?? (is_public === false ? "private" : "public")
  if (is_public !== undefined && is_public !== (level === "public"))
    throw refused("is_public", `the access level is ${level}`, "send one of is_public and access_level")
  if (level === "team" && (allowed_teams ?? []).length === 0)
    throw refused("allowed_teams", "no team may use it", "name a department or the id of a group")
  if (level === "user_specific" && (allowed_users ?? []).length === 0)
    throw refused("allowed_users", "no user may use it", "name a user")
  return level
}

const isRemote = (framework: Framework): boolean => framework !== "llm" && framework !== "builtin"

const addressOf = (framework: Framework, { a2a_endpoint, endpoint }: Settings): string | undefined => {
  if (a2a_endpoint !== undefined && endpoint !== undefined && a2a_endpoint !== endpoint)
    throw refused("endpoint", "a2a_endpoint names another one", "send one of the two")
  const address = a2a_endpoint ?? endpoint
  const name = frameworkNames[framework]
  if (isRemote(framework) && address === undefined)
    throw refused("a2a_endpoint", `an agent of ${name} is somewhere else`, "send where it is reached")
  if (!isRemote(framework) && address !== undefined)
    throw refused("a2a_endpoint", `an agent of ${name} answers here`, "leave it out")
  return address
}

const placeholders = new Set(["question", "session_id", "user_id", "history", "parameters"])

const checkTemplate = (request: unknown): void => {
  const field = "connection.request"
  const text = JSON.stringify(request)
  if (text.length > requestTemplateCharactersMax)
    throw refused(field, `it has more than ${requestTemplateCharactersMax} characters`, "make it shorter")
  const named = [...text.matchAll(/\{\{([^{}]*)\}\}/g)].map(([, name = ""]) => name.trim())
  const unknown = named.find((name) => !placeholders.has(name))
  if (unknown !== undefined)
    throw refused(field, `nothing fills {{${unknown}}} in`, `use ${[...placeholders].join(", ")}`)
  if (!named.includes("question"))
    throw refused(field, "the question is nowhere in it", "put {{question}} into one of its texts")
  const trouble = templateTrouble(request)
  if (trouble !== undefined) throw refused(field, `it ${trouble}`, "make it smaller")
}

const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === ""

/** What would be registered and then fail at every question. */
const checkAnswerable = (framework: Framework, { connection, llm }: Settings): void => {
  if (framework === "openai" && isBlank(connection?.target))
    throw refused(
      "connection.target",
      "the service has to be told which of its models answers",
      "name the model as the service calls it",
    )
  if (llm?.model !== undefined && isBlank(llm.model))
    throw refused("llm.model", "no model has an empty name", "name a model, or leave it out for the default")
  const header = connection?.credential_header
  if (header !== undefined && !mayCarryCredentials(header))
    throw refused(
      "connection.credential_header",
      `"${header}" carries no credentials`,
      "name the header that the service reads them from, or leave it out for authorization",
    )
}

const checkConnection = (framework: Framework, { connection, llm }: Settings): void => {
  const name = frameworkNames[framework]
  if (connection !== undefined && !isRemote(framework))
    throw refused("connection", `an agent of ${name} answers here`, "leave it out")
  if (llm !== undefined && framework !== "llm")
    throw refused("llm", `an agent of ${name} takes no such settings`, "leave it out, or register it as LLM")
  for (const field of ["request", "response_path"] as const)
    if (connection?.[field] !== undefined && framework !== "custom")
      throw refused(
        `connection.${field}`,
        `the protocol of ${name} is fixed`,
        "leave it out, or register it as Custom",
      )
  if (connection?.request !== undefined) checkTemplate(connection.request)
}

const optional = <K extends string, V>(name: K, value: V | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { readonly [N in K]?: V }
const ifAny = <V>(values: ReadonlyArray<V> | undefined) => (values?.length ? values : undefined)

/** Errors: 422 `AGT_REG_006`, `AGT_REG_007`. */
export const descriptorOf = (settings: Settings, owner: string): AgentDescriptor => {
  const framework = frameworkNamed(settings.framework)
  if (framework === undefined || framework === "builtin")
    throw new GatewayError(422, "AGT_REG_007", "Agents of this framework are shipped with the product.", {
      field: "framework",
      remedy: "choose LLM for an agent that answers here, or what your agent speaks",
    })
  const { name, capabilities = {}, connection, llm } = settings
  checkConnection(framework, settings)
  checkAnswerable(framework, settings)
  return {
    name,
    framework,
    owner,
    description: capabilities.description ?? "",
    skills: skillsOf(capabilities.skills),
    accessLevel: accessOf(settings),
    ...optional("endpoint", addressOf(framework, settings)),
    ...optional("languages", ifAny(capabilities.languages)),
    ...optional("agentVersion", capabilities.version),
    ...optional("allowedUsers", ifAny(settings.allowed_users)),
    ...optional("allowedTeams", ifAny(settings.allowed_teams)),
    ...optional("department", settings.department),
    ...optional("examples", ifAny(settings.examples)),
    ...optional("onInterruption", settings.on_interruption),
    ...optional("connection", connection === undefined ? undefined : renamed(connection, connectionNames)),
    ...optional("llm", llm === undefined ? undefined : renamed(llm, llmNames)),
  }
}

/** What `descriptorOf` was given, or would have been. */
export const settingsOf = (view: AgentView): Settings => ({
  name: view.name,
  framework: frameworkNames[view.framework],
  capabilities: {
    skills: view.skills,
    description: view.description,
    ...optional("version", view.agentVersion),
    ...optional("languages", view.languages),
  },
  access_level: view.accessLevel ?? "public",
  ...optional("a2a_endpoint", view.endpoint),
  ...optional("allowed_users", view.allowedUsers),
  ...optional("allowed_teams", view.allowedTeams),
  ...optional("department", view.department),
  ...optional("examples", view.examples),
  ...optional("on_interruption", view.onInterruption),
  ...optional("connection", view.connection === undefined ? undefined : connectionBody(view.connection)),
  ...optional("llm", view.llm === undefined ? undefined : llmBody(view.llm)),
})

const mergedByField = new Set(["capabilities", "connection", "llm"])

const merged = (base: object, change: object, levels: number): object => {
  const result: Record<string, unknown> = { ...base }
  for (const [field, value] of Object.entries(change)) {
    if (value === null) delete result[field]
    else if (levels > 1 && mergedByField.has(field))
      result[field] = merged((result[field] ?? {}) as object, value as object, levels - 1)
    else result[field] = value
  }
  return result
}

/** Either of two names for one thing takes the place of the other. */
const replaced = (settings: Settings, change: Omit<AgentChange, "credential">): Settings => {
  const { a2a_endpoint, access_level, ...rest } = settings
  return {
    ...rest,
    ...(change.endpoint === undefined ? optional("a2a_endpoint", a2a_endpoint) : {}),
    ...(change.is_public === undefined ? optional("access_level", access_level) : {}),
  }
}

export const changedSettings = (view: AgentView, change: Omit<AgentChange, "credential">): Settings =>
  merged(replaced(settingsOf(view), change), change, 2) as Settings
