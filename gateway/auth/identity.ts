/** Who a request comes from. Tenant, user and permissions come from the credential and from nowhere else. */
import { GatewayError } from "../errors.ts"

export interface Identity {
  readonly tenant: string
  readonly user: string
  /** Names such as `actor:send`; `*` holds all. */
  readonly permissions: ReadonlySet<string>
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export type Permission =
  | "actor:send"
  | "agent:execute"
  | "agent:read"
  | "cep:read"
  | "cep:write"
  | "chat:use"
  | "lock:use"
  | "metric:write"
  | "ops:ask"
  | "platform:read"
  | "trace:read"
  | "trace:write"

export const requirePermission = (identity: Identity, permission: Permission): void => {
  if (identity.permissions.has("*") || identity.permissions.has(permission)) return
  throw new GatewayError(403, "USR_AUTH_003", "You may not do this.", { permission })
}
