/**
 * The user that `npm start` gives a key to: an administrator of the platform's tenant, who is stored, limited and audited
 * like everybody. Made in development only.
 */
import { createHash } from "node:crypto"
import { hostname } from "node:os"
import * as Effect from "effect/Effect"
import { ApiKeys, Directory, platformTenant } from "../../resources/index.ts"
import { developmentIssuerName } from "./login-config.ts"

export const developmentTenant = platformTenant
export const developmentUser = "developer"
/** Several nodes of one deployment have a key each. */
const keyNameOf = (home: string): string =>
  `npm start ${createHash("sha256").update(`${hostname()}:${home}`).digest("hex").slice(0, 8)}`

/** Gives the key of the last start under this home when it is still valid, else a new one in its place. */
export const developmentApiKey = Effect.fn("developmentUser.apiKey")(function* (
  home: string,
  last: string | undefined,
) {
  const keyName = keyNameOf(home)
  const keys = yield* ApiKeys
  const by = { tenant: developmentTenant, user: developmentUser }
  const claims = {
    issuer: developmentIssuerName,
    subject: developmentUser,
    username: developmentUser,
    email: `${developmentUser}@example.com`,
  }
  const { id: user_id } = yield* Directory.use((directory) =>
    directory.provision(developmentTenant, claims, { ...by, user: "system" }),
  )
  const known = last === undefined ? undefined : yield* keys.check(last)
  if (last !== undefined && known?.username === developmentUser) return last
  const before = yield* keys.list(developmentTenant, developmentUser)
  for (const { id, name } of before) if (name === keyName) yield* keys.revoke(by, developmentUser, id)
  const owner = { user_id, username: developmentUser }
  return (yield* keys.create(by, owner, { name: keyName, scopes: null, expiresAt: undefined })).key
})
