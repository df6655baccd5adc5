/**
 * What a call is named by on every node. The name that a client's session has is given to it once and kept nowhere: it
 * only tells apart calls of the same number.
 */
import { createHash } from "node:crypto"
import type { GatewayRequest } from "../route.ts"

export const sessionHeader = "mcp-session-id"
const sessionPattern = /^[\x21-\x7e]{1,128}$/

/** Undefined without a session: nobody could say later which call is meant. */
export const callIdOf = ({ context, identity }: GatewayRequest, requestId: unknown): string | undefined => {
  const session = context.headers[sessionHeader]
  if (typeof session !== "string" || !sessionPattern.test(session)) return undefined
  const parts = JSON.stringify([identity.tenant, identity.user, session, requestId])
  return `mcp-${createHash("sha256").update(parts).digest("hex")}`
}
