/**
 * Picks a port for a server that keeps it across restarts. It lies below the range from
 * which systems take ports for outgoing connections: there, a client that reconnects
 * while the server is down could connect to itself and keep the port from the server.
 */
import { randomInt } from "node:crypto"
import { createServer } from "node:net"
import * as Effect from "effect/Effect"

const lowest = 14_000
const highest = 32_000
const triesMax = 50

const isFree = (host: string, port: number) =>
  Effect.callback<boolean>((resume) => {
    const probe = createServer()
    probe.once("error", () => resume(Effect.succeed(false)))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resume(Effect.succeed(true))))
  })

/** A port on `host` that nothing listens on now; `undefined` when many random ones were all taken. */
export const findFreePort = Effect.fn("findFreePort")(function* (host: string) {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = randomInt(lowest, highest)
    if (yield* isFree(host, port)) return port
  }
  return undefined
})
