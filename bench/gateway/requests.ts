/** What the users of the measurement ask for, over objects made beforehand: models, groups and grants. */
import { logIn } from "../../test/support/login.ts"
import type { MeasuredNode } from "./processes.ts"

const models = 20
const groups = 500
/** Different people, each on several connections. */
const people = 100

export interface Requests {
  readonly cachedBody: string
  readonly cachedHeaders: Readonly<Record<string, string>>
  readonly cachedRead: () => string
  readonly simpleRead: () => string
  readonly complexRead: () => string
  readonly permissionRead: () => string
  readonly write: () => string
  readonly grant: () => string
  /** Grants every group one model after another in batches; gives how many were granted. */
  readonly batchGrants: () => Promise<number>
}

const logInAll = async (url: string): Promise<ReadonlyArray<string>> => {
  const tokens: Array<string> = []
  for (let n = 0; n < people; n++) tokens.push((await logIn(url, `person-${n}`)).token)
  return tokens
}

export const makeRequests = async ({ url, apiKey }: MeasuredNode): Promise<Requests> => {
  const { host } = new URL(url)
  const call = async <Body>(method: string, path: string, body?: unknown): Promise<Body> => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text) as Body
  }
  const ids = async (count: number, path: string, body: (n: number) => unknown) => {
    const made: Array<string> = []
    for (let n = 0; n < count; n++) made.push((await call<{ id: string }>("POST", path, body(n))).id)
    return made
  }
  const modelIds = await ids(models, "/api/admin/llm-models/", (n) => ({
    name: `model-${n}`,
    provider: "Custom",
    endpoint: "https://models.example.com/v1",
  }))
  const groupIds = await ids(groups, "/api/admin/groups/", (n) => ({
    name: `team-${n}`,
    description: "bench",
  }))
  const tokens = await logInAll(url)
  let turn = 0
  const text = (method: string, path: string, body?: unknown, credential = apiKey) => {
    const head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${credential}\r\n`
    if (body === undefined) return `${head}\r\n`
    const json = JSON.stringify(body)
    return `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`
  }
  const cached = "/api/v2/llm-models/?accessible_only=true&per_page=5"
  const answer = await fetch(url + cached, { headers: { authorization: `Bearer ${tokens[0]}` } })
  let [reads, searches, writes, grants] = [0, 0, 0, 0]
  return {
    cachedBody: await answer.text(),
    cachedHeaders: Object.fromEntries(
      [...answer.headers].filter(([name]) => !/^(?:connection|keep-alive|date|content-length)$/.test(name)),
    ),
    cachedRead: () => text("GET", cached, undefined, tokens[turn++ % people]),
    simpleRead: () => text("GET", `/api/admin/groups/${groupIds[reads++ % groups]}`),
    complexRead: () => text("GET", `/api/admin/groups/?search=team-${searches++ % groups}&limit=20`),
    permissionRead: () => text("GET", `/api/llm-models/${modelIds[reads++ % models]}/permissions`),
    write: () =>
      text("PATCH", `/api/admin/groups/${groupIds[writes % groups]}`, { description: `d${writes++}` }),
    // The first half of the models, one grant after another; the rest is for the batches.
    grant: () => {
      const n = grants++
      return text("POST", `/api/llm-models/${modelIds[Math.floor(n / groups) % 10]}/permissions`, {
        grantee_type: "GROUP",
        grantee_id: groupIds[n % groups],
      })
    },
    batchGrants: async () => {
      let granted = 0
      for (const model_id of modelIds.slice(10)) {
        const permissions = groupIds.map((grantee_id) => ({ model_id, grantee_type: "GROUP", grantee_id }))
        const { data } = await call<{ data: { success: ReadonlyArray<unknown> } }>(
          "POST",
          "/api/v2/llm-models/batch-permissions",
          { permissions },
        )
        granted += data.success.length
      }
      return granted
    },
  }
}
