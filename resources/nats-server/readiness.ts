/**
 * When a server is ready: it greets a TCP connection with its INFO line, under the name
 * that was given to it and with JetStream on. A server listens only after its store is
 * recovered, so the greeting is the end of recovery too.
 */
import { connect } from "node:net"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

/** How often a server that is starting is asked. */
const askEveryMs = 25

/** How long one connection may take to be greeted. */
const greetingMs = 2_000

class NotReady extends Schema.TaggedError<NotReady>()("NotReady", {}) {}

const Greeting = Schema.fromJsonString(
  Schema.Struct({ server_name: Schema.String, jetstream: Schema.optionalKey(Schema.Boolean) }),
)

const readGreeting = (host: string, port: number) =>
  Effect.callback<string, NotReady>((resume) => {
    const socket = connect({ host, port })
    let text = ""
    const fail = () => resume(Effect.fail(new NotReady()))
    socket.setEncoding("utf8").setTimeout(greetingMs, fail).on("error", fail).on("close", fail)
    socket.on("data", (chunk: string) => {
      text += chunk
      const line = /^INFO (.*)\r\n/.exec(text)?.[1]
      if (line !== undefined) resume(Effect.succeed(line))
    })
    return Effect.sync(() => socket.destroy())
  })

/** Waits, without a bound of its own, until the server of that name answers with JetStream on. */
export const awaitReady = (host: string, port: number, serverName: string): Effect.Effect<void> =>
  readGreeting(host, port).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Greeting)),
    Effect.filterOrFail(
      (greeting) => greeting.server_name === serverName && greeting.jetstream === true,
      () => new NotReady(),
    ),
    Effect.retry(Schedule.spaced(askEveryMs)),
    Effect.asVoid,
    Effect.orDie,
  )
