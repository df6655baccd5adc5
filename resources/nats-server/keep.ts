/**
 * Keeps a server running while the scope is open: one that dies is started again on the
 * same store, port and secret, so that clients reconnect by themselves. Restarts are
 * bounded; a server that keeps dying is given up, and whoever waits on it is told.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import { NatsServerStartFailed } from "./errors.ts"
import { type PreparedServer, prepareServer, type ServerAddress, type StartOptions } from "./server.ts"
import type { ServerExit } from "./server-process.ts"

/** So many restarts within the window are taken for bad luck; one more is taken for a fault. */
const restartsMax = 10
const restartWindowMs = 5 * 60_000

const firstDelayMs = 100
const delayMsMax = 5_000

export interface KeepOptions extends StartOptions {
  /** Takes one line when the server died, when it is back, and when it is given up. */
  readonly report: (line: string) => Effect.Effect<void>
}

export interface KeptNatsServer extends ServerAddress {
  /** The process that runs now, or ran last. */
  readonly currentPid: Effect.Effect<number>
  /** Never succeeds; fails once the server was given up. Race the node against it. */
  readonly givenUp: Effect.Effect<never, NatsServerStartFailed>
}

const inWords = ({ exitCode, signal }: ServerExit) =>
  signal === undefined ? `exited with code ${exitCode ?? "unknown"}` : `was ended by ${signal}`

/** Waits before the next restart, longer each time; fails when there were too many lately. */
const spendRestart = Effect.fnUntraced(function* (recent: Ref.Ref<ReadonlyArray<number>>, storeDir: string) {
  const now = yield* Clock.currentTimeMillis
  const starts = yield* Ref.updateAndGet(recent, (times) => [
    ...times.filter((time) => now - time < restartWindowMs),
    now,
  ])
  if (starts.length > restartsMax) {
    const reason = `it needed more than ${restartsMax} restarts in ${restartWindowMs / 60_000} minutes`
    return yield* new NatsServerStartFailed({ storeDir, reason })
  }
  yield* Effect.sleep(Math.min(firstDelayMs * 2 ** (starts.length - 1), delayMsMax))
})

/** One life of the server: from its start to its end, which is a failure only when it never answered. */
const liveOnce = ({ launch }: PreparedServer, started: (pid: number) => Effect.Effect<unknown>) =>
  Effect.scoped(
    launch.pipe(
      Effect.tap((server) => started(server.pid)),
      Effect.flatMap((server) => server.exited),
    ),
  )

/** Starts the server again whenever it ends; returns only by failing. */
const supervise = Effect.fnUntraced(function* (
  prepared: PreparedServer,
  options: Pick<KeepOptions, "storeDir" | "report">,
  started: (pid: number) => Effect.Effect<unknown>,
) {
  const recent = yield* Ref.make<ReadonlyArray<number>>([])
  const startedAgain = (pid: number) =>
    Effect.andThen(started(pid), options.report(`nats-server is back on ${prepared.url}`))
  const first = yield* liveOnce(prepared, started)
  yield* options.report(`nats-server ${inWords(first)}; starting it again`)
  while (true) {
    yield* spendRestart(recent, options.storeDir).pipe(
      Effect.tapError((failure) => options.report(`${failure.message}; given up`)),
    )
    const outcome = yield* Effect.result(liveOnce(prepared, startedAgain))
    const what = Result.isSuccess(outcome)
      ? `nats-server ${inWords(outcome.success)}`
      : outcome.failure.message
    yield* options.report(`${what}; starting it again`)
  }
})

/** Keeps a server that is claimed and configured; waits until it answered for the first time. */
export const keepPrepared = Effect.fnUntraced(function* (
  prepared: PreparedServer,
  options: Pick<KeepOptions, "storeDir" | "report">,
) {
  const { launch, ...address } = prepared
  const pid = yield* Ref.make(0)
  const firstStart = yield* Deferred.make<void>()
  const started = (latest: number) =>
    Effect.andThen(Ref.set(pid, latest), Deferred.succeed(firstStart, undefined))
  const supervisor = yield* Effect.forkScoped(supervise(prepared, options, started))
  const givenUp = Fiber.join(supervisor)
  yield* Effect.raceFirst(Deferred.await(firstStart), givenUp)
  const kept: KeptNatsServer = { ...address, currentPid: Ref.get(pid), givenUp }
  return kept
})

/**
 * Starts a server like `startNatsServer`, and again whenever it dies while the scope is open.
 *
 * Errors: as `startNatsServer`, for the first start; later failures arrive through `givenUp`.
 */
export const keepNatsServer = Effect.fn("keepNatsServer")(function* (options: KeepOptions) {
  return yield* keepPrepared(yield* prepareServer(options), options)
})
