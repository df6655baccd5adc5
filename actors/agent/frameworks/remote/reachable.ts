/** Whether an agent's service is there: one cheap request, bounded in time, that never fails. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AgentHealth, AgentView } from "../../../../schemas/index.ts"
import type { Platform } from "../../../platform-access.ts"
import { credentialHeaders, endpointOf } from "./address.ts"
import { RemoteFailure, remoteFailureOf } from "./failure.ts"
import { remoteLimits } from "./limits.ts"

export interface Probe {
  readonly endpoint: URL
  readonly headers: Readonly<Record<string, string>>
  /** As `fetch`. */
  readonly open: (url: URL, init?: RequestInit) => Promise<Response>
}

/** Rejects with what makes the agent unhealthy. */
export type Probing = (probe: Probe) => Promise<void>

/** Any answer shows that somebody is there, but for one that says that the service is not well. */
export const wellEnough = async (response: Response): Promise<void> => {
  await response.body?.cancel()
  if (response.status >= 500 && response.status !== 501)
    throw new RemoteFailure("AgentFailed", `it answered ${response.status}`)
}

/** HEAD asks for no work: whatever below 500 is answered counts, also that the method is not known there. */
const head: Probing = async ({ endpoint, headers, open }) =>
  wellEnough(await open(endpoint, { method: "HEAD", headers }))

export const checkWith =
  (probing: Probing) =>
  (
    view: AgentView,
    { egress }: Platform,
    credential: Redacted.Redacted | undefined,
  ): Effect.Effect<AgentHealth> =>
    Effect.gen(function* () {
      const began = yield* Clock.currentTimeMillis
      const open = egress.limited({ totalMs: remoteLimits.checkMs, bytesMax: remoteLimits.answerBytesMax })
      const failure = yield* Effect.tryPromise({
        try: async (signal) => {
          const secret = credential === undefined ? undefined : Redacted.value(credential)
          const headers = credentialHeaders(view, secret)
          await probing({
            endpoint: endpointOf(view),
            headers,
            open: (url, init) => open(url, { ...init, signal }),
          })
        },
        catch: (thrown) => remoteFailureOf(thrown, false),
      }).pipe(
        Effect.as(undefined),
        Effect.catch((failed: RemoteFailure) => Effect.succeed(failed)),
      )
      const latencyMs = (yield* Clock.currentTimeMillis) - began
      return failure === undefined
        ? { status: "healthy", latencyMs, consecutiveFailures: 0 }
        : { status: "unhealthy", latencyMs, consecutiveFailures: 0, detail: failure.message.slice(0, 500) }
    })

export const checkReachable = checkWith(head)
