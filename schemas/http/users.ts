/** Users over HTTP: oneself, and all of the tenant's for whoever administers them. */
import * as Schema from "effect/Schema"
import { storableTextOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { pageQuery, QueryBoolean, Timestamp, Uuid } from "./paging.ts"

/** The name of a role that there may be. */
export const RoleName = Schema.String.check(Schema.isPattern(/^[A-Z][A-Z0-9_]{0,63}$/u))

export const searchText = storableTextOf(200).check(Schema.isMinLength(1))

export const User = Schema.Struct({
  id: Uuid,
  username: Schema.String,
  username_kr: Schema.NullOr(Schema.String),
  email: Schema.String,
  department: Schema.NullOr(Schema.String),
  is_active: Schema.Boolean,
  /** The mightiest; empty without any. */
  role: Schema.String,
  /** Own and through groups. */
  roles: Schema.Array(Schema.String),
  /** Own: what can be revoked. */
  granted_roles: Schema.Array(Schema.String),
  groups: Schema.Array(Schema.Struct({ id: Uuid, name: Schema.String })),
  created_at: Timestamp,
  last_login_at: Schema.NullOr(Timestamp),
  version: Schema.Int,
})

export const UserPage = Schema.Struct({
  users: Schema.Array(User),
  total: Schema.Int,
  page: Schema.Int,
  limit: Schema.Int,
})

const params = { user: Uuid }
const roleParams = { user: Uuid, role: RoleName }
const permission = "user:write"

export const userEndpoints = {
  me: endpoint({
    id: "users.getMe",
    method: "GET",
    path: "/api/users/me",
    summary: "Who one is, and what one may do.",
    permission: "login",
    answer: Schema.Struct({ ...User.fields, permissions: Schema.Array(Schema.String) }),
    errors: ["USR_USER_001"],
  }),
  list: endpoint({
    id: "users.list",
    method: "GET",
    path: "/api/admin/users/",
    summary: "List the tenant's users.",
    permission: "user:read",
    query: {
      ...pageQuery,
      is_active: Schema.optionalKey(QueryBoolean),
      search: Schema.optionalKey(searchText),
      group: Schema.optionalKey(Uuid),
      role: Schema.optionalKey(RoleName),
    },
    answer: UserPage,
  }),
  get: endpoint({
    id: "users.get",
    method: "GET",
    path: "/api/admin/users/:user",
    summary: "Read one user.",
    permission: "user:read",
    params,
    answer: User,
    errors: ["USR_USER_001"],
  }),
  change: endpoint({
    id: "users.change",
    method: "PATCH",
    path: "/api/admin/users/:user",
    summary: "Activate or deactivate a user.",
    permission,
    params,
    body: Schema.Struct({ is_active: Schema.Boolean }),
    answer: User,
    errors: ["USR_USER_001", "USR_USER_004", "USR_ROLE_006", "USR_ROLE_007"],
  }),
  grantRole: endpoint({
    id: "users.roles.grant",
    method: "PUT",
    path: "/api/admin/users/:user/roles/:role",
    summary: "Grant a user a role; granting it again changes nothing.",
    permission,
    params: roleParams,
    answer: User,
    errors: ["USR_USER_001", "USR_ROLE_001", "USR_ROLE_007"],
  }),
  revokeRole: endpoint({
    id: "users.roles.revoke",
    method: "DELETE",
    path: "/api/admin/users/:user/roles/:role",
    summary: "Take a role from a user.",
    permission,
    params: roleParams,
    answer: User,
    errors: ["USR_USER_001", "USR_ROLE_006", "USR_ROLE_009"],
  }),
} as const
