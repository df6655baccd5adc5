/**
 * The login of a node with nothing configured: a signing key and an API key kept under the node's home, readable by
 * its owner only, and a token for whoever started the node. Refused in production.
 */
import { randomBytes } from "node:crypto"
import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { SignJWT } from "jose"
import { algorithm, apiKeyPrefix, issuer, type KnownApiKey } from "./credentials.ts"
import { hashOf } from "./verified-tokens.ts"

export const developmentTenant = "default"
export const developmentUser = "developer"
const permissions = ["*"]
const tokenLifetime = "12h"

export interface DevelopmentLogin {
  readonly signingKey: Uint8Array
  readonly token: string
  readonly apiKey: string
  readonly apiKeys: ReadonlyArray<KnownApiKey>
}

/** What local tools read to reach the node. Shape: `node.json`, part of the API. */
export interface NodeFile {
  readonly url: string
  readonly token: string
  readonly apiKey: string
}

const nodeFile = (home: string) => join(home, "node.json")
const signingKeyFile = (home: string) => join(home, "auth", "signing-key")
const apiKeyFile = (home: string) => join(home, "auth", "api-key.sha256")

const readText = (path: string) => readFile(path, "utf8").catch(() => undefined)

/** Whole or not at all, and never readable by others, not even for a moment. */
const writePrivately = async (path: string, text: string): Promise<void> => {
  const draft = `${path}.${process.pid}.draft`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, path)
}

export const readNodeFile = async (home: string): Promise<NodeFile | undefined> => {
  const text = await readText(nodeFile(home))
  try {
    return text === undefined ? undefined : (JSON.parse(text) as NodeFile)
  } catch {
    return undefined
  }
}

export const writeNodeFile = (home: string, node: NodeFile): Promise<void> =>
  writePrivately(nodeFile(home), `${JSON.stringify(node, undefined, 2)}\n`)

const readOrMakeSigningKey = async (home: string): Promise<Uint8Array> => {
  const stored = await readText(signingKeyFile(home))
  if (stored !== undefined) return Buffer.from(stored.trim(), "base64url")
  const key = randomBytes(32)
  await writePrivately(signingKeyFile(home), `${key.toString("base64url")}\n`)
  return key
}

/** The key of the last start stays valid when the node still knows its hash. */
const readOrMakeApiKey = async (home: string): Promise<string> => {
  const hash = (await readText(apiKeyFile(home)))?.trim()
  const last = (await readNodeFile(home))?.apiKey
  if (typeof last === "string" && hashOf(last) === hash) return last
  const key = `${apiKeyPrefix}${randomBytes(32).toString("base64url")}`
  await writePrivately(apiKeyFile(home), `${hashOf(key)}\n`)
  return key
}

export const signToken = (
  signingKey: Uint8Array,
  claims: { readonly tenant: string; readonly user: string; readonly permissions: ReadonlyArray<string> },
  lifetime: string | number = tokenLifetime,
): Promise<string> =>
  new SignJWT({ tenant: claims.tenant, permissions: [...claims.permissions] })
    .setProtectedHeader({ alg: algorithm })
    .setIssuer(issuer)
    .setSubject(claims.user)
    .setIssuedAt()
    .setExpirationTime(lifetime)
    .sign(signingKey)

/** Rejects when `NODE_ENV` is `production`: a printed login has no place there. */
export const developmentLogin = async (
  home: string,
  environment: string | undefined,
): Promise<DevelopmentLogin> => {
  if (environment === "production")
    throw new Error(
      "The development login is refused with NODE_ENV=production, and no identity provider can be configured yet.",
    )
  await mkdir(join(home, "auth"), { recursive: true, mode: 0o700 })
  const signingKey = await readOrMakeSigningKey(home)
  const apiKey = await readOrMakeApiKey(home)
  const owner = { tenant: developmentTenant, user: developmentUser, permissions }
  return {
    signingKey,
    token: await signToken(signingKey, owner),
    apiKey,
    apiKeys: [{ ...owner, hash: hashOf(apiKey) }],
  }
}
