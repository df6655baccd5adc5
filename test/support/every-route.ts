/** Every operation that a node describes, and the objects of a tenant that others try to reach through them. */
import type { TestNode } from "./node.ts"

export interface Operation {
  readonly id: string
  readonly method: string
  /** With `{name}` for each parameter. */
  readonly path: string
  readonly permission: string
  readonly hasBody: boolean
  /** WebSocket: entered by an upgrade, with the credential in the query. */
  readonly isSocket: boolean
}

interface Described {
  readonly operationId: string
  readonly "x-millrace-permission": string
  readonly requestBody?: unknown
}

export const operationsOf = async (node: TestNode): Promise<ReadonlyArray<Operation>> => {
  const description = (await (await node.request("GET", "/openapi.json", { token: "" })).json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  }
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      permission: operation["x-millrace-permission"],
      hasBody: operation.requestBody !== undefined,
      isSocket: path.startsWith("/ws/"),
    })),
  )
}

/** Values of path parameters by name. */
export type Parameters = Readonly<Record<string, string>>

export const pathOf = ({ path }: Operation, parameters: Parameters): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? "none"))

const made = async <Body>(response: Response): Promise<Body> => {
  const text = await response.text()
  if (response.status >= 300) throw new Error(`${response.url}: ${response.status} ${text}`)
  return JSON.parse(text) as Body
}

/** Found in every text that belongs to the tenant, so that it can be searched for elsewhere. */
export const marker = "marked-for-default"

export interface Objects {
  readonly group: string
  readonly user: string
  readonly model: string
  readonly grant: string
  readonly session: string
  readonly agent: string
  readonly task: string
  readonly plan: string
  readonly key: string
  readonly trace: string
}

/** One object of each kind, in the tenant of the token's user. */
export const makeObjects = async (node: TestNode, token: string): Promise<Objects> => {
  const post = <Body>(path: string, body: unknown) =>
    node.request("POST", path, { body, token }).then((response) => made<Body>(response))
  const me = await made<{ id: string }>(await node.request("GET", "/api/users/me", { token }))
  const group = await post<{ id: string }>("/api/admin/groups/", { name: `${marker} group` })
  await node.request("PUT", `/api/admin/groups/${group.id}/members/${me.id}`, { token })
  await post("/api/admin/roles/", { name: "MARKED", description: marker, permissions: ["agent:read"] })
  const model = await post<{ id: string }>("/api/admin/llm-models/", {
    name: `${marker}-model`,
    provider: "Custom",
    endpoint: "https://models.example.com/v1",
    api_key: "sk-marked-0123456789abcdef",
  })
  const grant = await post<{ id: string }>(`/api/llm-models/${model.id}/permissions`, {
    grantee_type: "GROUP",
    grantee_id: group.id,
  })
  const session = await post<{ session_id: string }>("/api/chat/sessions/", {
    agent_id: "guide",
    title: `${marker} session`,
  })
  const agent = await post<{ id: string }>("/api/agents/", {
    id: "marked-agent",
    name: `${marker} agent`,
    framework: "LLM",
    access_level: "private",
    llm: { prompt: `${marker} prompt` },
  })
  const message = { messageId: marker, role: "ROLE_USER", parts: [{ text: `${marker} message` }] }
  const { task } = await post<{ task: { id: string } }>("/message:send", { message })
  const plan = await post<{ plan_id: string; trace_id: string }>("/api/ops/questions", {
    question: `load of ${marker} now`,
  })
  await post("/api/cep/rules", {
    rule_id: "marked-rule",
    name: `${marker} rule`,
    trigger: { type: "metric", metric: "marked_metric" },
    condition: "value > 1.0",
  })
  await post("/api/locks/marked-lock/acquire", { owner: marker, ttl_ms: 600_000 })
  const key = await post<{ id: number }>("/api/users/me/api-keys/", { name: `${marker} key` })
  const trace = "4bf92f3577b34da6a3ce929d0e0e4737"
  await post("/api/tracing/logs", {
    trace_id: trace,
    service_name: "shop",
    agent_id: 1,
    level: "INFO",
    message: `${marker} line`,
  })
  return {
    group: group.id,
    user: me.id,
    model: model.id,
    grant: grant.id,
    session: session.session_id,
    agent: agent.id,
    task: task.id,
    plan: plan.plan_id,
    key: String(key.id),
    trace,
  }
}
