/** The engine's signals as core NATS messages: delivered to whoever is connected now, else lost. */
import * as Effect from "effect/Effect"
import type { Signals } from "../engine/index.ts"
import type { NatsConnection } from "./connection.ts"
import { plain } from "./latest.ts"
import { encodeToken } from "./token.ts"

/** How long `subscribe` waits for the server to know of it; after that it takes effect with the next connection. */
const confirmTimeoutMs = 2_000

export const makeSignals = (nats: NatsConnection, subject: (token: string) => string): Signals.SignalBus => ({
  publish: (topic, data) => {
    if (!nats.status().connected) return
    try {
      nats.transport.publish(subject(encodeToken(topic)), data)
    } catch {
      // Closing, or larger than the server takes: lost, as a signal may be.
    }
  },
  subscribe: Effect.fnUntraced(function* (topic, handle) {
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        nats.transport.subscribe(subject(encodeToken(topic)), {
          callback: (error, message) => {
            if (error === null) handle(plain(message.data))
          },
        }),
      ),
      (subscription) => Effect.sync(() => subscription.unsubscribe()),
    )
    yield* Effect.promise(() => nats.transport.flush().catch(() => undefined)).pipe(
      Effect.timeoutOption(confirmTimeoutMs),
    )
  }),
})
