/** Fields that a caller adds to every write to become more than it is, and ids that it guesses. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { borderAttempts } from "../support/border-attempts.ts"
import { makeObjects, type Objects, type Operation, operationsOf, pathOf } from "../support/every-route.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
let operations: ReadonlyArray<Operation>
let objects: Objects
let admin: string
/** Fields by operation, as the node describes them. */
let described: ReadonlyMap<string, ReadonlySet<string>>

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, unknown>>
  readonly anyOf?: ReadonlyArray<Schema>
  readonly allOf?: ReadonlyArray<Schema>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation & Described>>>>
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> }
}
interface Described {
  readonly operationId: string
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

const fieldsOf = (document: Document, schema: Schema): ReadonlyArray<string> => {
  const named = schema.$ref?.split("/").at(-1)
  const found = named === undefined ? schema : document.components!.schemas![named]!
  const parts = [...(found.anyOf ?? []), ...(found.allOf ?? [])]
  return [...Object.keys(found.properties ?? {}), ...parts.flatMap((part) => fieldsOf(document, part))]
}

const readDescription = async () => {
  const document = (await (await node.request("GET", "/openapi.json", { token: "" })).json()) as Document
  const all = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  return new Map(
    all.flatMap(({ operationId, requestBody }) => {
      const schema = requestBody?.content["application/json"]?.schema
      return schema === undefined ? [] : [[operationId, new Set(fieldsOf(document, schema))] as const]
    }),
  )
}

beforeAll(async () => {
  node = await startTestNode({ MILLRACE_ADMINS: "developer,acme/eve" })
  await node.request("POST", "/api/admin/tenants/", { body: { id: "acme", name: "Acme" } })
  operations = await operationsOf(node)
  described = await readDescription()
  admin = await node.login("developer")
  objects = await makeObjects(node, admin)
}, 60_000)
afterAll(() => node.stop())

const added = {
  id: "00000000-0000-4000-8000-000000000000",
  tenant: "acme",
  tenant_id: "acme",
  user: "developer",
  user_id: "00000000-0000-4000-8000-000000000000",
  owner_id: "00000000-0000-4000-8000-000000000000",
  granted_by: "developer",
  is_active: true,
  is_admin: true,
  is_builtin: true,
  builtin: true,
  role: "ADMIN",
  roles: ["ADMIN"],
  permissions: ["*"],
  scopes: ["*"],
  groups: ["admins"],
  version: 1,
  created_at: "2020-01-01T00:00:00Z",
  updated_at: "2020-01-01T00:00:00Z",
  principal: "developer",
  health_status: "healthy",
  previous_hash: "0",
  _tag: "Grant",
} as const

/**
 * The fields are those of the command, which the command's own protocol checks; or those of a protocol of others, which
 * passes over what it does not know. Every gateway for these takes who asks from the credential alone.
 */
const isOpen = (id: string): boolean =>
  id === "actors.send" || /^(?:a2a\w*|mcp)\.|^cep\.metrics\.otlp$/u.test(id)

const parametersOf = ({ id }: Operation) => borderAttempts[id]?.parameters(objects) ?? {}
const bodyOf = ({ id }: Operation) => (borderAttempts[id]?.body?.(objects) ?? {}) as object

describe("a write", () => {
  it("takes no field that it does not describe, whatever the field is called", async () => {
    const writes = operations.filter(({ id, hasBody }) => hasBody && described.has(id) && !isOpen(id))
    expect(writes.length).toBeGreaterThan(30)
    const taken: Array<string> = []
    for (const operation of writes) {
      const own = described.get(operation.id)!
      for (const [field, value] of Object.entries(added)) {
        if (own.has(field)) continue
        const body = { ...bodyOf(operation), [field]: value }
        const path = pathOf(operation, parametersOf(operation))
        const response = await node.request(operation.method, path, { token: admin, body })
        const text = await response.text()
        if (response.status !== 400 || !text.includes(`"${field}"`))
          taken.push(`${operation.id} ${field} ${response.status} ${text.slice(0, 120)}`)
      }
    }
    expect(taken).toEqual([])
  }, 120_000)
})

describe("an id of another tenant's object", () => {
  /** What differs between any two answers. */
  const plain = (text: string, id: string) =>
    text
      .replaceAll(new RegExp(`(?<=[:[])"?${id}"?(?=[,}\\]])`, "g"), "ID")
      .replaceAll(/"(timestamp|trace_id|request_id)":"[^"]*"/g, '"$1":""')

  it("tells no more than an id that nobody has: status, code and body are the same", async () => {
    const foreigner = await node.login("eve", { tenant: "acme" })
    const guessed = {
      uuid: "00000000-0000-4000-8000-00000000abcd",
      number: "2000000000",
      word: "nothing-there",
      role: "NOTHING",
    }
    const likeId = (id: string) =>
      /^\d+$/.test(id)
        ? guessed.number
        : /^[0-9a-f-]{36}$/.test(id)
          ? guessed.uuid
          : /^[A-Z]/.test(id)
            ? guessed.role
            : guessed.word
    // A task that is acted upon has the act behind its id.
    const like = (id: string) => {
      const act = /:[a-z]+$/u.exec(id)?.[0] ?? ""
      return likeId(id.slice(0, id.length - act.length)) + act
    }
    const differing: Array<unknown> = []
    let compared = 0
    for (const operation of operations) {
      const attempt = borderAttempts[operation.id]
      if (attempt?.finds !== "none" || operation.isSocket) continue
      const foreign = attempt.parameters(objects)
      const answers = []
      for (const parameters of [foreign, mapped(foreign, like)]) {
        const body = operation.hasBody ? { body: (attempt.body?.(objects) ?? {}) as object } : {}
        const path = pathOf(operation, parameters)
        const response = await node.request(operation.method, path, { token: foreigner, ...body })
        const ids = Object.values(parameters).flatMap((id) => [id, id.replace(/:[a-z]+$/u, "")])
        const text = ids.reduce((all, id) => plain(all, id), await response.text())
        answers.push([response.status, text])
      }
      compared += 1
      if (JSON.stringify(answers[0]) !== JSON.stringify(answers[1])) differing.push([operation.id, answers])
    }
    expect(differing).toEqual([])
    expect(compared).toBeGreaterThan(25)
  })
})

const mapped = (values: Readonly<Record<string, string>>, change: (value: string) => string) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))

describe("what is refused elsewhere", () => {
  it("is the node's counters for administrators of other tenants", async () => {
    const eve = await node.login("eve", { tenant: "acme" })
    const response = await node.request("GET", "/metrics", { token: eve })
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining("GTW_METRICS_001"),
    ])
  })

  it("is a logout with an API key, which is no login", async () => {
    const response = await node.request("POST", "/api/auth/logout/", { token: node.apiKey, body: {} })
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("USR_KEY_004")])
    expect((await node.request("GET", "/api/users/me", { token: node.apiKey })).status).toBe(200)
  })
})
