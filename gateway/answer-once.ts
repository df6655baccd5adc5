/**
 * A POST with an `Idempotency-Key` has its first answer kept: a repeat gets that answer, and runs nothing. Only successes
 * are kept: what was refused changed nothing, and may be right the next time.
 * Source: draft-ietf-httpapi-idempotency-key-header-07.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import {
  beginKeyedRequest,
  forgetKey,
  type KeptAnswer,
  keepAnswer,
  type Tenancy,
} from "../resources/index.ts"
import type { AnyEndpoint } from "../schemas/index.ts"
import { GatewayError } from "./errors.ts"
import { idempotencyKeyOf } from "./idempotency-key.ts"
import type { GatewayRequest } from "./route.ts"
import type { GatewayServices } from "./services.ts"

/** On top of what an answer may take: after it a request that crashed may be made again. */
const leaseMarginMs = 10_000

const fingerprintOf = ({ id }: AnyEndpoint, input: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify([id, input]))
    .digest("base64url")

const underWay = (untilMs: number, nowMs: number) =>
  new GatewayError(
    409,
    "GTW_IDEM_001",
    "A request with this Idempotency-Key is under way.",
    { field: "Idempotency-Key", remedy: "ask again later" },
    Math.max(1, Math.ceil((untilMs - nowMs) / 1_000)),
  )

const otherRequest = () =>
  new GatewayError(422, "GTW_IDEM_002", "This Idempotency-Key was used for another request.", {
    field: "Idempotency-Key",
    remedy: "use a new key for each request that is to be done",
  })

/** `answer` is called only for the first request. Errors: 409 `GTW_IDEM_001`, 422 `GTW_IDEM_002`. */
export const answerOnce = async (
  services: GatewayServices,
  request: GatewayRequest,
  asked: { readonly endpoint: AnyEndpoint; readonly input: unknown },
  answer: () => Promise<KeptAnswer>,
): Promise<KeptAnswer> => {
  const key = idempotencyKeyOf(request)
  if (key === undefined) return answer()
  const { tenant, user: username } = request.identity
  const owner = { tenant, username, key }
  const run = <A>(effect: Effect.Effect<A, unknown, Tenancy>) =>
    Effect.runPromiseWith(services.context)(effect)
  const nowMs = Date.now()
  const leaseMs = services.limits.requestMsMax + leaseMarginMs
  const fingerprint = fingerprintOf(asked.endpoint, asked.input)
  const beginning = await run(beginKeyedRequest(owner, { fingerprint, nowMs, leaseMs }))
  if (beginning._tag === "Other") throw otherRequest()
  if (beginning._tag === "UnderWay") throw underWay(beginning.untilMs, nowMs)
  if (beginning._tag === "Repeat") {
    const { headers, ...kept } = beginning.answer
    return { ...kept, headers: { ...headers, "Idempotency-Replayed": "true" } }
  }
  try {
    const first = await answer()
    // The change is done: that it cannot be kept in mind must not make it look failed.
    await run(keepAnswer(owner, first, Date.now())).catch((failure: unknown) =>
      services.log?.log("warn", "an answer could not be kept for its Idempotency-Key", { tenant }, failure),
    )
    return first
  } catch (failure) {
    await run(forgetKey(owner)).catch(() => undefined)
    throw failure
  }
}
