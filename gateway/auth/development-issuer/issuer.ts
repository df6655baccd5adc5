/**
 * An identity provider for development: whoever asks is whom they say. It speaks OpenID Connect like any other, so that a
 * login with it goes the way of every login. Its keys and codes live in this process only; it never exists in production.
 */
import { createHash } from "node:crypto"
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose"
import { hashOf, randomSecret } from "../../../resources/index.ts"

export const developmentClientId = "millrace"
/** Below the node's own address. */
export const developmentIssuerPath = "/dev/oidc"
const algorithm = "ES256"
const kid = "development"
const codeMs = 60_000
const idTokenSeconds = 300
const codesMax = 1_000

export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly state: string | undefined
  readonly nonce: string | undefined
  readonly challenge: string
}

/** Who somebody says to be. */
export interface ChosenUser {
  readonly username: string
  /** Undefined: the provider says nothing of groups. */
  readonly groups: ReadonlyArray<string> | undefined
  readonly department: string | undefined
  readonly tenant: string | undefined
}

export interface DevelopmentIssuer {
  readonly keys: { readonly keys: ReadonlyArray<JWK> }
  /** A code for one use. */
  readonly grant: (request: AuthorizationRequest, user: ChosenUser) => string
  /** Undefined when the code, the address or the verifier does not fit; the code is used up either way. */
  readonly redeem: (
    issuer: string,
    given: { readonly code: string; readonly redirectUri: string; readonly verifier: string },
  ) => Promise<string | undefined>
}

interface Granted {
  readonly request: AuthorizationRequest
  readonly user: ChosenUser
  readonly until: number
}

/** Any name may be typed in; the part before the first `@` or space serves as one of a mailbox. */
const emailOf = (username: string): string =>
  `${username.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, ".")}@example.com`

const claimsOf = ({ username, groups, department, tenant }: ChosenUser, nonce: string | undefined) => ({
  preferred_username: username,
  name: username,
  email: emailOf(username),
  ...(groups === undefined ? {} : { groups }),
  ...(department === undefined ? {} : { department }),
  ...(tenant === undefined ? {} : { tenant }),
  ...(nonce === undefined ? {} : { nonce }),
})

export const makeDevelopmentIssuer = async (): Promise<DevelopmentIssuer> => {
  const { publicKey, privateKey } = await generateKeyPair(algorithm)
  const codes = new Map<string, Granted>()
  return {
    keys: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: algorithm, use: "sig" }] },
    grant: (request, user) => {
      const oldest = codes.size >= codesMax ? codes.keys().next().value : undefined
      if (oldest !== undefined) codes.delete(oldest)
      const code = randomSecret()
      codes.set(hashOf(code), { request, user, until: Date.now() + codeMs })
      return code
    },
    redeem: async (issuer, { code, redirectUri, verifier }) => {
      const granted = codes.get(hashOf(code))
      codes.delete(hashOf(code))
      if (granted === undefined || granted.until <= Date.now()) return undefined
      const { request, user } = granted
      const challenge = createHash("sha256").update(verifier).digest("base64url")
      if (request.redirectUri !== redirectUri || request.challenge !== challenge) return undefined
      return new SignJWT(claimsOf(user, request.nonce))
        .setProtectedHeader({ alg: algorithm, typ: "JWT", kid })
        .setIssuer(issuer)
        .setAudience(developmentClientId)
        .setSubject(user.username)
        .setJti(randomSecret())
        .setIssuedAt()
        .setExpirationTime(`${idTokenSeconds}s`)
        .sign(privateKey)
    },
  }
}
