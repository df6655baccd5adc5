/** What the task is called that a request makes: the same for repeats with the same `Idempotency-Key`. */
import { createHash, randomUUID } from "node:crypto"
import { idempotencyKeyOf } from "../idempotency-key.ts"
import type { GatewayRequest } from "../route.ts"

/** `part`: which of several questions in one request it is. Errors: 400 `GTW_HEAD_001`. */
export const taskKeyOf = (request: GatewayRequest, part: unknown = ""): string => {
  const key = idempotencyKeyOf(request)
  if (key === undefined) return randomUUID()
  return `call-${createHash("sha256")
    .update(JSON.stringify([key, part]))
    .digest("hex")}`
}
