/** Who a request comes from. Tenant, user and rights come from the credential and what is stored, never from the request. */
import { apiKeySession } from "../../resources/index.ts"
import { everyPermission, type Permission, type RoutePermission } from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"

const keySession = apiKeySession(0).slice(0, -1)

export interface Identity {
  readonly tenant: string
  /** The user's name: the principal of commands, never reused. */
  readonly user: string
  /** The user's id; empty for an anonymous request. */
  readonly userId: string
  /** Ids of the groups that the user is in. */
  readonly groups: ReadonlySet<string>
  readonly department: string | undefined
  /** What roles grant, narrowed by the scopes of an API key; `*` holds all. */
  readonly permissions: ReadonlySet<string>
  /** Of the API key, if it has some. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** The login that the token belongs to, or the API key's id. */
  readonly session: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export const anonymous: Identity = {
  tenant: "",
  user: "",
  userId: "",
  groups: new Set(),
  department: undefined,
  permissions: new Set(),
  session: "",
  expiresAt: 0,
}

/** Whether it comes from an API key, and not from a login. */
export const isApiKeyIdentity = ({ session }: Identity): boolean => session.startsWith(keySession)

/** As commands that start an answer carry it: what the agent does later is bounded by the credential that asked. */
export const scopesOf = ({ scopes }: Identity): { readonly scopes?: ReadonlyArray<string> } =>
  scopes === undefined ? {} : { scopes }

export const holds = (identity: Identity, permission: Permission): boolean =>
  identity.permissions.has(permission) ||
  // Tenants are the platform's: whoever may do everything in a tenant does not hold them by that.
  (permission !== "tenant:manage" && identity.permissions.has(everyPermission))

/** The one check of a right. Errors: 403 `USR_AUTH_003`. */
export const authorize = (identity: Identity, permission: RoutePermission): void => {
  if (permission === "public" || permission === "login" || holds(identity, permission)) return
  throw new GatewayError(403, "USR_AUTH_003", "You may not do this.", {
    permission,
    remedy: "ask an administrator for a role that grants this permission",
  })
}
