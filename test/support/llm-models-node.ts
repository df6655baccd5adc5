/** A whole node with two users beside its administrator, and the routes of models at hand. */
import { Directory } from "../../resources/index.ts"
import { startTestNode } from "./node.ts"

export const tenant = "default"
export const modelKey = "sk-proj-0123456789abcdefWXYZ"

export const admin = "/api/admin/llm-models"
export const plain = "/api/llm-models"
export const v2 = "/api/v2/llm-models"

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field
type Json = any

export interface SendOptions {
  /** The administrator's without. */
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

export const startModelNode = async () => {
  const node = await startTestNode()
  /** Every answer, as text. */
  const sent: Array<string> = []

  const send = async (method: string, path: string, options: SendOptions = {}) => {
    const response = await node.request(method, path, options)
    const text = await response.text()
    sent.push(text)
    const body: Json = text === "" ? undefined : JSON.parse(text)
    return { status: response.status, body, headers: response.headers, text }
  }

  const person = async (name: string, groups: ReadonlyArray<string> = []) => {
    const token = await node.login(name, { groups })
    const access = await node.run(Directory.use((directory) => directory.access(tenant, name)))
    return { token, id: access!.user_id }
  }

  const register = async (name: string, more: object = {}): Promise<string> => {
    const settings = { name, provider: "Custom", endpoint: "http://127.0.0.1:9/v1", api_key: modelKey }
    return (await send("POST", `${admin}/`, { body: { ...settings, ...more } })).body.id
  }

  return {
    node,
    sent,
    send,
    register,
    ann: await person("ann", ["engineers"]),
    bob: await person("bob"),
    /** Registered and activated. */
    active: async (name: string) => {
      const id = await register(name)
      await send("POST", `${admin}/${id}/activate`)
      return id
    },
    grant: (model: string, body: object, token?: string) =>
      send("POST", `${plain}/${model}/permissions`, { body, ...(token === undefined ? {} : { token }) }),
  }
}

export type ModelNode = Awaited<ReturnType<typeof startModelNode>>

export const toUser = (id: string, rights?: ReadonlyArray<string>) => ({
  grantee_type: "USER",
  grantee_id: id,
  ...(rights === undefined ? {} : { rights }),
})

export const namesIn = (models: ReadonlyArray<{ readonly name: string }>) => models.map(({ name }) => name)
