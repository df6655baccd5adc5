/**
 * Carries out one delivery to a receiver: the change as the receiver's version of the protocol has it, through the one
 * way out. An ended or waiting task is sent whole; other changes are sent as they are. Source: A2A 1.0 §4.3.3.
 */
import { StreamResponse } from "@a2a-js/sdk"
import { V03PushNotificationSerializer } from "@a2a-js/sdk/compat/v0_3/server"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { ActivityFailure, type ActivityRun } from "../../engine/index.ts"
import { EgressRefused, SecretUnreadable, timedSignature } from "../../resources/index.ts"
import { isEnded, type TaskView } from "../../schemas/index.ts"
import { EngineAccess } from "../engine-access.ts"
import { PlatformAccess } from "../platform-access.ts"
import type { PushInput, PushOutput } from "./push.ts"
import { readTask } from "./read-task.ts"
import { openReceiver, type Receiver } from "./receiver.ts"
import { wireStatusUpdate, wireTask } from "./wire.ts"

/** Of what a receiver answers nothing is used but its status. */
const answerBytesMax = 64 * 1024
const totalMs = 15_000

const legacy = new V03PushNotificationSerializer()

const payloadOf = (view: TaskView): StreamResponse => {
  const told = view.events[0]
  const isWhole = told?.type !== "status" || isEnded(told.status) || told.status === "input-required"
  return isWhole
    ? { payload: { $case: "task", value: wireTask(view, { artifacts: true }) } }
    : wireStatusUpdate(view, told)
}

const bodyOf = (version: string, view: TaskView) => {
  const payload = payloadOf(view)
  return version === "1.0"
    ? { type: "application/a2a+json", body: JSON.stringify(StreamResponse.toJSON(payload)) }
    : { type: "application/json", body: String(legacy.serialize(payload).body) }
}

const headersOf = ({ token, scheme, credentials }: Receiver, seconds: number, body: string) => ({
  ...(token === undefined
    ? {}
    : { "X-A2A-Notification-Token": token, "X-Millrace-Signature": timedSignature(token, seconds, body) }),
  ...(credentials === undefined ? {} : { Authorization: `${scheme ?? "Bearer"} ${credentials}` }),
})

/** What is refused the next time as well, unless somebody changes the settings. */
const refusedForGood: ReadonlySet<string> = new Set(["url", "address", "redirect"])

/** Never a word of the receiver's, nor its address. */
const detailOf = (failure: unknown): string => {
  if (failure instanceof EgressRefused) return failure.message
  if (failure instanceof SecretUnreadable) return failure.message
  const cause =
    failure instanceof Error ? (failure.cause as { readonly code?: unknown } | undefined) : undefined
  return typeof cause?.code === "string" ? `no connection: ${cause.code}` : "no connection"
}

/** What the receiver will refuse again. Source: RFC 9110 §15.5; 408, 425 and 429 ask to come back. */
const isFinal = (status: number): boolean =>
  status >= 400 && status < 500 && ![408, 425, 429].includes(status)

export const deliver = Effect.fnUntraced(function* (
  { push, task, n }: PushInput,
  { self }: Pick<ActivityRun, "self">,
): Effect.fn.Return<PushOutput, ActivityFailure, EngineAccess | PlatformAccess> {
  const engine = yield* (yield* EngineAccess).engine
  const platform = yield* (yield* PlatformAccess).platform
  const startedAt = yield* Clock.currentTimeMillis
  const view = yield* readTask(engine, self.tenant, task, { after: n - 1, limit: 1 }).pipe(
    Effect.mapError(
      () => new ActivityFailure({ code: "Unavailable", detail: "the task did not answer", retryable: true }),
    ),
  )
  const owner = yield* platform.access(self.tenant, view.owner).pipe(
    Effect.mapError(
      () =>
        new ActivityFailure({
          code: "Unavailable",
          detail: "the directory did not answer",
          retryable: true,
        }),
    ),
  )
  if (owner?.active !== true)
    return { delivered: false, final: true, detail: "the task's owner is not active any more", latencyMs: 0 }
  const sent = yield* Effect.result(
    Effect.tryPromise({
      try: async (signal) => {
        const receiver = openReceiver(platform.secrets, { tenant: self.tenant, task }, push)
        const { type, body } = bodyOf(push.version, view)
        const seconds = Math.floor(startedAt / 1_000)
        const response = await platform.egress.limited({ bytesMax: answerBytesMax, totalMs })(receiver.url, {
          method: "POST",
          redirect: "error",
          headers: {
            "Content-Type": type,
            "A2A-Version": push.version,
            // Stable over attempts: who got it before knows it again.
            "X-Millrace-Delivery": `${task}:${push.id}:${n}`,
            ...headersOf(receiver, seconds, body),
          },
          body,
          signal,
        })
        await response.body?.cancel()
        return response.status
      },
      catch: (failure) => failure,
    }),
  )
  const latencyMs = (yield* Clock.currentTimeMillis) - startedAt
  if (sent._tag === "Failure") {
    const { failure } = sent
    const final = failure instanceof EgressRefused && refusedForGood.has(failure.problem)
    return { delivered: false, detail: detailOf(failure), latencyMs, ...(final ? { final } : {}) }
  }
  const status = sent.success
  if (status >= 200 && status < 300) return { delivered: true, status, latencyMs }
  return {
    delivered: false,
    status,
    detail: `the receiver answered ${status}`,
    latencyMs,
    ...(isFinal(status) ? { final: true } : {}),
  }
})
