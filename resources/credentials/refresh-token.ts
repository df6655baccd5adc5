/**
 * The text of a refresh token: `rt_<tenant>.<family>.<secret>`, each in base64url. The tenant is in it because the login
 * is looked up in the tenant's rows; whoever changes it finds nothing there.
 */
import { randomBytes } from "node:crypto"
import { randomSecret } from "./hash.ts"

export interface RefreshToken {
  readonly tenant: string
  readonly family: string
  readonly secret: string
  readonly text: string
}

const familyBytes = 16
const format = /^rt_([A-Za-z0-9_-]{1,256})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/

/** The first of a family, or the next. */
export const makeRefreshToken = (
  tenant: string,
  family = randomBytes(familyBytes).toString("base64url"),
): RefreshToken => {
  const secret = randomSecret()
  return {
    tenant,
    family,
    secret,
    text: `rt_${Buffer.from(tenant).toString("base64url")}.${family}.${secret}`,
  }
}

/** Undefined unless it is exactly what `makeRefreshToken` writes. */
export const parseRefreshToken = (text: string): RefreshToken | undefined => {
  const match = format.exec(text)
  if (match === null) return undefined
  const tenant = Buffer.from(match[1]!, "base64url").toString("utf8")
  // Postgres takes no NUL; and one token has one spelling.
  if (tenant.includes("\0") || Buffer.from(tenant).toString("base64url") !== match[1]) return undefined
  return { tenant, family: match[2]!, secret: match[3]!, text }
}
