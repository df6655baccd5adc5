/** Checks what a caller presents: a signed token, or an API key of which only the hash is known here. */
import { errors, jwtVerify } from "jose"
import type { GatewayLimits } from "../config.ts"
import { GatewayError } from "../errors.ts"
import { anonymous, type Identity } from "./identity.ts"
import { hashOf, VerifiedTokens } from "./verified-tokens.ts"

export const issuer = "millrace"
export const algorithm = "HS256"
export const apiKeyPrefix = "ak_live_"
const credentialCharactersMax = 8_192

export interface KnownApiKey {
  readonly hash: string
  readonly tenant: string
  readonly user: string
  readonly permissions: ReadonlyArray<string>
}

export interface Credentials {
  /** The identity if this credential was verified lately; costs one look-up. */
  readonly known: (credential: string) => Identity | undefined
  /** Rejects with a `GatewayError` of status 401. */
  readonly verify: (credential: string) => Promise<Identity>
}

const refused = (code: string, message: string, reason: string) =>
  new GatewayError(401, code, message, {
    reason,
    remedy: "send the header Authorization: Bearer <token or API key>",
  })

export const missingCredential = () =>
  refused("USR_AUTH_001", "You have to log in.", "no credential was sent")

const isStrings = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === "string")

/** `signingKey` is at least 32 random bytes. */
export const makeCredentials = (options: {
  readonly signingKey: Uint8Array
  readonly apiKeys: ReadonlyArray<KnownApiKey>
  readonly limits: Pick<GatewayLimits, "verifiedTokensMax" | "verifiedTokenMs">
}): Credentials => {
  const { limits } = options
  const verified = new VerifiedTokens(limits.verifiedTokensMax, limits.verifiedTokenMs)
  const apiKeys = new Map(options.apiKeys.map((key) => [key.hash, key]))

  const verifyApiKey = (apiKey: string): Identity => {
    const known = apiKeys.get(hashOf(apiKey))
    if (known === undefined) throw refused("USR_AUTH_002", "The API key is not valid.", "unknown API key")
    const { tenant, user } = known
    return {
      ...anonymous,
      tenant,
      user,
      permissions: new Set(known.permissions),
      expiresAt: Number.POSITIVE_INFINITY,
    }
  }

  const verifyToken = async (token: string): Promise<Identity> => {
    const { payload } = await jwtVerify(token, options.signingKey, {
      algorithms: [algorithm],
      issuer,
      requiredClaims: ["sub", "exp", "tenant"],
    }).catch((cause: unknown) => {
      throw cause instanceof errors.JWTExpired
        ? refused("USR_AUTH_004", "The token has expired; log in again.", "expired")
        : refused("USR_AUTH_002", "The token is not valid.", "the signature or a claim does not hold")
    })
    const { sub, exp, tenant, permissions } = payload
    if (typeof tenant !== "string" || !isStrings(permissions))
      throw refused("USR_AUTH_002", "The token is not valid.", "tenant and permissions are missing")
    return { ...anonymous, tenant, user: sub!, permissions: new Set(permissions), expiresAt: exp! * 1_000 }
  }

  return {
    known: (credential) => verified.get(credential, Date.now()),
    verify: async (credential) => {
      if (credential.length > credentialCharactersMax)
        throw refused("USR_AUTH_002", "The credential is not valid.", "it is too long")
      const identity = credential.startsWith(apiKeyPrefix)
        ? verifyApiKey(credential)
        : await verifyToken(credential)
      verified.put(credential, identity, Date.now())
      return identity
    },
  }
}
