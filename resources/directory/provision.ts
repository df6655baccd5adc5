/**
 * Takes over what an identity provider says of somebody who logs in. A user is who has the issuer's subject: a name that
 * belongs to somebody else is refused, and whom an administrator deactivated does not come back this way.
 */
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Refused } from "../refusal.ts"
import { type Changing, changing, type Parts } from "./change.ts"
import { checkedClaims } from "./claims.ts"
import type { Claims, DirectoryService, User } from "./directory.ts"
import { followProvider, providerGroups } from "./provider-groups.ts"
import { deactivated, usernameTaken } from "./refusals.ts"
import { touchUser, userRow } from "./user-rows.ts"

type Stored = Pick<User, "id" | "username" | "username_kr" | "email" | "department" | "is_active">
type Profile = Pick<User, "username_kr" | "email" | "department">

/** What the provider does not say stays. */
const profileAfter = (claims: Claims, before?: Profile): Profile => ({
  username_kr: claims.name ?? before?.username_kr ?? null,
  email: claims.email,
  department: claims.department ?? before?.department ?? null,
})

const isSame = (a: Profile, b: Profile) =>
  a.username_kr === b.username_kr && a.email === b.email && a.department === b.department

/** Errors: 403 `USR_AUTH_005`. */
const storedUser = Effect.fnUntraced(function* (
  sql: SqlClient,
  tenant: string,
  { issuer, subject }: Claims,
): Effect.fn.Return<Stored | undefined, Refused | SqlError> {
  const [user] = yield* sql<Stored>`SELECT id, username, username_kr, email, department, is_active FROM users
    WHERE tenant = ${tenant} AND issuer = ${issuer} AND subject = ${subject}`
  if (user !== undefined && !user.is_active) return yield* deactivated()
  return user
})

/** The name stays the first one for ever: it is the principal of what the user did. */
const create = Effect.fnUntraced(function* ({ sql, by, note }: Changing, claims: Claims) {
  const [tenant, key] = [by.tenant, claims.username.toLowerCase()]
  const taken = yield* sql`SELECT 1 FROM users WHERE tenant = ${tenant} AND username_key = ${key}`
  if (taken.length > 0) return yield* usernameTaken(claims.username)
  const id = randomUUID()
  const { username, issuer, subject } = claims
  const profile = profileAfter(claims)
  yield* sql`INSERT INTO users (tenant, id, issuer, subject, username, username_key, username_kr, email, department)
    VALUES (${tenant}, ${id}::text::uuid, ${issuer}, ${subject}, ${username}, ${key},
      ${profile.username_kr}, ${profile.email}, ${profile.department})`
  yield* sql`INSERT INTO user_roles (tenant, user_id, role) VALUES (${tenant}, ${id}::text::uuid, 'USER')`
  const after = { username, issuer, subject, ...profile, roles: ["USER"] }
  note({ action: "user.create", objectType: "user", objectId: id, after })
  return id
})

const update = Effect.fnUntraced(function* ({ sql, by, note }: Changing, user: Stored, claims: Claims) {
  const { id, username_kr, email, department } = user
  const [before, after] = [{ username_kr, email, department }, profileAfter(claims, user)]
  if (isSame(before, after)) return
  yield* sql`UPDATE users SET username_kr = ${after.username_kr}, email = ${after.email},
      department = ${after.department}, version = version + 1
    WHERE tenant = ${by.tenant} AND id = ${id}::text::uuid`
  note({ action: "user.change", objectType: "user", objectId: id, before, after })
})

const makeAdmin = Effect.fnUntraced(function* ({ sql, by, note }: Changing, id: string) {
  const granted = yield* sql`INSERT INTO user_roles (tenant, user_id, role)
    VALUES (${by.tenant}, ${id}::text::uuid, 'ADMIN') ON CONFLICT DO NOTHING RETURNING role`
  if (granted.length === 0) return
  yield* touchUser(sql, by.tenant, id)
  note({ action: "user.role.grant", objectType: "user", objectId: id, after: { role: "ADMIN" } })
})

/** Whether whoever made the tenant named this user as an administrator. */
const isAwaited = ({ tenancy: { management: sql } }: Parts, tenant: string, username: string) =>
  Effect.map(
    sql`SELECT 1 FROM awaited_administrators WHERE tenant = ${tenant} AND username = ${username}`,
    (rows) => rows.length > 0,
  )

const touchLogin = (sql: SqlClient, tenant: string, id: string) =>
  sql`UPDATE users SET last_login_at = now() WHERE tenant = ${tenant} AND id = ${id}::text::uuid`

export const makeProvision = (
  parts: Parts,
  isAdministrator: (tenant: string, username: string) => boolean,
): DirectoryService["provision"] => {
  /** Most logins change nothing: they do not wait for the tenant's other changes. */
  const unchanged = (tenant: string, claims: Claims) =>
    parts.tenancy.within(tenant, (sql) =>
      Effect.gen(function* () {
        const stored = yield* storedUser(sql, tenant, claims)
        if (stored === undefined || !isSame(stored, profileAfter(claims, stored))) return undefined
        const user = yield* userRow(sql, tenant, stored.id)
        if (isAdministrator(tenant, user.username) && !user.granted_roles.includes("ADMIN")) return undefined
        if (claims.groups !== undefined) {
          const before = yield* providerGroups(sql, tenant, user.id)
          if (claims.groups.join("\n").toLowerCase() !== before.join("\n")) return undefined
        }
        yield* touchLogin(sql, tenant, user.id)
        return yield* userRow(sql, tenant, user.id)
      }),
    )

  return Effect.fn("Directory.provision")(function* (tenant, given, changedBy) {
    const claims = yield* checkedClaims(given)
    const known = yield* unchanged(tenant, claims)
    if (known !== undefined) return known
    const awaited = yield* isAwaited(parts, tenant, claims.username)
    return yield* changing(parts, { ...changedBy, tenant }, (change) =>
      Effect.gen(function* () {
        const { sql } = change
        const stored = yield* storedUser(sql, tenant, claims)
        const id = stored?.id ?? (yield* create(change, claims))
        if (stored !== undefined) yield* update(change, stored, claims)
        // Only at the first login: what an administrator takes from somebody later does not come back.
        if ((awaited && stored === undefined) || isAdministrator(tenant, stored?.username ?? claims.username))
          yield* makeAdmin(change, id)
        if (claims.groups !== undefined) yield* followProvider(change, id, claims.groups)
        yield* touchLogin(sql, tenant, id)
        return yield* userRow(sql, tenant, id)
      }),
    )
  })
}
