/**
 * Access tokens: JWTs that say who somebody is and in which login, and nothing of what they may do. Algorithm, type,
 * issuer and audience are pinned, so that no other token passes for one. Source: RFC 9068, RFC 8725.
 */
import { type CryptoKey, errors, jwtVerify, SignJWT } from "jose"
import { signingAlgorithm } from "../../resources/index.ts"
import { GatewayError } from "../errors.ts"

export const tokenIssuer = "millrace"
export const tokenAudience = "millrace"
const tokenType = "at+jwt"

export interface AccessClaims {
  readonly tenant: string
  readonly userId: string
  readonly username: string
  /** Of the login. */
  readonly session: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export const signAccessToken = (
  { kid, privateKey }: { readonly kid: string; readonly privateKey: CryptoKey },
  { tenant, userId, username, session, expiresAt }: AccessClaims,
  now: number,
): Promise<string> =>
  new SignJWT({ tenant, username, sid: session })
    .setProtectedHeader({ alg: signingAlgorithm, typ: tokenType, kid })
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setSubject(userId)
    .setIssuedAt(Math.floor(now / 1_000))
    .setExpirationTime(Math.floor(expiresAt / 1_000))
    .sign(privateKey)

export const refusedCredential = (code: string, message: string, reason: string) =>
  new GatewayError(401, code, message, {
    reason,
    remedy: "send the header Authorization: Bearer <token or API key>",
  })

const notValid = (reason: string) => refusedCredential("USR_AUTH_002", "The token is not valid.", reason)
const expired = () => refusedCredential("USR_AUTH_004", "The token has expired; log in again.", "expired")

/** What `millrace` makes of a key's name is looked up as it is, never as a path or an address. */
const kidPattern = /^[A-Za-z0-9_-]{1,64}$/

/** Rejects with a `GatewayError` of status 401, or with what `keyOf` rejects with. */
export const verifyAccessToken = async (
  token: string,
  keyOf: (kid: string) => Promise<CryptoKey | undefined>,
  now: number,
): Promise<AccessClaims> => {
  const key = async ({ kid }: { kid?: string | undefined }) => {
    const found = kid !== undefined && kidPattern.test(kid) ? await keyOf(kid) : undefined
    if (found === undefined) throw notValid("no key of that name signs tokens here")
    return found
  }
  const { payload } = await jwtVerify(token, key, {
    algorithms: [signingAlgorithm],
    typ: tokenType,
    issuer: tokenIssuer,
    audience: tokenAudience,
    requiredClaims: ["sub", "exp", "iat", "tenant", "username", "sid"],
    currentDate: new Date(now),
  }).catch((cause: unknown) => {
    if (cause instanceof errors.JWTExpired) throw expired()
    if (cause instanceof errors.JOSEError || cause instanceof TypeError)
      throw notValid("the signature or a claim does not hold")
    throw cause
  })
  const { sub, exp, tenant, username, sid } = payload
  if (typeof tenant !== "string" || typeof username !== "string" || typeof sid !== "string")
    throw notValid("a claim has another form")
  return { tenant, username, userId: sub!, session: sid, expiresAt: exp! * 1_000 }
}
