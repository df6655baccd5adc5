/** Commands and downloads are bounded, and each failure is one line that says why. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  HostAccess,
  type HostAccessFailed,
  type HostAccessShape,
} from "../../resources/nats-server/host-access.ts"

const reasonOf = (ask: (host: HostAccessShape) => Effect.Effect<unknown, HostAccessFailed>) =>
  HostAccess.pipe(Effect.flatMap((host) => Effect.flip(ask(host))))

/** Serves until the scope closes: `/whole`, `/missing` and `/silent`, which never answers. */
const listening = Effect.acquireRelease(
  Effect.callback<{ readonly address: string; readonly close: () => void }>((resume) => {
    const server = createServer((request, response) => {
      if (request.url === "/silent") return
      response.statusCode = request.url === "/whole" ? 200 : 404
      response.end("0123456789")
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      const close = () => {
        server.closeAllConnections()
        server.close()
      }
      resume(Effect.succeed({ address: `http://127.0.0.1:${port}`, close }))
    })
  }),
  (server) => Effect.sync(server.close),
)

describe("running a command", () => {
  it.effect("gives what it printed", () =>
    Effect.gen(function* () {
      const host = yield* HostAccess
      expect(yield* host.run(process.execPath, ["--version"], { timeoutMs: 60_000 })).toContain(
        process.version,
      )
    }),
  )

  it.effect("says that it is not installed, its last complaint, or that it took too long", () =>
    Effect.gen(function* () {
      const complaining = "console.error('first'); console.error('last'); process.exit(3)"
      const endless = "setInterval(() => {}, 1000)"
      const { execPath } = process
      const reasons = yield* Effect.all([
        reasonOf((host) => host.run("millrace-has-no-such-command", [], { timeoutMs: 60_000 })),
        reasonOf((host) => host.run(execPath, ["-e", complaining], { timeoutMs: 60_000 })),
        reasonOf((host) => host.run(execPath, ["-e", endless], { timeoutMs: 50 })),
      ])
      expect(reasons.map(({ reason }) => reason)).toEqual([
        "millrace-has-no-such-command is not installed",
        "last",
        `${execPath} took longer than 0.05 s`,
      ])
    }),
  )
})

describe("downloading", () => {
  it.effect("gives the bytes", () =>
    Effect.gen(function* () {
      const host = yield* HostAccess
      const { address } = yield* listening
      const bytes = yield* host.download(`${address}/whole`, { timeoutMs: 60_000, bytesMax: 10 })
      expect(new TextDecoder().decode(bytes)).toBe("0123456789")
    }),
  )

  it.effect("is refused by status, by size and by time", () =>
    Effect.gen(function* () {
      const { address } = yield* listening
      const reasons = yield* Effect.all([
        reasonOf((host) => host.download(`${address}/missing`, { timeoutMs: 60_000, bytesMax: 10 })),
        reasonOf((host) => host.download(`${address}/whole`, { timeoutMs: 60_000, bytesMax: 9 })),
        reasonOf((host) => host.download(`${address}/silent`, { timeoutMs: 50, bytesMax: 10 })),
      ])
      expect(reasons.map(({ reason }) => reason)).toEqual([
        `${address}/missing answered 404`,
        "the answer is larger than 9 bytes",
        "The operation was aborted due to timeout",
      ])
    }),
  )
})
