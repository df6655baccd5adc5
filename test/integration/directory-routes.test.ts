/** Users, groups and roles over HTTP: shapes, versions, permissions and errors, on a real database. */
import type { AddressInfo } from "node:net"
import { type ServerType, serve } from "@hono/node-server"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Hono } from "hono"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { mount } from "../../gateway/entrance.ts"
import { groupRoutes } from "../../gateway/http/groups.ts"
import { roleRoutes } from "../../gateway/http/roles.ts"
import { userRoutes } from "../../gateway/http/users.ts"
import {
  type Credentials,
  defaultGatewayLimits,
  type GatewayServices,
  makeWebPolicy,
  RequestMetrics,
} from "../../gateway/index.ts"
import type { GatewayEnvironment } from "../../gateway/route.ts"
import { Directory, type Tenancy, type User } from "../../resources/index.ts"
import { groupEndpoints, isPermission, roleEndpoints, userEndpoints } from "../../schemas/index.ts"
import { directory } from "../support/directory.ts"
import { errorOf } from "../support/http-answers.ts"

const scope = Effect.runSync(Scope.make())
let context: Context.Context<Directory | Tenancy>
let url: string
let server: ServerType

/** A credential is `tenant/username`; its rights are what the directory says now. */
const credentials = ({ access: accessOf }: Directory["Service"]): Credentials => ({
  known: () => undefined,
  verify: async (credential) => {
    const [tenant = "", user = ""] = credential.split("/")
    const access = await Effect.runPromise(accessOf(tenant, user))
    return {
      tenant,
      user,
      userId: access?.user_id ?? "",
      groups: new Set(access?.groups),
      department: access?.department,
      permissions: new Set(access?.permissions),
      session: "s",
      expiresAt: Number.POSITIVE_INFINITY,
    }
  },
})

const login = (username: string, tenant = "default"): Promise<User> =>
  Effect.runPromise(
    Directory.use(({ provision }) =>
      provision(
        tenant,
        { issuer: "i", subject: username, username, email: `${username}@example.test` },
        { tenant, user: "system" },
      ),
    ).pipe(Effect.provide(context)),
  )

beforeAll(async () => {
  const inScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
    Effect.runPromise(Effect.provideService(effect, Scope.Scope, scope))
  context = await inScope(Layer.build(directory))
  const services = {
    credentials: credentials(Context.get(context, Directory)),
    limits: defaultGatewayLimits,
    web: makeWebPolicy({ publicUrl: undefined, corsOrigins: [] }),
    metrics: new RequestMetrics(),
    context,
  } as unknown as GatewayServices
  const app = new Hono<GatewayEnvironment>({ strict: false })
  mount(app, services, [...userRoutes(services), ...groupRoutes(services), ...roleRoutes(services)])
  await new Promise<void>((listening) => {
    server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () => listening())
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await Promise.all([login("boss"), login("plain"), login("chief", "acme")])
}, 60_000)
afterAll(async () => {
  server.close()
  await Effect.runPromise(Scope.close(scope, Exit.void))
})

const request = (
  method: string,
  path: string,
  { as = "default/boss", body, match }: { as?: string; body?: unknown; match?: string | undefined } = {},
) =>
  fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${as}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(match === undefined ? {} : { "if-match": match }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

/** The answer, which has to be what the contract says. */
const answer = async <S extends Schema.Codec<unknown, unknown>>(
  schema: S,
  response: Promise<Response>,
): Promise<S["Type"]> => {
  const given = await response
  expect(given.status).toBeLessThan(300)
  return Schema.decodeUnknownSync(schema, { onExcessProperty: "error" })(await given.json())
}
const refused = async (response: Promise<Response>) => {
  const { status, code } = await errorOf(await response)
  return `${status} ${code}`
}
const nobody = "00000000-0000-4000-8000-000000000000"

describe("users over HTTP", () => {
  it("are shown to themselves with their rights", async () => {
    const me = await answer(userEndpoints.me.answer, request("GET", "/api/users/me", { as: "default/plain" }))
    expect(me).toMatchObject({ username: "plain", role: "USER" })
    expect(me.permissions).toContain("chat:use")
    expect(await refused(request("GET", "/api/users/me", { as: "default/ghost" }))).toBe("404 USR_USER_001")
  })

  it("are listed, found and counted by page", async () => {
    const list = (query: string) =>
      answer(userEndpoints.list.answer, request("GET", `/api/admin/users/${query}`))
    expect(await list("")).toMatchObject({ total: 2, page: 1, limit: 20 })
    expect(
      (await list("?search=PLA&is_active=true&role=USER")).users.map(({ username }) => username),
    ).toEqual(["plain"])
    expect((await list("?page=2&limit=1")).users.map(({ username }) => username)).toEqual(["plain"])
    expect((await list("?is_active=false")).total).toBe(0)
    for (const query of ["?limit=101", "?page=0", "?is_active=1", "?group=x", "?search=%00", "?order=name"])
      expect(await refused(request("GET", `/api/admin/users/${query}`))).toBe("400 GTW_QUERY_001")
  })

  it("are deactivated in the version that the caller saw, and no other", async () => {
    const { id } = await login("leaver")
    const path = `/api/admin/users/${id}`
    const seen = await request("GET", path)
    const tag = seen.headers.get("etag")
    expect(tag).toBe('"1"')
    const change = (active: unknown, match?: string) =>
      request("PATCH", path, { body: { is_active: active }, match })
    const done = await change(false, tag!)
    expect([done.status, done.headers.get("etag")]).toEqual([200, '"2"'])
    expect(await refused(change(true, tag!))).toBe("412 USR_USER_004")
    expect(await refused(change(true, "2"))).toBe("400 GTW_HEAD_003")
    expect(await refused(change("yes"))).toBe("400 GTW_BODY_006")
    expect((await change(true, "*")).status).toBe(200)
    const more = request("PATCH", path, { body: { is_active: true, username: "boss" } })
    expect(await refused(more)).toBe("400 GTW_BODY_006")
  })

  it("are granted roles and lose them, by whoever may", async () => {
    const { id } = await login("riser")
    const path = `/api/admin/users/${id}/roles`
    const granted = await answer(userEndpoints.grantRole.answer, request("PUT", `${path}/OPERATOR`))
    expect(granted).toMatchObject({ role: "OPERATOR", granted_roles: ["OPERATOR", "USER"] })
    expect((await request("PUT", `${path}/OPERATOR`)).headers.get("etag")).toBe('"2"')
    const revoked = await answer(userEndpoints.revokeRole.answer, request("DELETE", `${path}/OPERATOR`))
    expect(revoked.roles).toEqual(["USER"])
    expect(await refused(request("DELETE", `${path}/OPERATOR`))).toBe("404 USR_ROLE_009")
    expect(await refused(request("PUT", `${path}/NONE`))).toBe("404 USR_ROLE_001")
    expect(await refused(request("PUT", `${path}/no-role`))).toBe("400 GTW_PATH_001")
    expect(await refused(request("PUT", `/api/admin/users/${nobody}/roles/USER`))).toBe("404 USR_USER_001")
    expect(await refused(request("GET", "/api/admin/users/7"))).toBe("400 GTW_PATH_001")
  })

  it("cannot be read or changed without the right, nor those of another tenant", async () => {
    const { id } = await login("victim")
    const path = `/api/admin/users/${id}`
    const forbidden = "403 USR_AUTH_003"
    expect(await refused(request("GET", "/api/admin/users/", { as: "default/plain" }))).toBe(forbidden)
    expect(await refused(request("PUT", `${path}/roles/ADMIN`, { as: "default/plain" }))).toBe(forbidden)
    const foreign = { as: "acme/chief" }
    expect(await refused(request("GET", path, foreign))).toBe("404 USR_USER_001")
    expect(await refused(request("PUT", `${path}/roles/ADMIN`, foreign))).toBe("404 USR_USER_001")
    const change = request("PATCH", path, { ...foreign, body: { is_active: false } })
    expect(await refused(change)).toBe("404 USR_USER_001")
  })

  it("keep an administrator", async () => {
    const chief = await login("chief", "acme")
    const as = "acme/chief"
    const path = `/api/admin/users/${chief.id}`
    expect(await refused(request("PATCH", path, { as, body: { is_active: false } }))).toBe("409 USR_ROLE_006")
    expect(await refused(request("DELETE", `${path}/roles/ADMIN`, { as }))).toBe("409 USR_ROLE_006")
  })
})

describe("groups over HTTP", () => {
  it("are made, changed, filled, emptied and deleted", async () => {
    const { id: user } = await login("member")
    const made = await request("POST", "/api/admin/groups/", { body: { name: "Team", roles: ["VIEWER"] } })
    expect([made.status, made.headers.get("etag")]).toEqual([201, '"1"'])
    const { id } = (await made.json()) as { id: string }
    const path = `/api/admin/groups/${id}`
    expect((await request("PUT", `${path}/members/${user}`)).status).toBe(204)
    expect((await request("PUT", `${path}/members/${user}`)).status).toBe(204)
    expect(await answer(groupEndpoints.get.answer, request("GET", path))).toMatchObject({ members: 1 })
    const members = await answer(groupEndpoints.members.answer, request("GET", `${path}/members/?limit=5`))
    expect(members).toMatchObject({ total: 1, limit: 5, users: [{ username: "member", role: "USER" }] })
    expect(members.users[0]?.roles).toEqual(["USER", "VIEWER"])
    const change = request("PATCH", path, { body: { description: "the team" }, match: '"1"' })
    expect(await answer(groupEndpoints.change.answer, change)).toMatchObject({ name: "Team", version: 2 })
    expect(await refused(request("DELETE", path, { match: '"1"' }))).toBe("412 USR_GRP_003")
    expect((await request("DELETE", `${path}/members/${user}`)).status).toBe(204)
    expect(await refused(request("DELETE", `${path}/members/${user}`))).toBe("404 USR_GRP_004")
    expect((await request("DELETE", path, { match: '"2"' })).status).toBe(204)
    expect(await refused(request("GET", path))).toBe("404 USR_GRP_001")
  })

  it("are listed, and refused where they cannot be", async () => {
    const create = (body: unknown) => request("POST", "/api/admin/groups/", { body })
    await create({ name: "Listed" })
    const list = await answer(groupEndpoints.list.answer, request("GET", "/api/admin/groups?search=list"))
    expect(list).toMatchObject({ total: 1, groups: [{ name: "Listed", roles: [], members: 0 }] })
    expect(await refused(create({ name: "LISTED" }))).toBe("409 USR_GRP_002")
    expect(await refused(create({ name: "x", roles: ["NONE"] }))).toBe("422 USR_ROLE_001")
    for (const name of ["", "  ", "a\u0000b", "\ud800", "a\nb", "x".repeat(257)])
      expect(await refused(create({ name }))).toBe("400 GTW_BODY_006")
    expect(await refused(create({ name: "x", description: "\u0000" }))).toBe("400 GTW_BODY_006")
    expect(await refused(create({ name: "x", tenant: "acme" }))).toBe("400 GTW_BODY_006")
    expect(await refused(request("GET", "/api/admin/groups/", { as: "default/plain" }))).toBe(
      "403 USR_AUTH_003",
    )
  })
})

describe("roles over HTTP", () => {
  it("are made of permissions, changed, and deleted when nobody has them", async () => {
    const path = "/api/admin/roles/SCRIBE"
    const create = (body: unknown) => request("POST", "/api/admin/roles/", { body })
    const scribe = { name: "SCRIBE", permissions: ["audit:read", "audit:read"] }
    expect(await answer(roleEndpoints.create.answer, create(scribe))).toEqual({
      name: "SCRIBE",
      description: "",
      permissions: ["audit:read"],
      builtin: false,
      version: 1,
    })
    expect(await refused(create(scribe))).toBe("409 USR_ROLE_002")
    expect(await refused(create({ name: "X", permissions: ["fly"] }))).toBe("422 USR_ROLE_005")
    expect(await refused(create({ name: "lower", permissions: [] }))).toBe("400 GTW_BODY_006")
    const change = request("PATCH", path, { body: { permissions: ["chat:use"] }, match: '"1"' })
    expect(await answer(roleEndpoints.change.answer, change)).toMatchObject({ version: 2 })
    expect(await refused(request("PATCH", path, { body: {}, match: '"1"' }))).toBe("412 USR_ROLE_008")
    const { id } = await login("scribe")
    await request("PUT", `/api/admin/users/${id}/roles/SCRIBE`)
    expect(await refused(request("DELETE", path))).toBe("409 USR_ROLE_004")
    await request("DELETE", `/api/admin/users/${id}/roles/SCRIBE`)
    expect((await request("DELETE", path)).status).toBe(204)
    expect(await refused(request("GET", path))).toBe("404 USR_ROLE_001")
    expect(await refused(request("DELETE", "/api/admin/roles/ADMIN"))).toBe("409 USR_ROLE_003")
  })

  it("are listed with those that every tenant has, and so are the permissions", async () => {
    const { roles } = await answer(roleEndpoints.list.answer, request("GET", "/api/admin/roles/"))
    expect(roles.filter(({ builtin }) => builtin).map(({ name }) => name)).toEqual([
      "ADMIN",
      "OPERATOR",
      "USER",
      "VIEWER",
    ])
    const { permissions } = await answer(
      roleEndpoints.permissions.answer,
      request("GET", "/api/admin/permissions/"),
    )
    expect(permissions[0]?.name).toBe("*")
    expect(permissions.slice(1).every(({ name }) => isPermission(name))).toBe(true)
  })
})
