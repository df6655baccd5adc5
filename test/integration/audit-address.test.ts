/** Whose address the audit log tells, on a whole node behind a proxy. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode({ MILLRACE_TRUSTED_PROXIES: "127.0.0.0/8,10.0.0.0/8" })
})
afterAll(() => node?.stop())

const addressOfNewGroup = async (name: string, forwarded: string | undefined) => {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded }
  const made = await node.request("POST", "/api/admin/groups/", { body: { name }, headers })
  expect(made.status).toBe(201)
  const log = await node.request("GET", "/api/admin/audit-log/?object_type=group&limit=1")
  const { entries } = (await log.json()) as { readonly entries: ReadonlyArray<{ readonly address: string }> }
  return entries[0]!.address
}

it("the audit log tells the client's address behind a trusted proxy, and not what the client says of itself", async () => {
  expect(await addressOfNewGroup("a", undefined)).toBe("127.0.0.1")
  expect(await addressOfNewGroup("b", "203.0.113.9, 10.1.2.3")).toBe("203.0.113.9")
  expect(await addressOfNewGroup("c", "198.51.100.1, 203.0.113.9")).toBe("203.0.113.9")
})
