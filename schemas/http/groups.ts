/** Groups over HTTP: what they are called, the roles that they give, and who is in them. */
import * as Schema from "effect/Schema"
import { nameOf, storableTextOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { pageQuery, Timestamp, Uuid } from "./paging.ts"
import { RoleName, searchText, UserPage } from "./users.ts"

/** Roles that one group may give. */
export const groupRolesMax = 50

export const Group = Schema.Struct({
  id: Uuid,
  name: Schema.String,
  description: Schema.String,
  roles: Schema.Array(Schema.String),
  /** How many there are. */
  members: Schema.Int,
  created_at: Timestamp,
  /** Of the group itself: who enters or leaves does not change it. */
  version: Schema.Int,
})

const Name = nameOf(256)
const Description = storableTextOf(2_000)
const Roles = Schema.Array(RoleName).check(Schema.isMaxLength(groupRolesMax))
const params = { group: Uuid }
const memberParams = { group: Uuid, user: Uuid }
const permission = "group:write"

export const groupEndpoints = {
  list: endpoint({
    id: "groups.list",
    method: "GET",
    path: "/api/admin/groups/",
    summary: "List the tenant's groups.",
    permission: "group:read",
    query: { ...pageQuery, search: Schema.optionalKey(searchText) },
    answer: Schema.Struct({
      groups: Schema.Array(Group),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  get: endpoint({
    id: "groups.get",
    method: "GET",
    path: "/api/admin/groups/:group",
    summary: "Read one group.",
    permission: "group:read",
    params,
    answer: Group,
    errors: ["USR_GRP_001"],
  }),
  create: endpoint({
    id: "groups.create",
    method: "POST",
    path: "/api/admin/groups/",
    summary: "Make a group.",
    idempotent: true,
    permission,
    body: Schema.Struct({
      name: Name,
      description: Schema.optionalKey(Description),
      roles: Schema.optionalKey(Roles),
    }),
    answer: Group,
    status: 201,
    errors: ["USR_GRP_002", "USR_GRP_005", "USR_ROLE_001", "USR_ROLE_007"],
  }),
  change: endpoint({
    id: "groups.change",
    method: "PATCH",
    path: "/api/admin/groups/:group",
    summary: "Rename or describe a group, or change the roles that it gives.",
    permission,
    params,
    body: Schema.Struct({
      name: Schema.optionalKey(Name),
      description: Schema.optionalKey(Description),
      roles: Schema.optionalKey(Roles),
    }),
    answer: Group,
    errors: ["USR_GRP_001", "USR_GRP_002", "USR_GRP_003", "USR_ROLE_001", "USR_ROLE_006", "USR_ROLE_007"],
  }),
  delete: endpoint({
    id: "groups.delete",
    method: "DELETE",
    path: "/api/admin/groups/:group",
    summary: "Delete a group; its members lose what it gave them.",
    permission,
    params,
    errors: ["USR_GRP_001", "USR_GRP_003", "USR_ROLE_006"],
  }),
  members: endpoint({
    id: "groups.members.list",
    method: "GET",
    path: "/api/admin/groups/:group/members/",
    summary: "List who is in a group.",
    permission: "group:read",
    params,
    query: pageQuery,
    answer: UserPage,
    errors: ["USR_GRP_001"],
  }),
  addMember: endpoint({
    id: "groups.members.add",
    method: "PUT",
    path: "/api/admin/groups/:group/members/:user",
    summary: "Put a user into a group; doing so again changes nothing.",
    permission,
    params: memberParams,
    errors: ["USR_GRP_001", "USR_USER_001", "USR_ROLE_007"],
  }),
  removeMember: endpoint({
    id: "groups.members.remove",
    method: "DELETE",
    path: "/api/admin/groups/:group/members/:user",
    summary: "Take a user out of a group.",
    permission,
    params: memberParams,
    errors: ["USR_GRP_001", "USR_GRP_004", "USR_USER_001", "USR_ROLE_006"],
  }),
} as const
