/** One attempt to deliver a notification: with the channel as it is set now, and what the actor has to say. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ActivityRun } from "../../../engine/index.ts"
import { NotificationProtocol } from "../../../schemas/index.ts"
import { EngineAccess } from "../../engine-access.ts"
import { PlatformAccess } from "../../platform-access.ts"
import type { Input, Output } from "../activities.ts"
import { send } from "./send.ts"

/** Undefined: it is over meanwhile. Fails with what came of the attempt when the actor does not answer. */
export const readWaiting = Effect.fnUntraced(function* (n: number, { self }: Pick<ActivityRun, "self">) {
  const engine = yield* (yield* EngineAccess).engine
  return yield* engine
    .ask(NotificationProtocol, self.key, { _tag: "ReadWaiting", n }, { tenant: self.tenant })
    .pipe(
      Effect.mapError(
        (error): Output =>
          error._tag === "Rejected"
            ? { status: "given_up", detail: "it was over already" }
            : { status: "failed", detail: "the node could not say what to deliver" },
      ),
    )
})

/** The database's own words may quote what it was given. */
const unavailable = (failure: unknown): Output => ({
  status: "failed",
  detail:
    (failure as { readonly code?: unknown } | undefined)?.code === "CEP_CHAN_005"
      ? "the channel's settings cannot be opened with the keys of this node"
      : "the channel's settings could not be read",
})

const attempt = Effect.fnUntraced(function* (
  { n, test }: Input,
  run: Pick<ActivityRun, "self">,
): Effect.fn.Return<Output, Output, EngineAccess | PlatformAccess> {
  const platform = yield* (yield* PlatformAccess).platform
  const { tenant, key } = run.self
  const channel = yield* platform.channels.open(tenant, key).pipe(Effect.mapError(unavailable))
  if (channel === undefined) return { status: "given_up", detail: `there is no channel "${key}"` }
  const { perMinuteMax } = channel
  if (!channel.enabled && test === undefined)
    return { status: "given_up", detail: "the channel is disabled", perMinuteMax }
  const { token, notification } = test ?? (yield* readWaiting(n, run))
  if (notification === undefined) return { status: "given_up", detail: "a channel carries out no actions" }
  const now = yield* Clock.currentTimeMillis
  const sent = yield* send(channel.settings, { platform, channel, notification, token, now })
  return { ...sent, perMinuteMax }
})

export const deliver = (input: Input, run: Pick<ActivityRun, "self">) =>
  Effect.catch(attempt(input, run), Effect.succeed)
