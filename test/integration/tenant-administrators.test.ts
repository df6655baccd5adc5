/** Who administers a new tenant, on a whole node. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node?.stop())

const make = (id: string, administrators: ReadonlyArray<string>) =>
  node.request("POST", "/api/admin/tenants/", { body: { id, name: id, administrators } })

const statusOf = async (username: string, tenant: string) => {
  const token = await node.login(username, { tenant })
  return (await node.request("GET", "/api/admin/audit-log/", { token })).status
}

it("whom the maker of a tenant names is its administrator from the first login on, and nobody else", async () => {
  expect((await make("acme", ["chief", "chief", "second"])).status).toBe(201)
  expect(await statusOf("worker", "acme")).toBe(403)
  expect(await statusOf("chief", "acme")).toBe(200)
  expect(await statusOf("second", "acme")).toBe(200)
  expect((await make("other", [])).status).toBe(201)
  expect(await statusOf("chief", "other")).toBe(403)

  const token = await node.login("chief", { tenant: "acme" })
  const log = await (await node.request("GET", "/api/admin/audit-log/?object_type=user", { token })).json()
  const granted = (log as { readonly entries: ReadonlyArray<{ readonly action: string }> }).entries
  expect(granted.filter(({ action }) => action === "user.role.grant")).toHaveLength(2)
  const made = await node.request("GET", "/api/admin/audit-log/?object_type=tenant&object_id=acme")
  expect(await made.json()).toMatchObject({
    entries: [{ action: "tenant.create", after: { administrators: ["chief", "second"] } }],
  })
})

it("what is taken from such an administrator later does not come back with the next login", async () => {
  const token = await node.login("chief", { tenant: "acme" })
  const listed = await node.request("GET", "/api/admin/users/?search=second", { token })
  const { users } = (await listed.json()) as { readonly users: ReadonlyArray<{ readonly id: string }> }
  const path = `/api/admin/users/${users[0]!.id}/roles/ADMIN`
  expect((await node.request("DELETE", path, { token })).status).toBeLessThan(300)
  expect(await statusOf("second", "acme")).toBe(403)
})

it("names that no user can have, and too many of them, are refused", async () => {
  expect((await make("bad", [""])).status).toBe(400)
  expect(
    (
      await make(
        "bad",
        Array.from({ length: 21 }, (_, index) => `u${index}`),
      )
    ).status,
  ).toBe(400)
})
