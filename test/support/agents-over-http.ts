/** Agents over HTTP as suites use them, of a node that is started later. */
import { expect } from "vitest"
import type { TestNode } from "./node.ts"

export type Body = Readonly<Record<string, unknown>>
export interface ListedAgent {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly status: string
  readonly settings?: Body
}

export const json = async <T>(response: Promise<Response> | Response): Promise<T> =>
  (await (await response).json()) as T

/** A registration that needs nothing around it. */
export const llm = (name: string, more: Body = {}) => ({ name, framework: "LLM", ...more })

export const agentsOver = (node: () => TestNode) => {
  const send = (method: string, path: string, token: string, body?: unknown, headers = {}) =>
    node().request(method, path, { token, headers, ...(body === undefined ? {} : { body }) })
  const list = (query: string, token: string) =>
    json<{ agents: ReadonlyArray<ListedAgent>; total: number; page: number; limit: number }>(
      send("GET", `/api/agents/?${query}`, token),
    )
  return {
    send,
    list,
    statusOf: async (method: string, path: string, token: string, body?: unknown) =>
      (await send(method, path, token, body)).status,
    names: async (query: string, token: string) => (await list(query, token)).agents.map(({ name }) => name),
    register: async (token: string, body: Body): Promise<ListedAgent> => {
      const response = await send("POST", "/api/agents/", token, body)
      expect(response.status).toBe(201)
      return json<ListedAgent>(response)
    },
  }
}
