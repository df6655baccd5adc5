/** What the directory refuses, with its codes; they are part of the API. */
import { type Refused, refuse } from "../refusal.ts"

const readAgain = "read it again, and send the ETag of that answer as If-Match"

export const unknownUser = (id: string): Refused =>
  refuse("not-found", "USR_USER_001", "There is no such user.", { field: "user", id })

export const usernameTaken = (username: string): Refused =>
  refuse("conflict", "USR_USER_002", "Another account has this user name.", {
    field: "username",
    username,
    remedy: "the identity provider has to give this person another user name: accounts are never taken over",
  })

export const badClaim = (field: string, reason: string): Refused =>
  refuse("invalid", "USR_USER_003", "What the identity provider says of the user cannot be taken.", {
    field,
    reason,
    remedy: "correct the claim at the identity provider",
  })

export const staleUser = (current: number): Refused =>
  refuse("stale", "USR_USER_004", "The user was changed meanwhile.", { current, remedy: readAgain })

export const deactivated = (): Refused =>
  refuse("forbidden", "USR_AUTH_005", "This account is deactivated.", {
    remedy: "ask an administrator to activate it",
  })

export const unknownRole = (role: string, reason: "not-found" | "invalid", field = "role"): Refused =>
  refuse(reason, "USR_ROLE_001", "There is no such role.", {
    field,
    role,
    remedy: "GET /api/admin/roles/ lists the roles",
  })

export const roleTaken = (name: string): Refused =>
  refuse("conflict", "USR_ROLE_002", "There is a role of this name.", { field: "name", name })

export const builtinRole = (name: string): Refused =>
  refuse("conflict", "USR_ROLE_003", "Built-in roles stay as they are.", {
    field: "role",
    name,
    remedy: "create a role of your own",
  })

export const roleInUse = (name: string, users: number, groups: number): Refused =>
  refuse("conflict", "USR_ROLE_004", "The role is in use.", {
    name,
    users,
    groups,
    remedy: "revoke it from these users and groups first",
  })

export const unknownPermission = (permission: string, reason: string): Refused =>
  refuse("invalid", "USR_ROLE_005", "A role cannot hold this permission.", {
    field: "permissions",
    permission,
    reason,
    remedy: "GET /api/admin/permissions/ lists the permissions",
  })

export const lastAdmin = (): Refused =>
  refuse("conflict", "USR_ROLE_006", "Nobody would be left who is ADMIN and active.", {
    remedy: "make another active user ADMIN first",
  })

export const moreThanHeld = (permissions: ReadonlyArray<string>): Refused =>
  refuse("forbidden", "USR_ROLE_007", "You cannot grant rights that you do not hold.", {
    permissions,
    remedy: "ask somebody who holds these permissions",
  })

export const staleRole = (current: number): Refused =>
  refuse("stale", "USR_ROLE_008", "The role was changed meanwhile.", { current, remedy: readAgain })

export const roleNotGranted = (role: string): Refused =>
  refuse("not-found", "USR_ROLE_009", "The user was not granted this role.", {
    field: "role",
    role,
    remedy: "a role that comes through a group is revoked from the group, or by leaving it",
  })

export const tooManyRoles = (limit: number): Refused =>
  refuse("limit", "USR_ROLE_010", "The tenant has as many roles as it may have.", {
    limit,
    remedy: "delete roles that nobody has",
  })

export const badRoleName = (name: string): Refused =>
  refuse("invalid", "USR_ROLE_011", "This cannot be the name of a role.", {
    field: "name",
    name,
    remedy: "capital letters, digits and _, a letter first, at most 64",
  })

export const unknownGroup = (id: string): Refused =>
  refuse("not-found", "USR_GRP_001", "There is no such group.", { field: "group", id })

export const groupTaken = (name: string): Refused =>
  refuse("conflict", "USR_GRP_002", "There is a group of this name.", { field: "name", name })

export const staleGroup = (current: number): Refused =>
  refuse("stale", "USR_GRP_003", "The group was changed meanwhile.", { current, remedy: readAgain })

export const notMember = (user: string): Refused =>
  refuse("not-found", "USR_GRP_004", "The user is not in this group.", { field: "user", id: user })

export const tooManyGroups = (limit: number): Refused =>
  refuse("limit", "USR_GRP_005", "The tenant has as many groups as it may have.", {
    limit,
    remedy: "delete groups that nobody needs",
  })

export const badGroup = (field: string, reason: string): Refused =>
  refuse("invalid", "USR_GRP_006", "The group cannot be like this.", { field, reason })
