/**
 * How each operation with a parameter is tried from another tenant: with which values, which body, and what must come of
 * it. An operation that is not here fails the suite: a route that takes a name has to say what the name means elsewhere.
 */
import { marker, type Objects, type Parameters } from "./every-route.ts"

export interface Attempt {
  readonly parameters: (objects: Objects) => Parameters
  /** Valid, so that it is the border that refuses. */
  readonly body?: (objects: Objects) => unknown
  /** `none`: as if there were no such thing. `own`: the name means something of one's own there. */
  readonly finds: "none" | "own" | "forbidden"
}

const of =
  (name: string, object: keyof Objects) =>
  (objects: Objects): Parameters => ({ [name]: objects[object] })
const none = (parameters: Attempt["parameters"], body?: Attempt["body"]): Attempt => ({
  parameters,
  finds: "none",
  ...(body === undefined ? {} : { body }),
})
const named = (name: string, value: string) => () => ({ [name]: value })

const group = of("group", "group")
const user = of("user", "user")
const session = of("session", "session")
const model = of("id", "model")
const modelPermissions = of("model_id", "model")
const grant = (objects: Objects) => ({ grantee_type: "USER", grantee_id: objects.user })
const member = (objects: Objects) => ({ group: objects.group, user: objects.user })
const role = () => ({ role: "MARKED" })
const agent = of("agent", "agent")
const setting = () => ({ category: "ops", name: "answer_seconds" })

const rule = named("rule", "marked-rule")
const channel = named("channel", "marked-channel")
const document = () => ({ name: "own", trigger: { type: "metric", metric: "own" } })
const alert = named("fingerprint", "marked-alert")
const markedMatchers = [{ name: "host", value: "stolen", operator: "=" }]

const receiver = () => ({ url: "https://receiver.example.com/" })
const said = () => ({ message: { messageId: "m", role: "ROLE_USER", parts: [{ text: "hello" }] } })

/** The operations of a binding over tasks, at one address of the public A2A protocol. */
const overTasks = (area: string, where: Attempt["parameters"]): Readonly<Record<string, Attempt>> => {
  const task = (objects: Objects) => ({ ...where(objects), task: objects.task })
  const config = (objects: Objects) => ({ ...task(objects), config: "default" })
  const operation = (action: string) => (objects: Objects) => ({
    ...where(objects),
    operation: `${objects.task}${action}`,
  })
  return {
    [`${area}.tasks.get`]: none(operation("")),
    [`${area}.tasks.act`]: none(operation(":cancel"), () => ({})),
    [`${area}.pushConfigs.create`]: none(task, receiver),
    [`${area}.pushConfigs.list`]: none(task),
    [`${area}.pushConfigs.get`]: none(config),
    [`${area}.pushConfigs.delete`]: none(config),
  }
}
const ofAgent = (area: string): Readonly<Record<string, Attempt>> => ({
  ...overTasks(area, agent),
  [`${area}.send`]: none(agent, said),
  [`${area}.stream`]: none(agent, said),
  [`${area}.tasks.list`]: none(agent),
  [`${area}.card.extended`]: none(agent),
})

export const borderAttempts: Readonly<Record<string, Attempt>> = {
  ...overTasks("a2aRest", () => ({})),
  ...overTasks("a2aRestV03", () => ({})),
  ...ofAgent("a2aAgents"),
  ...ofAgent("a2aAgentsV03"),
  "a2a.agents.call": none(agent, () => ({ jsonrpc: "2.0", id: 1, method: "SendMessage", params: said() })),
  "a2a.agents.card": none(agent),
  "a2a.agents.extendedCardBeside": none(agent),
  "a2a.deliveries.list": none(of("task", "task")),
  "actors.send": {
    parameters: () => ({ kind: "lock", key: "marked-lock", command: "Release" }),
    body: () => ({ owner: marker, fence: 1 }),
    finds: "own",
  },
  "agents.get": none(agent),
  "agents.change": none(agent, () => ({ name: "stolen" })),
  "agents.archive": none(agent),
  "agents.restore": none(agent),
  "agents.move": none(agent, () => ({ status: "STAGING" })),
  "agents.checkHealth": none(agent),
  "agents.execute": none(agent, () => ({ task: "hello" })),
  "agents.executeA2a": none(agent, () => ({ task: "hello" })),
  "apiKeys.revoke": none(of("id", "key")),
  "apiKeys.rotate": none(of("id", "key"), () => ({})),
  "cep.rules.read": none(rule),
  "cep.rules.replace": { parameters: named("rule", "own-rule"), body: document, finds: "own" },
  "cep.rules.remove": none(rule),
  "cep.rules.enable": none(rule),
  "cep.rules.disable": none(rule),
  "cep.rules.versions": none(rule),
  "cep.rules.monitor": none(rule),
  "cep.rules.setPollCredential": none(rule, () => ({ header: "X-Api-Key", value: "own" })),
  "cep.rules.removePollCredential": none(rule),
  "cep.rules.compare": none(rule, document),
  "cep.templates.make": { parameters: named("template", "absence"), body: () => ({}), finds: "own" },
  "cep.rules.test": none(rule, () => ({ samples: [{ name: "own", value: 1, at: 1 }] })),
  "cep.rules.backtest": none(rule, () => ({})),
  "cep.rules.explain": none(rule, () => ({ at: "2026-01-01T00:00:00Z" })),
  "cep.rules.restore": none(() => ({ rule: "marked-rule", version: "1" })),
  "cep.channels.read": none(channel),
  "cep.channels.replace": {
    parameters: named("channel", "own-channel"),
    body: () => ({ name: "own", settings: { type: "log" } }),
    finds: "own",
  },
  "cep.channels.remove": none(channel),
  "cep.channels.test": none(channel),
  "cep.channels.log": none(channel),
  "cep.alerts.get": none(alert),
  "cep.alerts.acknowledge": none(alert, () => ({})),
  "cep.alerts.unacknowledge": none(alert),
  "cep.alerts.resolve": none(alert),
  "cep.alerts.silence": none(alert, () => ({ duration: "1h" })),
  "cep.silences.change": none(named("silence", "marked-silence"), () => ({
    matchers: markedMatchers,
    duration: "1h",
  })),
  "cep.silences.read": none(named("silence", "marked-silence")),
  "cep.silences.end": none(named("silence", "marked-silence")),
  "cep.maintenance.change": none(named("maintenance", "marked-maintenance"), () => ({
    name: "stolen",
    matchers: markedMatchers,
    cron: "0 2 * * *",
    duration: "1h",
  })),
  "cep.maintenance.read": none(named("maintenance", "marked-maintenance")),
  "cep.maintenance.end": none(named("maintenance", "marked-maintenance")),
  "cep.inhibitions.change": none(named("inhibition", "marked-inhibition"), () => ({
    source: markedMatchers,
    target: markedMatchers,
    equal: [],
  })),
  "cep.inhibitions.read": none(named("inhibition", "marked-inhibition")),
  "cep.inhibitions.remove": none(named("inhibition", "marked-inhibition")),
  "chat.messages.list": none(session),
  "chat.messages.say": none(session, () => ({ content: "hello" })),
  "chat.events.follow": none(session),
  "chat.turns.stop": none(session, () => ({})),
  "chat.sessions.get": none(session),
  "chat.sessions.rename": none(session, () => ({ title: "stolen" })),
  "chat.sessions.delete": none(session),
  "chat.sessions.export": none(session),
  "chat.sessions.transferBack": none(session, () => ({})),
  "chat.sessions.transfer": none(session, () => ({ to_agent: "ops" })),
  "chat.connectSocket": none(session),
  "groups.get": none(group),
  "groups.change": none(group, () => ({ description: "stolen" })),
  "groups.delete": none(group),
  "groups.members.list": none(group),
  "groups.members.add": none(member),
  "groups.members.remove": none(member),
  "llmModels.getManaged": none(model),
  "llmModels.change": none(model, () => ({ name: "stolen" })),
  "llmModels.remove": none(model),
  "llmModels.activate": none(model),
  "llmModels.deactivate": none(model),
  "llmModels.checkHealth": none(model),
  "llmModels.listPrices": none(model),
  "llmModels.setPrice": none(model, () => ({
    input_per_million: 1,
    output_per_million: 1,
    currency: "USD",
  })),
  "llmPermissions.list": none(modelPermissions),
  "llmPermissions.grant": none(modelPermissions, grant),
  "llmPermissions.revoke": none((objects) => ({ model_id: objects.model, permission_id: objects.grant })),
  "llmModelsV2.get": none(model),
  "llmPermissionsV2.list": none(model),
  "llmPermissionsV2.grant": none(model, grant),
  "llmPermissionsV2.revoke": none((objects) => ({ id: objects.model, permission_id: objects.grant })),
  "lanes.rebuild": { parameters: named("lane", "0"), finds: "forbidden" },
  "locks.acquire": {
    parameters: named("name", "marked-lock"),
    body: () => ({ owner: marker, ttl_ms: 1_000 }),
    finds: "own",
  },
  "locks.extend": {
    parameters: named("name", "marked-lock"),
    body: () => ({ owner: marker, fence: 1, ttl_ms: 1_000 }),
    finds: "own",
  },
  "locks.release": {
    parameters: named("name", "marked-lock"),
    body: () => ({ owner: marker, fence: 1 }),
    finds: "own",
  },
  "modelCalls.getModel": none(named("model", `${marker}-model`)),
  "ops.plans.read": none(of("plan", "plan")),
  "roles.get": none(role),
  "roles.change": none(role, () => ({ description: "stolen" })),
  "roles.delete": none(role),
  "settings.get": { parameters: named("category", "ops"), finds: "own" },
  "settings.change": {
    parameters: named("category", "ops"),
    body: () => ({ settings: { answer_seconds: 30 } }),
    finds: "own",
  },
  "settings.reset": { parameters: setting, finds: "own" },
  "settings.history": { parameters: setting, finds: "own" },
  "tenants.get": { parameters: named("tenant", "default"), finds: "forbidden" },
  "tenants.change": {
    parameters: named("tenant", "default"),
    body: () => ({ name: "stolen" }),
    finds: "forbidden",
  },
  "tracing.logs.list": { parameters: of("trace", "trace"), finds: "own" },
  "tracing.traces.read": { parameters: of("trace", "trace"), finds: "own" },
  "users.get": none(user),
  "users.change": none(user, () => ({ is_active: false })),
  "users.roles.grant": none((objects) => ({ user: objects.user, role: "USER" })),
  "users.roles.revoke": none((objects) => ({ user: objects.user, role: "ADMIN" })),
}
