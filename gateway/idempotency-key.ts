/**
 * The Idempotency-Key of a request, as its user's own: nobody is given the answer to somebody else's command. A change
 * here changes stored keys: commands that are repeated across it are handled again.
 */
import { createHash } from "node:crypto"
import { GatewayError } from "./errors.ts"
import type { GatewayRequest } from "./route.ts"

/** What a header may hold, and what the engine stores. */
const keyCharactersMax = 256

/** The user's length keeps `a` with `b:c` from `a:b` with `c`. */
export const scopedKey = (user: string, key: string): string => {
  const scoped = `${user.length}:${user}:${key}`
  return scoped.length <= keyCharactersMax ? scoped : `sha256:${sha256(scoped)}`
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** Undefined without the header. Errors: 400 `GTW_HEAD_001`. */
export const idempotencyKeyOf = ({ http, identity }: GatewayRequest): string | undefined => {
  const header = http.env.incoming.headers["idempotency-key"]
  if (header === undefined) return undefined
  if (typeof header === "string" && header !== "" && header.length <= keyCharactersMax)
    return scopedKey(identity.user, header)
  throw new GatewayError(400, "GTW_HEAD_001", "The Idempotency-Key is not valid.", {
    field: "Idempotency-Key",
    reason: `1 to ${keyCharactersMax} characters`,
  })
}

/** The same, where an id must be short and plain. */
export const idempotentIdOf = (request: GatewayRequest): string | undefined => {
  const key = idempotencyKeyOf(request)
  return key === undefined ? undefined : `key-${sha256(key)}`
}
