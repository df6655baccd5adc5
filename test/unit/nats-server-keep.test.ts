/** A server that dies is started again within bounds, on a virtual clock and with a scripted server. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { NatsServerStartFailed } from "../../resources/nats-server/errors.ts"
import { keepPrepared } from "../../resources/nats-server/keep.ts"
import type { PreparedServer } from "../../resources/nats-server/server.ts"
import type { ServerExit } from "../../resources/nats-server/server-process.ts"

const killed: ServerExit = { exitCode: undefined, signal: "SIGKILL" }
const failure = new NatsServerStartFailed({ storeDir: "store", reason: "scripted" })

/** A server whose every start and end the test decides; `starts` and `stopped` count them. */
const scriptedServer = (startsThatFail: ReadonlySet<number> = new Set()) => {
  const script = { starts: 0, stopped: 0, die: Effect.void as Effect.Effect<unknown> }
  const noteStop = () => {
    script.stopped += 1
  }
  const launch = Effect.gen(function* () {
    script.starts += 1
    if (startsThatFail.has(script.starts)) return yield* failure
    const exit = yield* Deferred.make<ServerExit>()
    script.die = Deferred.succeed(exit, killed)
    yield* Effect.addFinalizer(() => Effect.sync(noteStop))
    return { pid: script.starts, exited: Deferred.await(exit), stop: Effect.void }
  })
  const url = "nats://127.0.0.1:14000"
  const prepared: PreparedServer = {
    url,
    connection: { servers: url, user: "user", pass: "pass" },
    host: "127.0.0.1",
    port: 14_000,
    version: "2.15.1",
    sync: "default",
    launch,
  }
  return { script, prepared }
}

const reporting = Effect.gen(function* () {
  const lines = yield* Queue.unbounded<string>()
  const report = (line: string) => Effect.asVoid(Queue.offer(lines, line))
  return { options: { storeDir: "store", report }, nextLine: Queue.take(lines) }
})

describe("keeping a server", () => {
  it.effect("starts it again after a pause and says so", () =>
    Effect.gen(function* () {
      const { script, prepared } = scriptedServer()
      const { options, nextLine } = yield* reporting
      const kept = yield* keepPrepared(prepared, options)
      yield* script.die
      expect(yield* nextLine).toBe("nats-server was ended by SIGKILL; starting it again")
      expect(script.starts).toBe(1)
      yield* TestClock.adjust(100)
      expect(yield* nextLine).toBe("nats-server is back on nats://127.0.0.1:14000")
      expect(yield* kept.currentPid).toBe(2)
    }),
  )

  it.effect("fails when the very first start fails", () =>
    Effect.gen(function* () {
      const { prepared } = scriptedServer(new Set([1]))
      const { options } = yield* reporting
      expect(yield* Effect.flip(keepPrepared(prepared, options))).toBe(failure)
    }),
  )

  it.effect("tries again when a later start fails", () =>
    Effect.gen(function* () {
      const { script, prepared } = scriptedServer(new Set([2]))
      const { options, nextLine } = yield* reporting
      const kept = yield* keepPrepared(prepared, options)
      yield* script.die
      yield* nextLine
      yield* TestClock.adjust(100)
      expect(yield* nextLine).toBe(`${failure.message}; starting it again`)
      yield* TestClock.adjust(200)
      expect(yield* nextLine).toContain("is back on")
      expect(yield* kept.currentPid).toBe(3)
    }),
  )

  it.effect("gives up after ten restarts within five minutes and tells who waits", () =>
    Effect.gen(function* () {
      const { script, prepared } = scriptedServer()
      const { options, nextLine } = yield* reporting
      const kept = yield* keepPrepared(prepared, options)
      const givenUp = yield* Effect.forkChild(Effect.flip(kept.givenUp))
      for (let restart = 1; restart <= 10; restart++) {
        yield* script.die
        yield* nextLine
        yield* TestClock.adjust(5_000)
        yield* nextLine
      }
      yield* script.die
      yield* nextLine
      expect(yield* nextLine).toContain("it needed more than 10 restarts in 5 minutes; given up")
      expect((yield* Fiber.join(givenUp)).code).toBe("nats-server-start-failed")
      expect(script.starts).toBe(11)
    }),
  )

  it.effect("forgets restarts that are older than the window", () =>
    Effect.gen(function* () {
      const { script, prepared } = scriptedServer()
      const { options, nextLine } = yield* reporting
      yield* keepPrepared(prepared, options)
      for (let restart = 1; restart <= 25; restart++) {
        yield* TestClock.adjust("1 minute")
        yield* script.die
        yield* nextLine
        yield* TestClock.adjust(5_000)
        expect(yield* nextLine).toContain("is back on")
      }
    }),
  )

  it.effect("stops the server of the day with the scope, also after a restart", () =>
    Effect.gen(function* () {
      const { script, prepared } = scriptedServer()
      const { options, nextLine } = yield* reporting
      const scope = yield* Scope.make()
      yield* Effect.provideService(keepPrepared(prepared, options), Scope.Scope, scope)
      yield* script.die
      yield* nextLine
      yield* TestClock.adjust(100)
      yield* nextLine
      expect(script.stopped).toBe(1)
      yield* Scope.close(scope, Exit.void)
      expect(script.stopped).toBe(2)
      expect(script.starts).toBe(2)
    }),
  )
})
