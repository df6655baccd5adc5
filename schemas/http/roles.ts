/** Roles over HTTP, and the permissions that they are made of. */
import * as Schema from "effect/Schema"
import { storableTextOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { RoleName } from "./users.ts"

export const Role = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  permissions: Schema.Array(Schema.String),
  /** Every tenant has these, and nobody changes them. */
  builtin: Schema.Boolean,
  version: Schema.Int,
})

const Description = storableTextOf(2_000)
/** Whether there is such a permission is answered with 422. */
const Permissions = Schema.Array(Schema.String.check(Schema.isPattern(/^(?:\*|[a-z][a-z:-]{0,63})$/u))).check(
  Schema.isMaxLength(200),
)
const params = { role: RoleName }
const permission = "role:write"

export const roleEndpoints = {
  list: endpoint({
    id: "roles.list",
    method: "GET",
    path: "/api/admin/roles/",
    summary: "List the roles that the tenant has.",
    permission: "role:read",
    answer: Schema.Struct({ roles: Schema.Array(Role), total: Schema.Int }),
  }),
  get: endpoint({
    id: "roles.get",
    method: "GET",
    path: "/api/admin/roles/:role",
    summary: "Read one role.",
    permission: "role:read",
    params,
    answer: Role,
    errors: ["USR_ROLE_001"],
  }),
  create: endpoint({
    id: "roles.create",
    method: "POST",
    path: "/api/admin/roles/",
    summary: "Make a role of permissions that one holds.",
    idempotent: true,
    permission,
    body: Schema.Struct({
      name: RoleName,
      description: Schema.optionalKey(Description),
      permissions: Permissions,
    }),
    answer: Role,
    status: 201,
    errors: ["USR_ROLE_002", "USR_ROLE_005", "USR_ROLE_007", "USR_ROLE_010"],
  }),
  change: endpoint({
    id: "roles.change",
    method: "PATCH",
    path: "/api/admin/roles/:role",
    summary: "Describe a role anew, or change its permissions.",
    permission,
    params,
    body: Schema.Struct({
      description: Schema.optionalKey(Description),
      permissions: Schema.optionalKey(Permissions),
    }),
    answer: Role,
    errors: ["USR_ROLE_001", "USR_ROLE_003", "USR_ROLE_005", "USR_ROLE_007", "USR_ROLE_008"],
  }),
  delete: endpoint({
    id: "roles.delete",
    method: "DELETE",
    path: "/api/admin/roles/:role",
    summary: "Delete a role that nobody has.",
    permission,
    params,
    errors: ["USR_ROLE_001", "USR_ROLE_003", "USR_ROLE_004", "USR_ROLE_008"],
  }),
  permissions: endpoint({
    id: "permissions.list",
    method: "GET",
    path: "/api/admin/permissions/",
    summary: "List the permissions that roles can be made of.",
    permission: "role:read",
    answer: Schema.Struct({
      permissions: Schema.Array(Schema.Struct({ name: Schema.String, description: Schema.String })),
      total: Schema.Int,
    }),
  }),
} as const
