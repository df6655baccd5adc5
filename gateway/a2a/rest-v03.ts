/**
 * Bodies of the REST binding as 0.3 has them, where a message has `content`, data is wrapped, and a state was spelled
 * otherwise: from and to the shapes of 1.0. Source: A2A 0.3.0, a2a.proto, in its JSON form.
 */
import {
  type AgentCard,
  SendMessageRequest,
  StreamResponse,
  Task,
  TaskPushNotificationConfig,
} from "@a2a-js/sdk"
import { cardJson } from "./card.ts"

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const objectOf = (value: unknown): Json => (isObject(value) ? value : {})
const listOf = (value: unknown): ReadonlyArray<Json> => (Array.isArray(value) ? value.map(objectOf) : [])

/** The JSON form of a proto takes both spellings of a name. */
export const camel = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
const named = (value: unknown): Json =>
  Object.fromEntries(Object.entries(objectOf(value)).map(([name, field]) => [camel(name), field]))

const given = (fields: Json): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined))

const partIn = (value: Json): Json => {
  const { text, file, data, metadata } = named(value)
  if (file !== undefined) {
    const { fileWithUri, fileWithBytes, uri, bytes, mimeType, name } = named(file)
    const url = fileWithUri ?? uri
    const content = url === undefined ? { raw: fileWithBytes ?? bytes ?? "" } : { url }
    return given({ ...content, mediaType: mimeType, filename: name, metadata })
  }
  if (data !== undefined) {
    const wrapped = objectOf(data)
    return given({ data: "data" in wrapped && value.kind === undefined ? wrapped.data : data, metadata })
  }
  return given({ text, metadata })
}

const roles: Readonly<Record<string, string>> = { user: "ROLE_USER", agent: "ROLE_AGENT" }

const messageIn = (value: unknown): Json | undefined => {
  if (!isObject(value)) return undefined
  const { content, parts, role, ...rest } = named(value)
  return given({
    ...rest,
    role: typeof role === "string" ? (roles[role] ?? role) : role,
    parts: listOf(content ?? parts).map(partIn),
  })
}

const configIn = (value: unknown): Json => {
  const { authentication, ...rest } = named(value)
  if (!isObject(authentication)) return rest
  const { schemes, credentials } = authentication
  return {
    ...rest,
    authentication: given({ scheme: Array.isArray(schemes) ? schemes[0] : undefined, credentials }),
  }
}

export const sendIn = (body: unknown): SendMessageRequest => {
  const { message, request, configuration, metadata } = named(body)
  const { pushNotification, pushNotificationConfig, blocking, ...rest } = named(configuration)
  const push = pushNotification ?? pushNotificationConfig
  // A false one is left out on the wire: whoever says anything of how to send, and not this, does not wait.
  const settings =
    configuration === undefined
      ? undefined
      : given({
          ...rest,
          returnImmediately: blocking !== true,
          taskPushNotificationConfig: push === undefined ? undefined : configIn(push),
        })
  return SendMessageRequest.fromJSON(
    given({ message: messageIn(message ?? request), configuration: settings, metadata }),
  )
}

export const pushConfigIn = (body: unknown, taskId: string): TaskPushNotificationConfig => {
  const outer = named(body)
  const inner = named(outer.config ?? outer)
  const config = configIn(inner.pushNotificationConfig ?? inner)
  return TaskPushNotificationConfig.fromJSON({ ...config, taskId })
}

/** What is no object of its own is one field of one. */
const structOf = (data: unknown): Json => (isObject(data) ? data : { value: data })

/** Its files have no names. */
const partOut = ({ data, text, url, raw, mediaType, metadata }: Json): Json => {
  if (data !== undefined) return given({ data: { data: structOf(data) }, metadata })
  if (url === undefined && raw === undefined) return given({ text: text ?? "", metadata })
  const at = url === undefined ? { fileWithBytes: raw } : { fileWithUri: url }
  return given({ file: given({ ...at, mimeType: mediaType }), metadata })
}

const messageOut = (value: unknown): Json | undefined => {
  if (!isObject(value)) return undefined
  const { parts, ...rest } = value
  return { ...rest, content: listOf(parts).map(partOut) }
}

const statusOut = (value: unknown): Json => {
  const { state, message, ...rest } = objectOf(value)
  const spelled = state === "TASK_STATE_CANCELED" ? "TASK_STATE_CANCELLED" : state
  return given({ ...rest, state: spelled, message: messageOut(message) })
}

const artifactOut = (value: unknown): Json => {
  const { parts, ...rest } = objectOf(value)
  return { ...rest, parts: listOf(parts).map(partOut) }
}

const taskJson = (json: Json): Json =>
  given({
    ...json,
    status: statusOut(json.status),
    artifacts: json.artifacts === undefined ? undefined : listOf(json.artifacts).map(artifactOut),
    history: json.history === undefined ? undefined : listOf(json.history).map(messageOut),
  })

export const taskOut = (task: Task): Json => taskJson(Task.toJSON(task) as Json)

const endings = new Set([
  "TASK_STATE_COMPLETED",
  "TASK_STATE_CANCELLED",
  "TASK_STATE_FAILED",
  "TASK_STATE_REJECTED",
  "TASK_STATE_INPUT_REQUIRED",
])

export const eventOut = (event: StreamResponse): Json => {
  const { task, statusUpdate, artifactUpdate } = StreamResponse.toJSON(event) as Json
  if (task !== undefined) return { task: taskJson(objectOf(task)) }
  if (statusUpdate !== undefined) {
    const update = objectOf(statusUpdate)
    const status = statusOut(update.status)
    return { statusUpdate: { ...update, status, final: endings.has(String(status.state)) } }
  }
  const update = objectOf(artifactUpdate)
  return { artifactUpdate: { ...update, artifact: artifactOut(update.artifact) } }
}

export const pushConfigOut = ({
  taskId,
  id,
  url,
  token,
  authentication,
}: TaskPushNotificationConfig): Json => ({
  name: `tasks/${taskId}/pushNotificationConfigs/${id}`,
  pushNotificationConfig: given({
    id,
    url,
    token: token === "" ? undefined : token,
    authentication: authentication === undefined ? undefined : { schemes: [authentication.scheme] },
  }),
})

export const cardOut = (card: AgentCard): unknown => cardJson(card, "0.3")
