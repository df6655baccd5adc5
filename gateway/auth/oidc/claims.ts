/** What an id token says of a user, in the directory's words; and of which tenant. */
import type { JWTPayload } from "jose"
import type { Claims } from "../../../resources/index.ts"
import { GatewayError } from "../../errors.ts"

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value.trim() : undefined

const incomplete = (claim: string) =>
  new GatewayError(403, "USR_SSO_004", "The identity provider does not say enough about you.", {
    field: claim,
    remedy: `have the provider put the claim ${claim} into id tokens`,
  })

/** Absent: undefined, so that memberships stay as they are. */
const groupsOf = (value: unknown): ReadonlyArray<string> | undefined =>
  Array.isArray(value) ? value.filter((item): item is string => textOf(item) !== undefined) : undefined

/** `issuer`: under which the directory keeps the subject. Errors: 403 `USR_SSO_004`. */
export const claimsOf = (payload: JWTPayload, issuer: string): Claims => {
  const username = textOf(payload.preferred_username)
  if (username === undefined) throw incomplete("preferred_username")
  const email = textOf(payload.email)
  if (email === undefined) throw incomplete("email")
  return {
    issuer,
    subject: payload.sub!,
    username,
    email,
    name: textOf(payload.username_kr) ?? textOf(payload.name),
    department: textOf(payload.department),
    groups: groupsOf(payload.groups),
  }
}

/** A tenant that is named wrongly is not taken for the default one. Errors: 403 `USR_SSO_004`. */
export const tenantOf = (payload: JWTPayload, claim: string, otherwise: string): string => {
  const value = payload[claim]
  if (value === undefined || value === null) return otherwise
  const tenant = textOf(value)
  if (tenant === undefined) throw incomplete(claim)
  return tenant
}
