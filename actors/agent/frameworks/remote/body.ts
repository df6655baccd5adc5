/** What came back from an agent that runs elsewhere: one JSON document, or events one after another. */
import * as Effect from "effect/Effect"
import { dataOf } from "./data-lines.ts"
import type { Exchange, Trouble } from "./exchange.ts"
import { RemoteFailure } from "./failure.ts"
import { remoteLimits } from "./limits.ts"

export const isJson = (response: Response): boolean =>
  /^application\/(?:[^;]*\+)?json\b/i.test(response.headers.get("content-type") ?? "")

/** Parsed, as a `RemoteFailure` when it is no JSON. */
export const parsed = (text: string): Effect.Effect<unknown, RemoteFailure> =>
  Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: () => new RemoteFailure("AgentMalformed", "the agent's answer is not valid JSON"),
  })

export const readJson = (exchange: Exchange, response: Response): Effect.Effect<unknown, RemoteFailure> =>
  Effect.flatMap(
    exchange.wait(() => response.text()),
    parsed,
  )

/** An answer is over before its connection is: one that is cut off then would have to be made anew for the next answer. */
export const letEnd = (exchange: Exchange, next: () => Promise<unknown>): Effect.Effect<void> =>
  exchange.wait(next).pipe(Effect.timeoutOption(remoteLimits.endWaitMs), Effect.ignore)

/** Hands each event's data to `use`, in order, until there are no more or `use` gives true. */
export const eachEvent = Effect.fnUntraced(function* (
  exchange: Exchange,
  response: Response,
  use: (data: string) => Effect.Effect<boolean, Trouble>,
): Effect.fn.Return<void, Trouble> {
  if (response.body === null) return
  const events = dataOf(response.body)
  for (;;) {
    const next = yield* exchange.wait(() => events.next())
    if (next.done === true) return
    yield* exchange.say("")
    if (yield* use(next.value)) return yield* letEnd(exchange, () => events.next())
  }
})

export const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
