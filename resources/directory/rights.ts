/** What roles grant, and whether somebody who may do one thing may let others do another. Pure. */
import { builtinRoles, everyPermission } from "../../schemas/index.ts"

const ofThePlatform = "tenant:manage"

/** Most rights first: the role that a user is shown with. */
const byMight = ["ADMIN", "OPERATOR", "USER"]

export const mightiest = (roles: ReadonlyArray<string>): string =>
  byMight.find((role) => roles.includes(role)) ?? [...roles].sort()[0] ?? ""

export const isBuiltin = (role: string): role is keyof typeof builtinRoles =>
  Object.hasOwn(builtinRoles, role)

/** Permissions by name of role, for the roles that a tenant made itself. */
export type OwnRoles = ReadonlyMap<string, ReadonlyArray<string>>

/** In the platform's tenant `*` holds its tenants as well; elsewhere nothing holds them, whatever a row says. */
export const effective = (permissions: Iterable<string>, inPlatform: boolean): ReadonlyArray<string> => {
  const all = new Set(permissions)
  if (!inPlatform) all.delete(ofThePlatform)
  else if (all.has(everyPermission)) all.add(ofThePlatform)
  return [...all].sort()
}

/** A role that is neither built in nor the tenant's own grants nothing. */
export const permissionsOf = (
  roles: ReadonlyArray<string>,
  own: OwnRoles,
  inPlatform: boolean,
): ReadonlyArray<string> =>
  effective(
    roles.flatMap(
      (role): ReadonlyArray<string> => (isBuiltin(role) ? builtinRoles[role] : (own.get(role) ?? [])),
    ),
    inPlatform,
  )

const holds = (held: ReadonlySet<string>, permission: string): boolean =>
  held.has(permission) || (permission !== ofThePlatform && held.has(everyPermission))

/** Which of the wanted rights somebody does not hold, and so must not grant. */
export const missing = (held: ReadonlySet<string>, wanted: ReadonlyArray<string>): ReadonlyArray<string> =>
  wanted.filter((permission) => !holds(held, permission))

/** What an API key's scopes leave of its owner's rights. */
export const narrowed = (
  permissions: ReadonlyArray<string>,
  scopes: ReadonlySet<string> | undefined,
): ReadonlySet<string> => {
  if (scopes === undefined) return new Set(permissions)
  const held = new Set(permissions)
  const both = [
    ...permissions.filter((one) => holds(scopes, one)),
    ...[...scopes].filter((one) => holds(held, one)),
  ]
  return new Set(both)
}
